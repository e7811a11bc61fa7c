"""Record a build's writes and syncs, and look at what a disk may hold if the power fails."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from crafter_dataset.builder.run import _Run
from crafter_dataset.builder.settings import Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.errors import NotADatasetError
from tests.building import build
from tests.reliability.containers import (
    DRAWN_ZARR,
    HDF5,
    QUICK,
    ZARR,
    Kind,
    committed,
    each_kind,
    problems,
    remove,
    small_files,
)
from tests.reliability.disk import LOSSES, after_power_loss, place_content
from tests.reliability.recorder import Recorder, Step, recording
from tests.reliability.report import campaign

FIRST, LAST = Target(frames=50), Target(episodes=7)
"""The build ends with a cut episode, which its extension does again."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the digest of the undisturbed build, and the committed episodes of each part."""
    folder = tmp_path_factory.mktemp("whole")
    with small_files():
        done = build(folder / "d.zarr", QUICK, LAST, workers=0)
        build(folder / "first.zarr", QUICK, FIRST, workers=0)
    return done.metadata.digest, committed(folder / "d.zarr"), committed(folder / "first.zarr")


def record(path: Path, kind: Kind) -> list[Step]:
    """Build a dataset and extend it, with a commit after each episode."""
    commit = _Run._commit

    def commit_and_mark(self: _Run, complete: bool = False) -> None:
        commit(self, complete)
        recorder.mark(str(self._writer.committed.counts.episodes))

    options = {"workers": 0, "num_envs": 1, "commit_seconds": 0.0}
    with recording(path.parent) as recorder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Run, "_commit", commit_and_mark)
        build(path, kind.settings, FIRST, **options)
        # The cut episode is taken back before it is done again.
        recorder.mark(str(len(open_dataset(path)) - 1))
        build(path, kind.settings, LAST, resume=True, **options)
    check_recording(recorder, path.parent)
    return recorder.steps


def check_recording(recorder: Recorder, root: Path) -> None:
    """Check that nothing was missed: all steps together make what is there."""
    disk = after_power_loss([*recorder.steps], lambda pending, rng: pending, random.Random(0))
    there = {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in root.rglob("*")
    }
    assert disk.content() == there


def moments(steps: Sequence[Step]) -> Iterator[tuple[int, int | None]]:
    """Yield every moment, and the episodes that must be there if the power fails then."""
    floor = None
    for moment, step in enumerate([*steps, Step("mark")]):
        yield moment, floor
        if step.kind == "mark" and step.name:
            floor = int(step.name)


def look(path: Path, whole: tuple[str, list[bytes], list[bytes]]) -> int | None:
    """Count the episodes that are committed, after checking them; None if there is no dataset."""
    try:
        found = committed(path)
    except NotADatasetError:
        return None
    assert problems(path) == []
    assert found in (whole[1][: len(found)], whole[2])
    return len(found)


@each_kind(ZARR, HDF5, DRAWN_ZARR)
@pytest.mark.parametrize(
    ("states", "resumed"), [(20, 0.1), pytest.param(10_000, 0.2, marks=pytest.mark.slow)]
)
def test_power_loss(tmp_path, kind, whole, states, resumed):
    (tmp_path / "recorded").mkdir()
    rng = random.Random(states)
    with small_files(), campaign("power loss", kind) as figures:
        steps = record(tmp_path / "recorded" / f"d{kind.suffix}", kind)
        figures["steps"] = len(steps)
        cases = [(*at, loss) for at in moments(steps) for loss in LOSSES]
        chosen = sorted(rng.sample(range(len(cases)), min(states, len(cases))))
        known: dict[str, int | None] = {}
        for case in chosen:
            moment, floor, loss = cases[case]
            content = after_power_loss(steps[:moment], loss, random.Random(case)).content()
            name = hashlib.sha256(repr(sorted(content.items())).encode()).hexdigest()
            where = f"seed {states}, case {case}: step {moment}, {loss.__name__}"
            root = tmp_path / "after"
            if name not in known:
                root.mkdir()
                place_content(content, root)
                try:
                    known[name] = look(root / f"d{kind.suffix}", whole)
                    if rng.random() < resumed:
                        resume(root / f"d{kind.suffix}", kind, whole[0])
                        figures["resumed"] += 1
                except BaseException as error:
                    error.add_note(where)
                    raise
                remove(root)
            figures["states"] += 1
            assert floor is None or (known[name] or 0) >= floor, f"{where}: {known[name]}, {floor}"
        figures["distinct"] = len(known)
        assert len({*known.values()}) > len(whole[1]) // 2, "the states are too much alike"


def resume(path: Path, kind: Kind, digest: str) -> None:
    """Go on with what is left, to the end."""
    done = build(path, kind.settings, LAST, workers=0, resume=True)
    assert done.metadata.digest == digest
    assert problems(path) == []


def is_there(path: Path) -> bool:
    """Whether there is a dataset."""
    return path.is_file() or (path / "zarr.json").is_file()


@each_kind(ZARR, HDF5)
@pytest.mark.parametrize("states", [12, pytest.param(3_000, marks=pytest.mark.slow)])
def test_power_loss_while_a_dataset_is_replaced(tmp_path, kind, states):
    """The old one is there, whole, until the new one is; then the new one is, whole."""
    (tmp_path / "recorded").mkdir()
    path = tmp_path / "recorded" / f"d{kind.suffix}"
    settings, other = kind.settings, replace(kind.settings, seed=99)
    options = {"workers": 0, "num_envs": 1, "commit_seconds": 0.0}
    rng = random.Random(states)
    with small_files(), recording(path.parent) as recorder:
        old = build(path, other, Target(episodes=3), **options).metadata.digest
        begin = len(recorder.steps)
        new = build(path, settings, FIRST, overwrite=True, **options).metadata.digest
        check_recording(recorder, path.parent)
    steps, seen = recorder.steps, set()
    cases = [(moment, loss) for moment in range(begin, len(steps) + 1) for loss in LOSSES]
    with small_files(), campaign("replaced", kind) as figures:
        chosen = {*rng.sample(range(len(cases)), min(states, len(cases))), len(cases) - 1}
        for case in sorted(chosen):
            moment, loss = cases[case]
            root = tmp_path / "after"
            root.mkdir()
            place_content(
                after_power_loss(steps[:moment], loss, random.Random(case)).content(), root
            )
            where = root / path.name
            try:
                # Between two renames of a folder neither has the name.
                if is_there(where):
                    found = open_dataset(where).metadata.digest
                    assert found in (old, new)
                    assert problems(where) == []
                    seen.add(found)
                    figures["old" if found == old else "new"] += 1
                else:
                    figures["between"] += 1
                beside = root / f".d.unfinished{kind.suffix}"
                if (committed(beside) if is_there(beside) else 0) or not is_there(where):
                    build(where, None, None, resume=True, **options)
                    assert open_dataset(where).metadata.digest == new
                    figures["gone on with"] += 1
                again = build(where, settings, FIRST, overwrite=True, **options)
                assert again.metadata.digest == new
                assert list(root.iterdir()) == [where]
            except BaseException as error:
                error.add_note(f"seed {states}, case {case}: step {moment}, {loss.__name__}")
                raise
            remove(root)
    assert seen == {old, new}
