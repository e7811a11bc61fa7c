"""Kill a build at random moments and go on with it."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from crafter_dataset.builder.settings import Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.errors import NotADatasetError
from tests.building import build
from tests.reliability.containers import (
    DRAWN_ZARR,
    HDF5,
    ZARR,
    build_command,
    committed,
    each_kind,
    problems,
    remove,
    seen_by_reader,
    start_build,
)
from tests.reliability.report import campaign

WORKERS = (0, 1, 3)


def kill_at(path: Path, moment: float, **options: object) -> list[bytes] | None:
    """Kill a build after so many seconds; return what was committed then, None if it had ended."""
    process = start_build(path, "--resume", "--quiet", **options)
    try:
        process.wait(moment)
    except subprocess.TimeoutExpired:
        seen = seen_by_reader(path)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return seen
    assert process.returncode == 0, process.communicate()[1]
    process.communicate()
    return None


def check_kept(path: Path, seen: list[bytes], figures: Counter[str]) -> None:
    """Check that the dataset is valid and holds at least what a reader saw before."""
    try:
        kept = committed(path)
    except NotADatasetError:
        assert not seen, "a dataset that was there is none any more"
        figures["before the first commit"] += 1
        return
    assert kept[: len(seen)] == seen
    assert problems(path) == []
    figures["with episodes committed"] += bool(kept)


@each_kind(ZARR, HDF5, DRAWN_ZARR)
@pytest.mark.parametrize(
    ("kills", "frames"), [(1, 2_000), pytest.param(100, 30_000, marks=pytest.mark.slow)]
)
def test_kills(tmp_path, kind, kills, frames):
    options = {"frames": frames, "commit_seconds": 0.1, "pictures": kind.pictures}
    settings, target = kind.settings, Target(frames=frames)
    whole = build(tmp_path / f"whole{kind.suffix}", settings, target, workers=0)
    durations = {}
    for workers in WORKERS if kills > 10 else (1,):
        path = tmp_path / f"undisturbed{kind.suffix}"
        begun = time.monotonic()
        subprocess.run(build_command(path, "--quiet", workers=workers, **options), check=True)
        durations[workers] = time.monotonic() - begun
        assert open_dataset(path).metadata.digest == whole.metadata.digest
        remove(path)
    rng = random.Random(kills)
    path = tmp_path / f"d{kind.suffix}"
    seen: list[bytes] = []
    with campaign("kills", kind) as figures:
        while figures["kills"] < kills:
            workers = rng.choice(WORKERS)
            moment = rng.uniform(0, durations.get(workers, durations[1]))
            case = f"kill {figures['kills']}, workers {workers}, after {moment:.3f} s"
            found = kill_at(path, moment, workers=workers, **options)
            if found is None:  # it had come to its end
                assert open_dataset(path).metadata.digest == whole.metadata.digest, case
                figures["resumed to the end"] += 1
                remove(path)
                seen = []
                continue
            assert found[: len(seen)] == seen, case
            figures["kills"] += 1
            try:
                check_kept(path, found, figures)
            except Exception as error:
                error.add_note(case)
                raise
            seen = found
        done = build(path, settings, target, workers=0, resume=True)
        assert done.metadata.digest == whole.metadata.digest
        assert problems(path) == []
        figures["resumed to the end"] += 1
