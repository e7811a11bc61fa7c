"""One contract, which a dataset keeps in every container."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.builder.storage import locks
from crafter_dataset.loader import CorruptDataError, Windows, open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.loader.summarize import summarize
from crafter_dataset.schemas import find_violations
from tests.building import build
from tests.synthetic import grow_dataset, write_dataset

SETTINGS = BuildSettings(seed=3, area=(16, 14), length=40, chunk_frames=8, size=(27, 27))
FRAMES = 330


def snapshot(path: Path) -> dict[str, np.ndarray]:
    """Read everything that a dataset holds."""
    dataset = open_dataset(path)
    found = {"table": dataset.episodes, "digest": np.array(dataset.metadata.digest or "")}
    for episode in dataset:
        rows = {**episode.load(), "terrain": episode.terrain}
        found |= {f"{episode.id}/{name}": values for name, values in rows.items()}
    return found


def assert_same(first: Path, second: Path) -> None:
    one, other = snapshot(first), snapshot(second)
    assert one.keys() == other.keys()
    for name, values in one.items():
        assert values.dtype == other[name].dtype
        np.testing.assert_array_equal(values, other[name], err_msg=name)


def stop_after(count: int):
    calls = iter(range(10**6))
    return lambda: next(calls) >= count


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reference") / "data.zarr"
    build(path, SETTINGS, Target(frames=FRAMES), workers=0)
    return path


class ContainerContract:
    """Tests of a container; a subclass names its suffix and codecs."""

    suffix: str
    codecs: tuple[str, ...]

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / f"data{self.suffix}"

    def build(self, path: Path, frames: int = FRAMES, **options):
        return build(path, SETTINGS, Target(frames=frames), workers=0, num_envs=3, **options)

    def test_it_holds_what_every_other_holds(self, path, reference):
        result = self.build(path)
        assert result.complete
        assert_same(path, reference)
        assert not list(find_violations(open_container(path), deep=True))
        assert sorted(path.parent.iterdir()) == [path]  # no lock, nothing half written

    def test_codecs_change_no_value(self, path, reference):
        for codec in self.codecs:
            settings = replace(SETTINGS, codec=codec)
            build(path, settings, Target(frames=FRAMES), workers=0, overwrite=path.exists())
            assert open_dataset(path).metadata.codec.startswith(codec)
            assert_same(path, reference)
            assert not list(find_violations(open_container(path), deep=True))

    def test_workers_change_no_value(self, path, reference):
        build(path, SETTINGS, Target(frames=FRAMES), workers=2, num_envs=1)
        assert_same(path, reference)

    @pytest.mark.parametrize("commit_seconds", [0.0, 1e9])
    def test_a_stopped_build_goes_on(self, path, reference, commit_seconds):
        done = 0
        for stop in range(1, 40):
            result = self.build(
                path,
                resume=path.exists(),
                should_stop=stop_after(stop),
                commit_seconds=commit_seconds,
            )
            assert result.metadata.counts.frames >= done
            done = result.metadata.counts.frames
            assert not list(find_violations(open_container(path), deep=True))
            if result.complete:
                break
        assert result.complete
        assert_same(path, reference)

    def test_a_dataset_is_extended_to_any_length(self, path, tmp_path):
        for frames in (1, 2, 9, 40, 41, 42, 43, 120, 200, FRAMES):
            self.build(path, frames, resume=path.exists())
            assert not list(find_violations(open_container(path), deep=True))
        whole = tmp_path / f"whole{self.suffix}"
        self.build(whole)
        assert_same(path, whole)

    def test_an_extension_that_adds_nothing_leaves_it_as_it_was(self, path):
        self.build(path, 200)
        before = snapshot(path)
        self.build(path, FRAMES, resume=True, should_stop=lambda: True)
        after = snapshot(path)
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[name], after[name]) for name in before)
        assert len(open_dataset(path).provenance["runs"]) == 2

    def grow(self, path: Path) -> Iterator[int]:
        return grow_dataset(path, [9, 1, 24, 7, 60, 3, 8, 33] * 12, range(1, 97, 5))

    def test_readers_see_whole_episodes_and_keep_what_they_saw(self, path):
        seen = []
        for count in self.grow(path):
            dataset = open_dataset(path)
            assert len(dataset) == count
            assert dataset.metadata.status == ("complete" if count == 96 else "building")
            last = dataset[-1]["frames"].read()
            seen.append((dataset, last))
            for old, frames in seen[::4]:
                np.testing.assert_array_equal(old[-1]["frames"].read(), frames)
                assert old[-1].terrain.any()

    def test_it_grows_across_many_chunks(self, path):
        # The first row of each episode is one that no other has.
        write_dataset(path, [9] * 2500, codec=self.codecs[-1])
        dataset = open_dataset(path)
        assert len(dataset) == 2500
        np.testing.assert_array_equal(dataset.episodes["world_seeds"], np.arange(2500))
        for episode in (0, 1, 84, 85, 86, 1023, 1024, 2499):
            frames = dataset[episode]["frames"].read()
            assert frames.shape[0] == 9
            assert (dataset[episode]["episode_ids"].read() == episode).all()
        assert not list(find_violations(open_container(path)))

    def test_windows_and_summaries(self, path, reference):
        self.build(path)
        ours, theirs = (Windows(open_dataset(p), 7, stride=3) for p in (path, reference))
        numbers = np.random.default_rng(0).permutation(len(ours))
        for name, values in theirs.read(numbers).items():
            np.testing.assert_array_equal(ours.read(numbers)[name], values)
        one, other = (summarize(open_dataset(p)) for p in (path, reference))
        assert replace(one, stored_bytes=0) == replace(other, stored_bytes=0)
        size = sum(p.stat().st_size for p in [path, *path.rglob("*")] if p.is_file())
        assert 0.4 * size < one.stored_bytes <= size

    @pytest.mark.parametrize("method", ["fork", "spawn"])
    def test_other_processes(self, path, method):
        write_dataset(path, [9, 30])
        dataset = open_dataset(path)
        expected = dataset[1]["frames"].read()
        again = pickle.loads(pickle.dumps(dataset))
        np.testing.assert_array_equal(again[1]["frames"], expected)
        with multiprocessing.get_context(method).Pool(2) as pool:
            for frames in pool.map(read_second, [dataset] * 4):
                np.testing.assert_array_equal(frames, expected)

    def test_an_existing_dataset_is_not_touched(self, path):
        self.build(path, 50)
        before = snapshot(path)
        with pytest.raises(BuildError, match=r"exists already; .*resume=True.*overwrite=True"):
            self.build(path, 60)
        assert all(np.array_equal(before[n], v) for n, v in snapshot(path).items())

    def test_overwriting_replaces_it(self, path):
        self.build(path, 200)
        old = open_dataset(path)
        self.build(path, 50, overwrite=True)
        assert open_dataset(path).frames == 50
        assert sorted(path.parent.iterdir()) == [path]
        assert old.frames == 200

    def test_one_builder_at_a_time(self, path):
        self.build(path, 50)
        with locks.exclusive(path) as held:
            assert held
            with pytest.raises(BuildError, match="another build is writing to it"):
                self.build(path, 60, resume=True)
        assert self.build(path, 60, resume=True).complete

    def test_one_builder_at_a_time_whatever_leads_there(self, path):
        self.build(path, 50)
        link = path.with_name(f"link{self.suffix}")
        link.symlink_to(path)
        with locks.exclusive(path) as held:
            assert held
            with pytest.raises(BuildError, match="another build is writing to it"):
                self.build(link, 60, resume=True)
        assert self.build(link, 60, resume=True).complete
        self.build(link, 40, overwrite=True)
        assert link.is_symlink()
        assert open_dataset(path).frames == 40

    def test_a_reader_keeps_the_dataset_that_it_has_opened(self, path):
        """Another one in its place is an error, or not seen; it is never read for the first."""
        write_dataset(path, [9, 30])
        dataset = open_dataset(path)
        expected = dataset[1]["actions"].read()
        write_dataset(path, [9, 31])
        with contextlib.suppress(CorruptDataError):
            np.testing.assert_array_equal(dataset[1]["actions"].read(), expected)

    def test_damage_is_told_with_its_episode(self, path):
        write_dataset(path, [9, 30, 12], codec="zstd:1")
        frames = open_dataset(path)[1]["frames"].read(8, 16)
        damage_chunk(path, frames)
        dataset = open_dataset(path)
        dataset[0].load(), dataset[2].load()
        np.testing.assert_array_equal(dataset[1]["frames"].read(0, 8).shape, (8, 20, 18, 3))
        with pytest.raises(CorruptDataError, match=r"episode 1, frames\[0:30\]: a chunk"):
            dataset[1].load()
        violations = [str(v) for v in find_violations(open_container(path), deep=True)]
        assert any("frames[16:48] (episode 1)" in v for v in violations)
        assert not any("(episode 2)" in v and "frames" in v for v in violations)

    def test_what_is_no_dataset_is_left_alone(self, path):
        path.write_bytes(b"my notes")
        for options in ({}, {"resume": True}, {"overwrite": True}):
            with pytest.raises(BuildError, match="expected a Crafter dataset or nothing"):
                self.build(path, 50, **options)
        assert path.read_bytes() == b"my notes"


def read_second(dataset) -> np.ndarray:
    return dataset[1]["frames"].read()


def damage_chunk(path: Path, rows: np.ndarray) -> None:
    """Change a byte in the middle of where these rows are stored with zstd:1."""
    from crafter_dataset.schemas.codecs import ChunkCodec

    stored = ChunkCodec.parse("zstd:1").encode(rows)[:-4]
    for file in [path] if path.is_file() else sorted(path.rglob("c.*")):
        data = bytearray(file.read_bytes())
        at = data.find(stored)
        if at >= 0:
            data[at + len(stored) // 2] ^= 1
            file.write_bytes(data)
            return
    raise AssertionError("the chunk was not found")


class TestZarr(ContainerContract):
    suffix = ".zarr"
    codecs = ("zstd:3", "blosc-zstd:1", "blosc-lz4:5", "none")


class TestHdf5(ContainerContract):
    suffix = ".h5"
    codecs = ("gzip:1", "zstd:3", "blosc-zstd:1", "blosc-lz4:5", "gzip:0")
