"""Bad disks, bad clocks and two builders: one clear line, and nothing committed is lost."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.settings import Target
from crafter_dataset.commands.build import main
from crafter_dataset.commands.ending import describe_os_error
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.reliability.containers import (
    HDF5,
    ZARR,
    Kind,
    build_command,
    committed,
    each_kind,
    problems,
    seen_by_reader,
    start_build,
)

FRAMES = 900
ENDLESS = 3_000_000
QUICKLY = {"workers": 0, "num_envs": 1, "commit_seconds": 0}

pytestmark = each_kind(ZARR, HDF5)


def fails(path: Path, kind: Kind, reason: str, *flags: str) -> None:
    """Run a build in this process; check that it fails with one line that says why."""
    options = {"frames": ENDLESS, "pictures": kind.pictures, **QUICKLY}
    command = build_command(path, "--quiet", *flags, **options)
    errors = io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(errors):
        patch.setattr(sys, "argv", ["build-dataset", *command[1:]])
        with pytest.raises(SystemExit) as caught:
            main()
    for number, handler in handlers.items():
        signal.signal(number, handler)
    text = errors.getvalue()
    assert caught.value.code == 1, text
    assert text.count("\n") == 1, text
    assert text.startswith("build-dataset: error: "), text
    assert reason in text


def check_resume(path: Path, kind: Kind, frames: int) -> None:
    """Check that what is there is whole, and goes on to the right digest."""
    kept = committed(path)
    assert problems(path) == []
    settings, target = kind.settings, Target(frames=frames)
    done = build(path, settings, target, workers=0, resume=True)
    whole = build(path.with_name(f"whole{path.suffix}"), settings, target, workers=0)
    assert done.metadata.digest == whole.metadata.digest
    # The last may have been cut.
    assert committed(path)[: len(kept) - 1] == kept[:-1]
    assert problems(path) == []


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """Mount a disk of so many bytes in memory; skip the test where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a disk takes root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], stderr=subprocess.DEVNULL)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def test_a_full_disk(tmp_path, kind):
    with small_disk(tmp_path / "disk", "600k") as disk:
        path = disk / f"d{kind.suffix}"
        fails(path, kind, "No space left on device")
        kept = committed(path)
        assert kept
        fails(path, kind, "No space left on device", "--resume")
        assert committed(path)[: len(kept)] == kept
        remount(disk, "size=100m")
        check_resume(path, kind, open_dataset(path).frames + 300)


def test_a_limit_on_files(tmp_path, kind):
    path = tmp_path / f"d{kind.suffix}"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(
        resource.RLIMIT_FSIZE, (100_000 if kind.suffix == ".h5" else 60_000, limits[1])
    )
    try:
        fails(path, kind, "File too large")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert committed(path)
    check_resume(path, kind, open_dataset(path).frames + 300)


def test_a_disk_that_cannot_be_written(tmp_path, kind):
    with small_disk(tmp_path / "disk", "50m") as disk:
        path = disk / f"d{kind.suffix}"
        build(path, kind.settings, Target(frames=300), workers=0)
        before = committed(path)
        remount(disk, "ro")
        fails(disk / f"new{kind.suffix}", kind, "Read-only file system")
        fails(path, kind, "Read-only file system", "--resume")
        fails(path, kind, "Read-only file system", "--overwrite")
        assert committed(path) == before
        assert problems(path) == []
        remount(disk, "rw")
        check_resume(path, kind, FRAMES)


def test_a_folder_that_cannot_be_written(tmp_path, kind):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    fails(folder / f"d{kind.suffix}", kind, "Permission denied")


def build_until(path: Path, kind: Kind, happens: Callable[[], object]) -> str:
    """Let something happen once episodes are committed; return the one line that ends the build."""
    happened: list[object] = []

    def look() -> bool:
        if not happened and path.exists() and len(open_dataset(path)):
            happened.append(happens())
        return False

    target = Target(frames=20_000)
    with pytest.raises((OSError, BuildError)) as caught:
        build(path, kind.settings, target, workers=0, should_stop=look, commit_seconds=0.05)
    assert happened
    error = caught.value
    return describe_os_error(error, {}) if isinstance(error, OSError) else str(error)


def test_a_dataset_that_is_moved_away(tmp_path, kind):
    path, away = tmp_path / f"d{kind.suffix}", tmp_path / f"away{kind.suffix}"
    text = build_until(path, kind, lambda: path.rename(away))
    assert str(path) in text
    assert "\n" not in text
    assert committed(away)
    check_resume(away, kind, open_dataset(away).frames + 300)


def test_a_disk_that_goes(tmp_path, kind):
    with small_disk(tmp_path / "disk", "50m") as disk:
        path = disk / f"d{kind.suffix}"
        text = build_until(
            path, kind, lambda: subprocess.run(["umount", "-l", str(disk)], check=True)
        )
    assert str(path) in text
    assert "\n" not in text


def test_a_clock_that_is_set_back(tmp_path, kind, monkeypatch):
    path = tmp_path / f"d{kind.suffix}"
    now = iter(range(2 * 10**9, 0, -(10**6)))
    monkeypatch.setattr(time, "time", lambda: float(next(now)))
    build(path, kind.settings, Target(frames=100), workers=0, commit_seconds=0.0)
    assert problems(path) == []
    for file in [path, *path.rglob("*")]:
        os.utime(file, (4 * 10**9, 4 * 10**9))
    check_resume(path, kind, 300)


def test_two_builders(tmp_path, kind):
    path = tmp_path / f"d{kind.suffix}"
    first = start_build(path, "--quiet", frames=ENDLESS, pictures=kind.pictures, **QUICKLY)
    try:
        while not (path.exists() and seen_by_reader(path)):
            assert first.poll() is None, first.communicate()[1]
            time.sleep(0.02)
        for flag in ("--resume", "--overwrite"):
            fails(path, kind, "another build is writing to it", flag)
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.communicate()
    check_resume(path, kind, open_dataset(path).frames + 300)
