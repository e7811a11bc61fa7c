"""The viewer reads what it shows and the chunk after it, and nothing else."""

from __future__ import annotations

import shutil
import time
from dataclasses import replace

import numpy as np
import pytest

import crafter_dataset.loader.reading.direct
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.summary import reached_achievements
from crafter_dataset.schemas.errors import NotADatasetError
from crafter_dataset.viewer.drawing.export import draw
from crafter_dataset.viewer.drawing.header import header_lines
from crafter_dataset.viewer.events import Counted, Grown, Told
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.reader import CACHE_BYTES
from crafter_dataset.viewer.session import opened
from crafter_dataset.viewer.state import Panels, State
from crafter_dataset.viewer.update import update
from tests.building import build
from tests.synthetic import grow_dataset, write_dataset


@pytest.fixture
def decoded(monkeypatch):
    """Shapes of the chunks that are decoded."""
    shapes = []
    decode_into = crafter_dataset.loader.reading.direct.decode_into

    def counted(compression, data, out, *checksum):
        shapes.append(out.shape)
        return decode_into(compression, data, out, *checksum)

    monkeypatch.setattr(crafter_dataset.loader.reading.direct, "decode_into", counted)
    return shapes


@pytest.fixture
def library(dataset_path):
    library = Library([dataset_path])
    yield library
    library.close()


def images(decoded):
    return sum(len(shape) >= 3 and shape[0] == 32 for shape in decoded)


def wait(library, state):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        events = library.news(state)
        if events:
            return events
        time.sleep(0.01)
    raise TimeoutError("no news")


def test_a_frame_costs_a_chunk_of_each_image(library, decoded):
    state = opened(State(library.shelves()).at_place(1, 5), library)
    assert images(decoded) == 2  # frames and semantic map, beside the small fields
    library.shot(state)
    assert images(decoded) == 2
    library.shot(replace(state, frame=31))
    assert images(decoded) == 2
    library.shot(replace(state, frame=32, panels=Panels.bare()))
    assert images(decoded) == 3


@pytest.mark.parametrize(("frame", "direction", "then"), [(31, 1, 32), (64, -1, 63)])
def test_the_next_chunk_is_decoded_ahead(library, decoded, frame, direction, then):
    state = opened(State(library.shelves()), library)
    assert state.length > 96
    state = replace(state, frame=frame, direction=direction)
    library.shot(state)
    library.read_ahead(state)
    library._ahead.result()
    before = images(decoded)
    assert before in (4, 6)  # chunks of the first frame, of this one and of the next
    library.shot(replace(state, frame=then))
    assert images(decoded) == before
    library.read_ahead(state)  # the same again: nothing to do
    library._ahead.result()
    assert images(decoded) == before


def test_nothing_is_read_beyond_the_ends(library):
    state = opened(State(library.shelves()), library)
    library.read_ahead(replace(state, frame=0, direction=-1))
    library.read_ahead(replace(state, frame=state.length - 1, direction=1))
    assert library._ahead is None


def test_the_cache_is_bounded(dataset_path, library):
    state = State(library.shelves())
    dataset = library.readers[0].dataset
    for row in range(len(dataset)):
        for frame in range(0, int(dataset.episodes["lengths"][row]), 8):
            library.shot(opened(state.at_place(row, frame), library))
    cache = dataset.container._cache
    assert 0 < cache.nbytes <= CACHE_BYTES == cache.capacity


def test_achievements_are_counted_in_the_background(dataset_path, library):
    state = State(library.shelves())
    assert library.news(state) == []
    state = state.with_shelf(replace(state.shelf, achievement="collect_wood"))
    (event,) = wait(library, state)
    assert isinstance(event, Counted)
    np.testing.assert_array_equal(event.reached, reached_achievements(open_dataset(dataset_path)))


def test_achievements_that_cannot_be_counted(dataset_path, tmp_path):
    path = tmp_path / "data.zarr"
    shutil.copytree(dataset_path, path)
    for file in path.glob("achievements/c*"):
        file.write_bytes(file.read_bytes()[:-8])
    library = Library([path])
    state = State(library.shelves())
    grown, told = wait(library, state.with_shelf(replace(state.shelf, achievement="wake_up")))
    assert isinstance(grown, Grown)
    assert grown.shelf.achievement is None
    assert isinstance(told, Told)
    assert "achievements" in told.text
    library.close()


@pytest.mark.parametrize("name", ["data.zarr", "data.h5"])
def test_a_growing_dataset_is_followed_until_it_is_complete(tmp_path, name):
    growing = grow_dataset(tmp_path / name, (20, 30, 9), (1, 2, 3))
    next(growing)
    library = Library([tmp_path / name])
    state = opened(State(library.shelves()), library)
    for episodes in growing:
        (event,) = wait(library, state)
        assert isinstance(event, Grown)
        assert len(event.shelf.table) == episodes
        state = state.with_shelf(event.shelf)
        assert library.shot(opened(state.at_place(episodes - 1), library)).frame is not None
    assert state.shelf.metadata.status == "complete"
    library._next_look = 0.0
    for _ in range(10):
        assert library.news(state) == []
        time.sleep(0.01)
    library.close()


def test_a_complete_dataset_that_is_extended_is_followed(tmp_path):
    options = {"workers": 0, "num_envs": 1}
    settings = BuildSettings(area=(16, 16), length=20)
    build(tmp_path / "data.zarr", settings, Target(episodes=2), **options)
    library = Library([tmp_path / "data.zarr"])
    state = opened(State(library.shelves()), library)
    assert state.shelf.metadata.status == "complete"
    build(tmp_path / "data.zarr", settings, Target(episodes=5), resume=True, **options)
    (event,) = wait(library, state)
    assert len(event.shelf.table) == 5
    library.close()


def test_a_dataset_that_vanishes_is_told(tmp_path):
    write_dataset(tmp_path / "data.zarr", (20, 30), complete=False)
    library = Library([tmp_path / "data.zarr"])
    shutil.rmtree(tmp_path / "data.zarr")
    (event,) = wait(library, State(library.shelves()))
    assert isinstance(event, Told)
    assert "data.zarr: expected a Crafter dataset, found nothing" in event.text
    library.close()


def test_another_dataset_in_its_place_is_shown_anew(tmp_path):
    path = tmp_path / "data.zarr"
    write_dataset(path, (20, 30, 9), complete=False)
    library = Library([path])
    state = opened(State(library.shelves()).at_place(2), library)
    reached = np.ones((3, 22), bool)
    shelf = replace(state.shelf, achievement="wake_up", order="longest", reached=reached)
    state = state.with_shelf(shelf)
    before = library.shot(state).terrain
    shutil.rmtree(path)
    write_dataset(path, (40, 11), complete=False)
    (event,) = wait(library, state)
    assert (event.shelf.achievement, event.shelf.order, event.shelf.reached) == (
        None, "number", None)  # fmt: skip
    state = opened(state.with_shelf(event.shelf), library)
    assert state.row in (0, 1)
    for row in (0, 1):
        shot = library.shot(opened(state.at_place(row), library))
        np.testing.assert_array_equal(shot.terrain, open_dataset(path)[row].terrain)
    assert (before != shot.terrain).any()
    library.close()


def test_what_is_counted_while_the_dataset_shrinks(tmp_path):
    path = tmp_path / "data.zarr"
    write_dataset(path, (20, 30, 9), complete=False)
    library = Library([path])
    state = opened(State(library.shelves()), library)
    state = state.with_shelf(replace(state.shelf, achievement="wake_up"))
    library._counting[0] = library._thread.submit(library._count, library.readers[0].dataset)
    library._counting[0].result()
    shutil.rmtree(path)
    write_dataset(path, (40,), complete=False)
    library._next_look = 0.0
    library._following = 0, library._thread.submit(library._look, library.readers[0])
    library._following[1].result()  # both are known at once
    for _ in range(3):
        for event in library.news(state):
            state = opened(update(state, event), library)
    assert (len(state.shelf.table), state.row) == (1, 0)
    assert state.shelf.achievement is None
    library.close()


def test_extending_a_dataset_keeps_sorting_and_filter_and_counts_anew(tmp_path):
    options = {"workers": 0, "num_envs": 1}
    settings = BuildSettings(area=(16, 16), length=20)
    path = tmp_path / "data.zarr"
    build(path, settings, Target(frames=50), **options)  # its last episode is cut
    library = Library([path])
    state = opened(State(library.shelves()), library)
    count = len(state.shelf.table)
    reached = np.ones((count, 22), bool)
    shelf = replace(state.shelf, achievement="wake_up", order="longest", reached=reached)
    state = state.with_shelf(shelf)
    build(path, settings, Target(frames=60), resume=True, **options)
    (event,) = wait(library, state)
    assert (event.shelf.achievement, event.shelf.order) == ("wake_up", "longest")
    assert len(event.shelf.reached) == count - 1
    assert event.shelf.counting
    library.close()


def test_a_zip_file_that_is_complete_is_not_opened_again(small_path, tmp_path):
    shutil.make_archive(str(tmp_path / "data"), "zip", small_path)
    library = Library([tmp_path / "data.zip"])
    assert library.readers[0].grown() is None
    dataset = library.readers[0].dataset
    assert library.readers[0].dataset is dataset
    library.close()


@pytest.mark.parametrize("field", ["frames", "semantic", "terrain", "actions"])
def test_a_disk_that_fails_is_told_as_damage_is(library, monkeypatch, field):
    import crafter_dataset.loader.reading.mapped_files

    real = crafter_dataset.loader.reading.mapped_files._map

    def failing(path, *arguments):
        if f"/{field}/" in f"/{path}":
            raise OSError(5, "Input/output error", path)
        return real(path, *arguments)

    monkeypatch.setattr(crafter_dataset.loader.reading.mapped_files, "_map", failing)
    state = opened(State(library.shelves()), library)
    shot = library.shot(state)
    problems = (*state.track.problems, *shot.problems)
    assert len(problems) == 1
    assert "Input/output error" in problems[0]
    assert (shot.frame is None) == (field == "frames")


@pytest.mark.parametrize(
    "field",
    ["frames", "semantic", "actions", "rewards", "terminations", "truncations", "positions",
     "inventory", "achievements", "daylight", "episodes/terrain"],
)  # fmt: skip
def test_damage_in_any_field_is_told_and_the_rest_is_shown(dataset_path, tmp_path, field):
    path = tmp_path / "data.zarr"
    shutil.copytree(dataset_path, path)
    file = sorted((path / field).glob("c*"))[0]
    data = bytearray(file.read_bytes())
    data[20] ^= 255  # in the first chunk
    file.write_bytes(data)
    library = Library([path])
    for panels in (Panels(heat=True), Panels(map="terrain")):
        state = opened(State(library.shelves(), panels=panels), library)
        shot = library.shot(state)
        draw(state, library)
        problems = (*state.track.problems, *shot.problems)
        if field == "semantic" and panels.map == "terrain":
            assert problems == ()  # not looked at
        else:
            assert len(problems) == 1
            assert f"episode 0, {field.rpartition('/')[2]}" in problems[0]
        assert (shot.frame is None) == (field == "frames")
    library.close()


def test_datasets_share_the_cache(dataset_path, tmp_path):
    library = Library([dataset_path] * 4)
    capacities = [source.dataset.container._cache.capacity for source in library.readers]
    assert sum(capacities) <= CACHE_BYTES
    library.close()
    settings = BuildSettings(size=(512, 512), area=(16, 16), length=40)
    build(tmp_path / "big.zarr", settings, Target(episodes=1), workers=0)
    library = Library([tmp_path / "big.zarr"])
    state = opened(State(library.shelves()), library)
    library.shot(state)
    cache = library.readers[0].dataset.container._cache
    assert cache.get(("frames", 0)) is not None
    library.close()


def test_one_path_of_many_that_is_none(dataset_path, tmp_path):
    with pytest.raises(NotADatasetError, match="none: expected a Crafter dataset"):
        Library([dataset_path, tmp_path / "none"])


def test_an_episode_with_an_unknown_end_reason_is_told(tmp_path):
    write_dataset(tmp_path / "data.zarr", (20, 30), end_reasons=(1, 77))
    library = Library([tmp_path / "data.zarr"])
    state = opened(State(library.shelves()).at_place(1), library)
    assert "expected 0 to 3, found 77" in state.track.problems[0]
    assert library.shot(state).frame is not None
    assert draw(state, library).any()
    library.close()


def test_who_played_is_shown_where_there_are_several(tmp_path, dataset_path):
    path = tmp_path / "mixed.zarr"
    shares = {"noop": 0.5, "random": 0.5}
    settings = BuildSettings(seed=2, policy="mix", policy_args=shares, area=(12, 12), length=20)
    build(path, settings, Target(episodes=6), workers=0)
    names = open_dataset(path).episodes["policy"].tolist()
    assert set(names) == set(shares)
    library = Library([path])
    for row, name in enumerate(names):
        state = opened(State(library.shelves()).at_place(row, 0), library)
        shown = dict(pair for line in header_lines(state) for pair in line)
        assert shown["policy"] == name
    library.close()
    library = Library([dataset_path])
    state = opened(State(library.shelves()), library)
    assert "policy" not in dict(pair for line in header_lines(state) for pair in line)
    library.close()
