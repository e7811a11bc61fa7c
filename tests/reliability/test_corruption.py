"""Damage a dataset at random: nothing wrong may be read without a word."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.layout import DRAWN, DRAWN_FIELDS, PICTURES, STORED
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.containers.places import put
from tests.reliability.children import run_cases
from tests.reliability.containers import NIGHTS, Place, episode_at, many_states, places
from tests.reliability.damage import Damage, draw
from tests.reliability.reading import Reading, describe, differing, read_all
from tests.reliability.report import campaign

SEED = 3
SETTINGS = {STORED: BuildSettings(seed=8, chunk_frames=16, **SMALL_WORLD), DRAWN: NIGHTS}
EPISODES = {STORED: 6, DRAWN: 3}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Return a function that builds a small dataset in a container, once."""
    folder = tmp_path_factory.mktemp("corruption")

    @functools.cache
    def make(suffix: str, pictures: str) -> Path:
        path = folder / f"{pictures}{suffix}"
        with many_states():
            build(path, SETTINGS[pictures], Target(episodes=EPISODES[pictures]), workers=0)
        return path

    return make


@functools.cache
def original(path: Path) -> Reading:
    """Read the whole dataset, once a process."""
    return read_all(path)


@functools.cache
def chunks(path: Path) -> list[tuple[Place, int]]:
    """Return the chunks that an episode has for itself, and that episode."""
    found = [(place, episode_at(path, place.field, place.row)) for place in places(path)]
    return [(place, episode) for place, episode in found if episode is not None]


@functools.cache
def shared_chunks(path: Path) -> list[Place]:
    """Return the chunks that the frames of all episodes are drawn with, or from."""
    owned = {place for place, _ in chunks(path)}
    return [place for place in places(path) if place not in owned and is_drawn_from(place.field)]


def is_drawn_from(field: str) -> bool:
    """Tell whether frames are drawn from or with an array."""
    return field.startswith(PICTURES) or field in (*DRAWN_FIELDS, "inventory")


def examine(case: tuple[Path, str, Damage]) -> tuple[str, str]:
    """Read a damaged copy: how it was detected, and what is wrong with that."""
    path, where, damage = case
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        spoilt = damage.do(path, copy)
        try:
            reading = read_all(copy if where == "hdf5" else put(where, copy, Path(folder)))
        except Exception as error:
            return "failed", describe(error)
    return noticed(reading), complaint(path, damage.place.file, spoilt, reading)


def noticed(reading: Reading) -> str:
    """Say where the damage was first noticed."""
    if reading.metadata is None:
        return "at open"
    if reading.errors:
        return "at read"
    return "by validation" if reading.violations else "harmless"


def complaint(path: Path, file: str, spoilt: list[tuple[int, int]], reading: Reading) -> str:
    """Say what should not have happened; "" if all is well."""
    sound = original(path)
    wrong = differing(reading, sound)
    if wrong:
        return f"read without an error, but not as written: {wrong}"
    silent = not reading.errors and not reading.violations
    if silent and reading.metadata != sound.metadata:
        return f"metadata read without an error, but not as written: {reading.metadata}"
    if silent and reading.values.keys() != sound.values.keys():
        return f"not there any more: {sound.values.keys() - reading.values.keys()}"
    for place, episode in affected(path, file, spoilt) if reading.metadata else ():
        for name in read_from(place.field, sound):
            said = reading.errors.get(f"{episode}/{name}", "")
            if f"episode {episode}, {name}" not in said or place.field not in said:
                return f"{place.field} is damaged, but reading {episode}/{name} said {said!r}"
        if not any(place.field in v and f"episode {episode}" in v for v in reading.violations):
            return f"{place.field} is damaged, but validation said {reading.violations}"
    return ""


def affected(path: Path, file: str, spoilt: list[tuple[int, int]]) -> Iterator[tuple[Place, int]]:
    """Yield the chunks that were damaged, and each episode that they are of."""
    is_drawn = original(path).metadata.pictures == DRAWN
    shared = shared_chunks(path) if is_drawn else ()
    of_all = [(place, episode) for place in shared for episode in range(EPISODES[DRAWN])]
    for place, episode in [*chunks(path), *of_all]:
        hit = any(low < place.stop and place.start < high for low, high in spoilt)
        if place.file == file and hit:
            yield place, episode


def read_from(field: str, sound: Reading) -> set[str]:
    """Name the fields of an episode that cannot be read without an array."""
    found = {field} & {name.partition("/")[2] for name in sound.values}
    is_drawn = sound.metadata is not None and sound.metadata.pictures == DRAWN
    return found | {"frames"} if is_drawn and is_drawn_from(field) else found


@pytest.mark.parametrize(("where", "pictures"), [
    *((where, STORED) for where in ("zarr", "hdf5", "zip", "memory")), ("zarr", DRAWN),
    *(pytest.param(where, DRAWN, marks=pytest.mark.slow) for where in ("hdf5", "zip")),
])  # fmt: skip
@pytest.mark.parametrize("count", [12, pytest.param(1_000, marks=pytest.mark.slow)])
def test_corruption(datasets, where, pictures, count):
    """Files are damaged before they are zipped, or put to an address."""
    path = datasets(".h5" if where == "hdf5" else ".zarr", pictures)
    assert open_dataset(path).metadata.status == "complete"
    damages = draw(places(path), count, SEED)
    with campaign("corruption", f"{where}, {pictures}") as figures:
        figures["cases"] = count
        failures: list[Any] = []
        cases = [(path, where, damage) for damage in damages]
        for outcome in run_cases(examine, cases, seconds=30):
            how, what = outcome.result or ("died", outcome.death)
            figures[f"{how} ({'chunks' if outcome.case[2].place.field else 'metadata'})"] += 1
            if what:
                failures.append((outcome.case[2], what))
        figures["failures"] = len(failures)
    assert not failures, "\n".join(f"seed {SEED}: {case}: {what}" for case, what in failures[:20])
