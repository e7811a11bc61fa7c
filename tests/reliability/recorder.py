"""Record what a process does to the files below a folder, in the order in which it does it.

Files and folders are known by numbers, as inodes are, so that a write belongs
to its file whatever name that has by then. Only Python's own calls are seen.
"""

from __future__ import annotations

import builtins
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = 0
"""Number of the folder that is recorded."""


@dataclass(frozen=True)
class Step:
    """One operation.

    Parameters
    ----------
    kind : str
        `link` (a name in `folder` now means `node`; None: nothing), `write`
        (`data` at `offset`), `resize` (to `offset`), `sync` (of a file's bytes
        or a folder's names) or `mark` (of the test).
    node : int or None
        What it is done to.
    is_folder : bool
        Whether that is a folder.
    folder : int
        Where the name is.
    name : str
        The name, or the mark.
    old : tuple of int and str, optional
        Folder and name that it had until then.
    """

    kind: str
    node: int | None = None
    is_folder: bool = False
    folder: int = ROOT
    name: str = ""
    offset: int = 0
    data: bytes = b""
    old: tuple[int, str] | None = None


class Recorder:
    """The steps of a build, filled in by `recording`.

    Attributes
    ----------
    steps : list of Step
        In the order in which they were done.
    """

    def __init__(self, root: Path) -> None:
        self._root = os.path.abspath(root)
        self.steps: list[Step] = []
        self._nodes = {self._inode(self._root): ROOT}
        self._count = 1

    def mark(self, name: str) -> None:
        """Note what the test wants to know."""
        self.steps.append(Step("mark", name=name))

    def known(self, file: Any) -> int | None:
        """Return the number of an open or named file; None if it is not below the folder."""
        try:
            return self._nodes.get(self._inode(file))
        except OSError:
            return None

    def covers(self, path: Any) -> bool:
        """Whether a path lies below the folder."""
        return not isinstance(path, int) and os.path.abspath(os.fspath(path)).startswith(
            self._root + os.sep
        )

    def adopt(self, path: Any) -> None:
        """Take note of a file or folder that has just been made."""
        folder, name = self._place(path)
        self._nodes[self._inode(path)] = self._count  # the number of a deleted one may come back
        self.steps.append(Step("link", self._count, os.path.isdir(path), folder, name))
        self._count += 1

    def unlink(self, folder: int, name: str) -> None:
        """Take note of a name that is gone."""
        self.steps.append(Step("link", None, False, folder, name))

    def move(self, old: tuple[int, str], new: Any) -> None:
        """Take note of a file or folder that has another name."""
        folder, name = self._place(new)
        node = self.known(new)
        self.steps.append(Step("link", node, os.path.isdir(new), folder, name, old=old))

    def place(self, path: Any, dir_fd: int | None) -> tuple[int, str] | None:
        """Return the folder's number and the name; None if it is not below the folder."""
        if dir_fd is not None:
            folder = self.known(dir_fd)
            return None if folder is None else (folder, os.fspath(path))
        return self._place(path) if self.covers(path) else None

    def write(self, node: int, offset: int, data: Any) -> None:
        """Take note of bytes that were written."""
        self.steps.append(Step("write", node, offset=offset, data=bytes(data)))

    def resize(self, node: int, size: int) -> None:
        """Take note of a file's new size."""
        self.steps.append(Step("resize", node, offset=size))

    def sync(self, node: int) -> None:
        """Take note that all of a file or folder is durable now."""
        self.steps.append(Step("sync", node))

    def _place(self, path: Any) -> tuple[int, str]:
        folder, name = os.path.split(os.path.abspath(os.fspath(path)))
        return self._nodes[self._inode(folder)], name

    @staticmethod
    def _inode(file: Any) -> tuple[int, int]:
        status = os.stat(file)
        return status.st_dev, status.st_ino


class _RecordedFile(io.FileIO):
    """The lowest layer of a Python file."""

    recorder: Recorder
    node: int

    def write(self, data: Any) -> int:
        offset = self.tell()
        count = super().write(data)
        self.recorder.write(self.node, offset, bytes(memoryview(data).cast("B")[:count]))
        return count

    def truncate(self, size: int | None = None) -> int:
        size = super().truncate(size)
        self.recorder.resize(self.node, size)
        return size


@contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    """Record what is done below a folder, which must be empty."""
    recorder = Recorder(root)
    with pytest.MonkeyPatch.context() as patch:
        _patch_open(patch, recorder)
        _patch_descriptors(patch, recorder)
        _patch_names(patch, recorder)
        yield recorder


def _patch_open(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    plain = builtins.open

    def recorded_open(file: Any, mode: str = "r", buffering: int = -1, *rest: Any, **named: Any):
        if not set(mode) & set("wax+") or not (recorder.covers(file) or isinstance(file, int)):
            return plain(file, mode, buffering, *rest, **named)
        if isinstance(file, int) and recorder.known(file) is None:
            return plain(file, mode, buffering, *rest, **named)
        assert "b" in mode, f"{file}: expected binary files alone, found mode {mode}"
        is_new = not isinstance(file, int) and not os.path.lexists(file)
        raw = _RecordedFile(file, mode.replace("b", ""), named.get("closefd", True))
        if is_new:
            recorder.adopt(file)
        node = recorder.known(raw.fileno())
        assert node is not None
        raw.recorder, raw.node = recorder, node
        if "w" in mode and not is_new:
            recorder.resize(node, 0)
        if buffering == 0:
            return raw
        return (io.BufferedRandom if "+" in mode else io.BufferedWriter)(raw)

    patch.setattr(builtins, "open", recorded_open)
    patch.setattr(io, "open", recorded_open)


def _patch_descriptors(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    plain = {
        name: getattr(os, name)
        for name in ("open", "write", "pwrite", "pwritev", "writev", "ftruncate", "fsync")
    }

    def recorded_open(path: Any, flags: int, *rest: Any, **named: Any) -> int:
        is_new = recorder.covers(path) and not os.path.lexists(path)
        descriptor = plain["open"](path, flags, *rest, **named)
        if is_new:
            recorder.adopt(path)
        elif flags & os.O_TRUNC and (node := recorder.known(descriptor)) is not None:
            recorder.resize(node, 0)
        return descriptor

    def put(offset: Callable[..., int], name: str) -> Callable[..., int]:
        def recorded(descriptor: int, data: Any, *rest: Any) -> int:
            node, start = recorder.known(descriptor), 0
            if node is not None:
                start = offset(descriptor, *rest)
            count = plain[name](descriptor, data, *rest)
            if node is not None:
                parts = data if name.endswith("v") else [data]
                recorder.write(node, start, b"".join(map(bytes, parts))[:count])
            return count

        return recorded

    def here(descriptor: int, *rest: Any) -> int:
        return os.lseek(descriptor, 0, os.SEEK_CUR)

    def there(descriptor: int, offset: int, *rest: Any) -> int:
        return offset

    def recorded_ftruncate(descriptor: int, size: int) -> None:
        plain["ftruncate"](descriptor, size)
        if (node := recorder.known(descriptor)) is not None:
            recorder.resize(node, size)

    def recorded_fsync(file: Any) -> None:
        # What the system does for it takes time, and no power fails here.
        node = recorder.known(file if isinstance(file, int) else file.fileno())
        if node is None:
            plain["fsync"](file)
        else:
            recorder.sync(node)

    patch.setattr(os, "open", recorded_open)
    for name, offset in (("write", here), ("writev", here), ("pwrite", there), ("pwritev", there)):
        patch.setattr(os, name, put(offset, name))
    patch.setattr(os, "ftruncate", recorded_ftruncate)
    patch.setattr(os, "fsync", recorded_fsync)
    patch.setattr(os, "fdatasync", recorded_fsync)


def _patch_names(patch: pytest.MonkeyPatch, recorder: Recorder) -> None:
    mkdir, truncate = os.mkdir, os.truncate

    def recorded_mkdir(path: Any, *rest: Any, **named: Any) -> None:
        mkdir(path, *rest, **named)
        if recorder.covers(path):
            recorder.adopt(path)

    def recorded_truncate(path: Any, length: int) -> None:
        truncate(path, length)
        if (node := recorder.known(path)) is not None:
            recorder.resize(node, length)

    def removing(plain: Callable[..., None]) -> Callable[..., None]:
        def recorded(path: Any, *, dir_fd: int | None = None) -> None:
            place = recorder.place(path, dir_fd)
            plain(path, dir_fd=dir_fd)
            if place is not None:
                recorder.unlink(*place)

        return recorded

    def moving(plain: Callable[..., None]) -> Callable[..., None]:
        def recorded(old: Any, new: Any, **named: Any) -> None:
            place = recorder.place(old, None)
            plain(old, new, **named)
            if place is not None:
                recorder.move(place, new)

        return recorded

    patch.setattr(os, "mkdir", recorded_mkdir)
    patch.setattr(os, "truncate", recorded_truncate)
    for name in ("unlink", "remove", "rmdir"):
        patch.setattr(os, name, removing(getattr(os, name)))
    for name in ("replace", "rename"):
        patch.setattr(os, name, moving(getattr(os, name)))
