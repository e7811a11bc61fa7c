"""Copies hold the very episodes, as the bytes they were stored in where the codec allows."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crafter_dataset.builder.copying.encoded
from crafter_dataset.builder.copying.combine import CombineError, Part, combine, missing_from
from crafter_dataset.builder.copying.series import Series
from crafter_dataset.builder.copying.store import StoreOptions, store
from crafter_dataset.builder.errors import BuildError, SettingsError
from crafter_dataset.builder.importing.encode import encode_imported
from crafter_dataset.builder.importing.foreign import ForeignEpisode, foreign_metadata
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.builder.storage.growing import RowArray
from crafter_dataset.loader import CorruptDataError, Dataset, open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import find_violations
from crafter_dataset.schemas.layout import FRAME_FIELDS
from crafter_dataset.schemas.metadata import PolicySpec
from tests.building import build
from tests.containers.test_contract import assert_same, damage_chunk
from tests.copying.cases import copy, part
from tests.synthetic import write_dataset

SETTINGS = BuildSettings(seed=9, area=(12, 12), length=30, chunk_frames=8, size=(18, 18))
SUFFIXES = (".zarr", ".h5")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("built") / "data.zarr"
    build(path, SETTINGS, Target(episodes=10), workers=0)
    return path


@pytest.fixture(scope="module")
def other_seed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("other") / "data.zarr"
    build(path, replace(SETTINGS, seed=10, policy="random"), Target(episodes=4), workers=0)
    return path


def assert_valid(path: Path) -> Dataset:
    assert not list(find_violations(open_container(path), deep=True))
    return open_dataset(path)


def assert_episodes(dataset: Dataset, expected: list) -> None:
    assert len(dataset) == len(expected)
    for episode, original in zip(dataset, expected, strict=True):
        for name in set(dataset.fields) - {"episode_ids"}:
            np.testing.assert_array_equal(episode[name], original[name], err_msg=name)
        np.testing.assert_array_equal(episode.terrain, original.terrain)
        assert episode.world_seed == original.world_seed
        assert episode.end_reason == original.end_reason


@pytest.mark.parametrize("source", SUFFIXES)
@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("codec", ["zstd:1", "zstd:5", "blosc-lz4:1"])
def test_no_chunk_is_decoded_where_the_codec_stays(tmp_path, monkeypatch, source, target, codec):
    first, second = tmp_path / f"first{source}", tmp_path / f"second{target}"
    write_dataset(first, [9, 1, 30, 24], codec=codec)
    monkeypatch.setattr(crafter_dataset.builder.copying.encoded.ChunkCodec, "encode", None)
    plan = combine([part(first)], codec)
    for episode in crafter_dataset.builder.copying.encoded.read_encoded(plan):
        assert len(episode.chunks["frames"]) == -(-episode.length // 8)
    monkeypatch.undo()
    copy([part(first)], second, codec)
    assert_same(second, first)


@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("chunk_frames", [None, 5, 64])
def test_a_copy_is_the_dataset_whatever_codec_and_chunks(built, tmp_path, target, chunk_frames):
    path = tmp_path / f"copy{target}"
    copy([part(built)], path, "blosc-zstd:2", chunk_frames)
    assert_valid(path)
    assert open_dataset(path).metadata.chunk_frames == (chunk_frames or 8)
    ours, theirs = open_dataset(path).metadata, open_dataset(built).metadata
    assert (ours.digest, ours.version) == (theirs.digest, "1.0")
    for episode, original in zip(open_dataset(path), open_dataset(built), strict=True):
        np.testing.assert_array_equal(episode["frames"], original["frames"])


@settings(max_examples=6)
@given(cuts=st.lists(st.integers(0, 10), max_size=4), suffix=st.sampled_from(SUFFIXES))
def test_parts_of_a_build_merge_into_what_was_built(built, tmp_path_factory, cuts, suffix):
    folder = tmp_path_factory.mktemp("parts")
    bounds = [0, *sorted(cuts), 10]
    parts = []
    for number, (low, high) in enumerate(pairwise(bounds)):
        if low < high:
            path = folder / f"{number}{SUFFIXES[number % 2]}"
            copy([part(built, range(low, high))], path, "zstd:1")
            assert_valid(path)
            parts.append(part(path))
    merged = folder / f"merged{suffix}"
    copy(parts, merged, "zstd:1")
    assert_same(merged, built)
    assert open_dataset(merged).metadata.header() == open_dataset(built).metadata.header()


@settings(max_examples=6)
@given(chosen=st.permutations(range(10)), count=st.integers(1, 10))
def test_any_episodes_keep_their_numbers(built, tmp_path_factory, chosen, count):
    path = tmp_path_factory.mktemp("chosen") / "some.zarr"
    chosen = chosen[:count]
    copy([part(built, chosen)], path, "zstd:1")
    dataset, original = assert_valid(path), open_dataset(built)
    assert_episodes(dataset, [original[number] for number in chosen])
    assert [dataset.origin(index)[1] for index in range(count)] == list(chosen)
    in_order = list(chosen) == list(range(count))
    assert ("numbers" in dataset.metadata.episode_fields) == (not in_order)
    again = path.with_name("again.h5")
    copy([part(path, range(count))], again, "zstd:1")
    assert open_dataset(again).metadata.digest == dataset.metadata.digest


def test_builds_of_several_seeds_and_policies(built, other_seed, tmp_path):
    path = tmp_path / "both.h5"
    copy([part(built, [3, 1]), part(other_seed)], path, "gzip:1")
    dataset = assert_valid(path)
    one, other = open_dataset(built), open_dataset(other_seed)
    assert_episodes(dataset, [one[3], one[1], *other])
    origins = [dataset.origin(index) for index in range(6)]
    assert [(source.seed, number) for source, number in origins] == [
        (9, 3), (9, 1), (10, 0), (10, 1), (10, 2), (10, 3)
    ]  # fmt: skip
    assert origins[5][0].policy == PolicySpec("random", {})
    assert dataset.metadata.version == "1.1"
    # And on: copies of copies know as much.
    last = tmp_path / "last.zarr"
    copy([part(path, [5, 0])], last, "zstd:1")
    ends = assert_valid(last)
    assert [(s.seed, n) for s, n in map(ends.origin, range(2))] == [(10, 3), (9, 3)]
    alone = tmp_path / "alone.zarr"
    copy([part(path, range(2, 6))], alone, "zstd:1")
    assert open_dataset(alone).metadata.digest == other.metadata.digest


def test_an_episode_is_not_there_twice(built, other_seed, tmp_path):
    with pytest.raises(CombineError, match=r"episode 4 of .*: expected each episode once"):
        combine([part(built, [1, 4]), part(other_seed), part(built, [4])], "zstd:1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": (27, 27)}, r"env.size: expected \(18, 18\) as in .*, found \(27, 27\)"),
        ({"length": 31}, r"env.length: expected 30 as in .*, found 31"),
        ({"fields": ("semantic",)}, r"fields: expected .*'daylight'.* found .*semantic"),
    ],
)
def test_what_does_not_go_together_is_named(built, tmp_path, change, message):
    other = tmp_path / "other.zarr"
    build(other, replace(SETTINGS, **change), Target(episodes=1), workers=0)
    with pytest.raises(CombineError, match=message):
        combine([part(built), part(other)], "zstd:1")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_stopped_copy_goes_on(built, tmp_path, suffix):
    path = tmp_path / f"copy{suffix}"
    for stop in range(1, 12):
        complete = copy(
            [part(built)], path, "zstd:1", resume=stop > 1, stop_after=1, commit_seconds=0
        )
        assert len(assert_valid(path)) == stop
        assert complete == (stop == 10)
        if complete:
            break
    assert_same(path, built)


def test_a_stopped_copy_does_not_go_on_with_something_else(built, tmp_path):
    path = tmp_path / "copy.zarr"
    copy([part(built, range(5))], path, "zstd:1", stop_after=2)
    with pytest.raises(BuildError, match="found another episode 1"):
        _resume_with_wrong_digests(built, path)
    with pytest.raises(BuildError, match="expected codec zstd:2"):
        copy([part(built)], path, "zstd:2", resume=True)
    with pytest.raises(BuildError, match="exists already"):
        copy([part(built)], path, "zstd:1")
    assert len(assert_valid(path)) == 2


def test_one_import_is_told_from_another(built, tmp_path):
    """Their seeds are unknown, so their content says which episodes are there."""

    def series(lengths, seed):
        rng = np.random.default_rng(seed)
        metadata = foreign_metadata(size=(18, 18), episode_fields=["final_frames"])

        def episodes():
            for length in lengths:
                rows = {
                    name: np.zeros((length, *FRAME_FIELDS[name].row_shape(metadata.sizes())),
                                   FRAME_FIELDS[name].dtype)
                    for name in metadata.fields if name != "episode_ids"
                }  # fmt: skip
                rows["frames"][:] = rng.integers(0, 256, rows["frames"].shape)
                yield ForeignEpisode(rows, 0)

        source = SimpleNamespace(episodes=lambda: iter(made), metadata=metadata)
        made = list(episodes())
        return Series(metadata, len(made), lambda start: encode_imported(source, metadata, start))

    one, other = tmp_path / "one.zarr", tmp_path / "other.zarr"
    store(one, series([5, 9, 3], 0))
    store(other, series([5, 9], 1))
    with pytest.raises(BuildError, match="found another episode 0"):
        store(one, series([5, 9, 3, 4], 2), StoreOptions(resume=True))
    assert store(one, series([5, 9, 3, 4], 0), StoreOptions(resume=True))[1]
    merged = tmp_path / "merged.h5"
    copy([part(one), part(other)], merged, "gzip:1")
    assert len(assert_valid(merged)) == 6
    with pytest.raises(CombineError, match="expected each episode once"):
        combine([part(merged), part(other)], "gzip:1")
    with pytest.raises(CombineError, match=r"^unknown: .*, found .*seed.* cannot be merged"):
        combine([part(merged), part(built)], "gzip:1")
    alike = tmp_path / "alike.h5"
    same = series([5, 5], 3)
    first = next(same.read(0))
    twice = [first, replace(first, episode=1)]
    store(alike, replace(same, read=lambda start: iter(twice[start:])))
    again = tmp_path / "again.zarr"
    copy([part(alike)], again, "zstd:1")
    assert open_dataset(again).metadata.digest == open_dataset(alike).metadata.digest
    assert len(missing_from(part(alike), part(alike, [0])).episodes) == 1
    assert len(missing_from(part(other), part(one)).episodes) == 2
    assert not len(missing_from(part(other), part(merged)).episodes)


def test_the_order_of_parameters_does_not_make_another_build(built, monkeypatch):
    first, second = part(built, [0]), part(built, [0])
    both = [
        replace(p, metadata=replace(p.metadata, policy=PolicySpec("p", parameters)))
        for p, parameters in ((first, {"a": 1, "b": 2}), (second, {"b": 2, "a": 1}))
    ]
    with pytest.raises(CombineError, match="expected each episode once"):
        combine(both, "zstd:1")


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("where", ["append", "commit"])
def test_an_interrupt_in_the_middle_of_writing_publishes_nothing_half(
    built, tmp_path, monkeypatch, suffix, where
):
    path = tmp_path / f"copy{suffix}"
    original, calls = getattr(RowArray, {"append": "append", "commit": "flush"}[where]), []

    def interrupted(self, *arguments):
        calls.append(self)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return original(self, *arguments)

    monkeypatch.setattr(RowArray, {"append": "append", "commit": "flush"}[where], interrupted)
    with pytest.raises(KeyboardInterrupt):
        copy([part(built)], path, "zstd:1", commit_seconds=0)
    monkeypatch.undo()
    kept = len(assert_valid(path))
    assert 0 < kept < 10
    assert copy([part(built)], path, "zstd:1", resume=True)
    assert_same(path, built)


def _resume_with_wrong_digests(built: Path, path: Path) -> None:
    series = Series.of_plan(combine([part(built)], "zstd:1"))
    digests = series.digests.copy()
    digests[1] ^= 1
    store(path, replace(series, digests=digests), StoreOptions(resume=True))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_appending(built, other_seed, tmp_path, suffix):
    path = tmp_path / f"grown{suffix}"
    copy([part(built, range(4))], path, "zstd:1")
    copy([part(path), part(built, range(4, 7))], path, "zstd:1", append=True)
    assert_valid(path)
    assert "numbers" not in open_dataset(path).metadata.episode_fields
    with pytest.raises(BuildError, match="merge both into a new dataset"):
        copy([part(path), part(other_seed)], path, "zstd:1", append=True)
    assert len(assert_valid(path)) == 7
    mixed = tmp_path / f"mixed{suffix}"
    copy([part(path), part(other_seed, [0])], mixed, "zstd:1")
    copy([part(mixed), part(other_seed, [2, 1])], mixed, "zstd:1", append=True)
    dataset = assert_valid(mixed)
    assert [dataset.origin(i)[1] for i in range(10)] == [0, 1, 2, 3, 4, 5, 6, 0, 2, 1]


def test_what_was_cut_or_merged_is_not_built_further(built, tmp_path):
    path = tmp_path / "some.zarr"
    copy([part(built, [1, 2])], path, "zstd:1")
    with pytest.raises(SettingsError, match="it cannot be built further"):
        build(path, None, Target(episodes=5), resume=True, workers=0)
    first = tmp_path / "first.h5"
    copy([part(built, range(3))], first, "gzip:3")
    build(first, None, Target(episodes=10), resume=True, workers=0)
    assert_same(first, built)


def test_damage_is_not_copied(tmp_path):
    first, second = tmp_path / "first.zarr", tmp_path / "second.h5"
    write_dataset(first, [9, 30, 12])
    damage_chunk(first, open_dataset(first)[1]["frames"].read(8, 16))
    with pytest.raises(CorruptDataError, match=r"episode 1, frames: a chunk fails its CRC-32C"):
        copy([part(first)], second, "zstd:1")
    kept = open_dataset(second)
    assert len(kept) == 1
    assert kept.metadata.status == "building"


def test_an_empty_dataset_is_copied(tmp_path):
    write_dataset(tmp_path / "empty.zarr", [])
    copy([part(tmp_path / "empty.zarr")], tmp_path / "empty.h5", "zstd:1")
    assert_same(tmp_path / "empty.h5", tmp_path / "empty.zarr")


def test_a_part_knows_where_its_episodes_come_from(built):
    dataset = open_dataset(built)
    sources, source, number = Part(dataset.container, dataset.metadata, np.array([4, 2])).origins()
    assert (len(sources), sources[0].seed) == (1, 9)
    assert (source.tolist(), number.tolist()) == ([0, 0], [4, 2])


def test_an_append_that_was_stopped_takes_what_is_missing(built, tmp_path):
    path = tmp_path / "grown.h5"
    copy([part(built, range(3))], path, "zstd:1")
    copy([part(path), part(built, range(3, 10))], path, "zstd:1", append=True, stop_after=2)
    assert 3 < len(open_dataset(path)) < 10
    rest = missing_from(part(built), part(path))
    copy([part(path), rest], path, "zstd:1", append=True)
    assert_same(path, built)
