"""Where a dataset is to be written: what is there, who may write, and what becomes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.storage import containers
from crafter_dataset.builder.storage.belongings import (
    clear_folder,
    foreign_names,
    is_empty,
    remove_dataset,
)
from crafter_dataset.builder.storage.files import sync_folder
from crafter_dataset.builder.storage.locks import exclusive
from crafter_dataset.builder.storage.writer import DatasetWriter
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import Advice, DatasetError, NotADatasetError
from crafter_dataset.schemas.hdf5_format import is_hdf5
from crafter_dataset.schemas.metadata import Counts, Metadata
from crafter_dataset.schemas.wording import extent

PLACE_ADVICE = (Advice("go on with it by", "resume"), Advice("replace it by", "overwrite"))
"""What can be done where a dataset is in the way."""

MOST_NAMED = 3
"""Files of the user's that are named, at most, where there are many."""

Pictures = Callable[[], Mapping[str, NDArray[Any]]]
"""Returns what all pictures of a dataset are drawn with."""


class Place:
    """The place of a dataset that is to be written.

    A dataset in a free place grows there, and readers see what is committed. One
    that replaces another grows beside it and takes its place when it is
    complete: until then the other one stays as it is. A dataset that is left
    without any episode is removed.

    Parameters
    ----------
    path : Path
        Where the dataset is to be.
    resume : bool
        Go on with what is there, or with what an earlier run has begun to
        replace it by.
    overwrite : bool
        Replace the dataset that is there.
    append : bool
        Add to the dataset that is there.
    advice : sequence of Advice
        What to tell the user who may do none of these.

    Attributes
    ----------
    unfinished : Path
        Where a dataset grows that is to replace the one that is there.
    """

    def __init__(
        self,
        path: Path,
        *,
        resume: bool = False,
        overwrite: bool = False,
        append: bool = False,
        advice: Sequence[Advice] = PLACE_ADVICE,
    ) -> None:
        self._path, self._advice = path, advice
        self._resume, self._overwrite, self._append = resume, overwrite, append
        # A file has one lock, whatever leads to it, and a link stays one.
        named = path.name not in ("", "..") and not path.is_symlink()
        self._target = path if named else Path(os.path.realpath(path))
        self.unfinished = self._beside("unfinished")
        self._replaced = self._beside("replaced")

    def _beside(self, word: str) -> Path:
        target = self._target
        return target.parent / f".{target.stem}.{word}{target.suffix}"

    def look(self) -> Metadata | None:
        """Refuse a path that may not be written; return the metadata of what to go on with.

        Returns
        -------
        Metadata or None
            None if a new dataset is to be written.

        Raises
        ------
        BuildError
            If a dataset is there that may not be touched, or something else.
        DatasetError
            If the dataset to go on with is of another version, or damaged.
        """
        if self._goes_on_beside():
            return self._metadata_of(self.unfinished)
        if self._is_begun() and not self._append:
            self._metadata_of(self.unfinished)  # it is to be one of ours
            if not self._overwrite:
                raise BuildError(
                    f"{self._path}: expected nothing that is unfinished, found {self.unfinished}",
                    advice=(
                        Advice("go on with it by", "resume"),
                        Advice("begin anew by", "overwrite"),
                    ),
                )
        if self._is_free():
            return None
        if not self._is_dataset(self._target):
            raise BuildError(
                f"{self._path}: expected a Crafter dataset or nothing, found something else"
            )
        if self._overwrite:
            self._check_nothing_else()
            return None
        metadata = None
        if self._resume or self._append or self._is_shell():
            metadata = self._metadata_of(self._target)
        if self._resume or self._append:
            return metadata
        if metadata is not None:
            return None
        raise BuildError(f"{self._path}: exists already", advice=self._advice)

    @contextmanager
    def writing(
        self, new: Metadata | None, pictures: Pictures = dict
    ) -> Iterator[tuple[DatasetWriter, bool]]:
        """Hold the only right to write there, and write.

        Parameters
        ----------
        new : Metadata or None
            Of the dataset, without any episode, if a new one is to be written; None if there is
            one to go on with.
        pictures : callable
            Returns what all its pictures are drawn with, as `DatasetWriter.fill` takes it.

        Yields
        ------
        writer : DatasetWriter
            What writes it; closed at the end.
        goes_on : bool
            Whether it goes on with a dataset, rather than to write a new one.

        Raises
        ------
        BuildError
            If a dataset is there that may not be touched, something else, or
            somebody else is writing.
        DatasetError
            If the dataset to go on with is of another version, or damaged.
        OSError
            If the disk is full or cannot be written.
        """
        with ExitStack() as stack:
            self._hold(stack)
            if self._recover():
                self._hold(stack)  # the folder is another now
            stored = self.look()  # now nobody else can change it
            beside = self._goes_on_beside()
            if stored is None:
                beside = self._overwrite and not self._is_free() and not self._is_shell()
                self._clear(beside)
            where = self.unfinished if beside else self._target
            writer = None
            try:
                if stored is not None:
                    writer = containers.resume(where)
                    if not writer.is_filled:
                        writer.fill(pictures())
                elif new is not None:
                    writer = containers.create(where, new, pictures())
                else:
                    raise BuildError(f"{self._path}: expected a dataset to go on with, found none")
                yield writer, stored is not None
            finally:
                if writer is not None:
                    writer.close()
                done = writer is not None and writer.committed.status == "complete"
                empty = writer is None or not writer.committed.counts.episodes
                if stored is None and empty and not done:
                    self._discard(where)
            if done and beside:
                self._replace()

    def shown(self, writer: DatasetWriter) -> Path:
        """Return where a writer's dataset is, or was at last, as the user names it.

        Parameters
        ----------
        writer : DatasetWriter
            What writes there, or wrote.
        """
        beside = writer.path == self.unfinished and writer.committed.status != "complete"
        return self.unfinished if beside else self._path

    def _hold(self, stack: ExitStack) -> None:
        if not stack.enter_context(exclusive(self._target)):
            raise BuildError(f"{self._path}: another build is writing to it")

    def _is_begun(self) -> bool:
        """Whether a dataset is there that was begun in order to replace another."""
        return not _is_free(self.unfinished)

    def _goes_on_beside(self) -> bool:
        return self._resume and not self._append and self._is_begun()

    def _is_free(self) -> bool:
        return _is_free(self._target)

    def _is_dataset(self, path: Path) -> bool:
        try:
            return not path.is_symlink() and ATTRIBUTE in containers.read_attributes(path)
        except NotADatasetError:
            return False

    def _metadata_of(self, path: Path) -> Metadata:
        if not self._is_dataset(path):
            raise BuildError(f"{path}: expected a Crafter dataset or nothing, found something else")
        return Metadata.from_attributes(containers.read_attributes(path), str(path))

    def _is_shell(self) -> bool:
        """Whether the dataset that is there was begun, and holds nothing at all yet."""
        try:
            metadata = self._metadata_of(self._target)
        except (BuildError, DatasetError):
            return False
        begun = metadata.status == "building" and not metadata.counts.episodes
        return begun and not foreign_names(self._target)

    def _check_nothing_else(self) -> None:
        """Refuse to replace a folder or file that holds what is not the dataset's."""
        if os.path.ismount(self._target):
            raise BuildError(
                f"{self._path}: expected a folder that another can replace, found the root of a "
                "file system; empty it yourself"
            )
        foreign = foreign_names(self._target)
        if foreign:
            named = ", ".join(foreign[:MOST_NAMED])
            more = len(foreign) - MOST_NAMED
            raise BuildError(
                f"{self._path}: expected nothing but the dataset to replace, found {named}"
                f"{f' and {more} more' if more > 0 else ''}; move what is yours elsewhere"
            )

    def _clear(self, beside: bool) -> None:
        """Make room for a new dataset."""
        if self._overwrite and os.path.lexists(self.unfinished):
            remove_dataset(self.unfinished)
        if beside:
            if not is_hdf5(self._target):
                self.unfinished.mkdir()
        elif is_hdf5(self._target):
            remove_dataset(self._target)
        else:
            clear_folder(self._target)

    def _discard(self, where: Path) -> None:
        """Remove a dataset that this run has begun, and that holds nothing."""
        if where == self._target and not is_hdf5(where):
            clear_folder(where)  # its folder goes with the lock, unless it was there before
        elif os.path.lexists(where):
            remove_dataset(where)

    def _replace(self) -> None:
        """Put the dataset that is complete in the place of the other one."""
        try:
            self._check_nothing_else()
        except BuildError as error:
            raise BuildError(f"{error}; the new dataset is {self.unfinished}") from None
        if is_hdf5(self._target):
            os.replace(self.unfinished, self._target)
            sync_folder(self._target.parent)
            return
        os.rename(self._target, self._replaced)
        os.rename(self.unfinished, self._target)
        sync_folder(self._target.parent)
        remove_dataset(self._replaced)

    def _recover(self) -> bool:
        """End what a killed process was about; tell whether the place is another one now."""
        if is_hdf5(self._target) or not os.path.lexists(self._replaced):
            return False
        if not self._is_free():
            remove_dataset(self._replaced)
            return False
        has_new = self._is_begun()
        os.rename(self.unfinished if has_new else self._replaced, self._target)
        sync_folder(self._target.parent)
        if has_new:
            remove_dataset(self._replaced)
        return True


def _is_free(path: Path) -> bool:
    """Whether nothing is there, or only what a killed writer has left first."""
    if not os.path.lexists(path):
        return True
    return path.is_dir() and not path.is_symlink() and not is_hdf5(path) and is_empty(path)


def describe_kept(path: Path, kept: Counts) -> tuple[str, tuple[Advice, ...]]:
    """Say how much of an unfinished build is safe, and how to go on.

    Parameters
    ----------
    path : Path
        The dataset.
    kept : Counts
        What is committed.

    Returns
    -------
    text : str
        What is kept.
    advice : tuple of Advice
        How to go on.
    """
    if not kept.episodes:
        return "nothing was written", ()
    if not path.exists():
        return f"what was committed went with {path}", ()
    text = f"{extent(kept.episodes, kept.frames)} are safe in {path}"
    return text, (Advice("go on with", "resume"),)
