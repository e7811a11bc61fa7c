"""What a build or a copy does with the place that it is to write to, whoever made what is there."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.builder.errors import BuildError, StoppedError
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.builder.storage.place import Place
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.errors import CorruptDataError
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.reliability.containers import problems
from tests.synthetic import write_dataset

SETTINGS = BuildSettings(seed=4, chunk_frames=16, **SMALL_WORLD)
OTHER = replace(SETTINGS, seed=5)
SUFFIXES = (".zarr", ".h5")
MODULE = "tests.policies_for_tests"


@pytest.fixture(params=SUFFIXES)
def path(request, tmp_path) -> Path:
    return tmp_path / f"d{request.param}"


def tree(folder: Path) -> dict[str, object]:
    """Return all that is below a folder: links, files with their bytes, folders."""
    return {
        str(found.relative_to(folder)): os.readlink(found)
        if found.is_symlink()
        else found.read_bytes()
        if found.is_file()
        else None
        for found in sorted(folder.rglob("*"))
    }


class TestLinks:
    """Links that somebody has planted are never written through, nor removed."""

    @pytest.fixture
    def precious(self, tmp_path):
        (tmp_path / "mine").mkdir()
        file = tmp_path / "mine" / "precious.txt"
        file.write_text("precious")
        return file

    @pytest.mark.parametrize(
        "name", ["zarr.json.partial", ".crafter-dataset.zarr.json.partial", "zarr.json", "frames"]
    )
    def test_in_an_empty_folder(self, tmp_path, precious, name):
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / name).symlink_to(precious)
        before = tree(tmp_path)
        for options in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises(BuildError, match="expected a Crafter dataset or nothing"):
                build(tmp_path / "d", SETTINGS, Target(frames=9), workers=0, **options)
            assert tree(tmp_path) == before

    @pytest.mark.parametrize("name", ["zarr.json.partial", ".crafter-dataset.zarr.json.partial"])
    def test_in_a_dataset(self, tmp_path, precious, name):
        build(tmp_path / "d", SETTINGS, Target(frames=9), workers=0)
        (tmp_path / "d" / name).symlink_to(precious)
        with pytest.raises(BuildError, match=f"found {name}; move what is yours"):
            build(tmp_path / "d", OTHER, Target(frames=9), workers=0, overwrite=True)
        build(tmp_path / "d", SETTINGS, Target(frames=20), workers=0, resume=True)
        assert precious.read_text() == "precious"
        assert problems(tmp_path / "d") == []

    @pytest.mark.parametrize(
        "name", ["d.h5.partial", ".crafter-dataset.d.h5.partial", ".d.h5.lock"]
    )
    def test_beside_a_file(self, tmp_path, precious, name):
        (tmp_path / name).symlink_to(precious)
        try:
            build(tmp_path / "d.h5", SETTINGS, Target(frames=9), workers=0)
        except OSError as error:
            assert name in str(error)  # noqa: PT017
        else:
            assert problems(tmp_path / "d.h5") == []
        assert precious.read_text() == "precious"

    @pytest.mark.parametrize("name", ["frames", "episodes"])
    def test_a_folder_that_is_a_link_is_not_extended(self, tmp_path, precious, name):
        build(tmp_path / "d", SETTINGS, Target(frames=200), workers=0)
        elsewhere = precious.parent / "elsewhere"
        shutil.move(tmp_path / "d" / name, elsewhere)
        for mine in ("c.c", "c.h", "c.99.0.0.0", "thesis.partial"):
            (elsewhere / mine).write_text("mine")
        (tmp_path / "d" / name).symlink_to(elsewhere)
        before = tree(precious.parent)
        with pytest.raises(crafter_dataset.DatasetError, match=rf"{name}: .* found a link"):
            build(tmp_path / "d", SETTINGS, Target(frames=300), workers=0, resume=True)
        with pytest.raises(BuildError, match=f"found {name}; move what is yours"):
            build(tmp_path / "d", SETTINGS, Target(frames=300), workers=0, overwrite=True)
        assert tree(precious.parent) == before

    def test_the_place_itself_may_be_one(self, path, tmp_path):
        link = tmp_path / f"link{path.suffix}"
        link.symlink_to(path)  # which is not there yet
        build(link, SETTINGS, Target(frames=30), workers=0)
        assert link.is_symlink()
        build(link, OTHER, Target(frames=50), workers=0, overwrite=True)
        assert link.is_symlink()
        assert open_dataset(path).frames == open_dataset(link).frames == 50
        assert sorted(tmp_path.iterdir()) == sorted([link, path])


class TestFilesOfTheUser:
    @pytest.mark.parametrize("options", [{}, {"resume": True}, {"overwrite": True}])
    def test_a_folder_with_anything_else_is_not_free(self, tmp_path, options):
        (tmp_path / "downloads" / "film.mkv.partial").mkdir(parents=True)
        (tmp_path / "downloads" / "film.mkv.partial" / "data").write_text("x")
        (tmp_path / "downloads" / "iso.partial").write_text("y")
        before = tree(tmp_path)
        with pytest.raises(BuildError, match="found something else"):
            build(tmp_path / "downloads", SETTINGS, Target(frames=9), workers=0, **options)
        assert tree(tmp_path) == before

    @pytest.mark.parametrize("claim", [{}, {"version": "1.0"}])
    def test_a_document_alone_does_not_make_a_folder_ours(self, tmp_path, claim):
        (tmp_path / "thesis.tex").write_text("mine")
        document = {"attributes": {"crafter_dataset": claim}}
        (tmp_path / "zarr.json").write_text(json.dumps(document))
        before = tree(tmp_path)
        for options in ({}, {"overwrite": True}, {"resume": True}):
            with pytest.raises((BuildError, crafter_dataset.DatasetError)):
                build(tmp_path, SETTINGS, Target(frames=9), workers=0, **options)
            assert tree(tmp_path) == before

    def test_overwriting_names_what_it_does_not_touch(self, tmp_path):
        path = tmp_path / "d"
        build(path, SETTINGS, Target(frames=9), workers=0)
        (path / "checkpoints").mkdir()
        (path / "checkpoints" / "best.pt").write_text("model")
        (path / "frames" / "notes.md").write_text("note")
        (path / "episodes" / "c.0").write_text("not one of its files' folders, but a name it uses")
        before = tree(path)
        with pytest.raises(BuildError, match=r"found checkpoints, frames/notes.md; move what"):
            build(path, OTHER, Target(frames=9), workers=0, overwrite=True)
        write_dataset(tmp_path / "e", [20])
        with pytest.raises(BuildError, match=r"found checkpoints, frames/notes.md; move what"):
            crafter_dataset.merge([tmp_path / "e"], path, overwrite=True)
        assert tree(path) == before
        assert not path.with_name(".d.unfinished").exists()

    def test_overwriting_names_what_is_in_an_hdf5_file(self, tmp_path):
        path = tmp_path / "d.h5"
        build(path, SETTINGS, Target(frames=9), workers=0)
        with h5py.File(path, "r+") as file:
            file["embeddings"] = file["results/of mine/scores"] = file["episodes/ratings"] = [1, 2]
            file["frames"].attrs["unit"] = "none"
        before = path.read_bytes()
        with pytest.raises(BuildError, match=r"found embeddings, episodes/ratings, results; move"):
            build(path, OTHER, Target(frames=9), workers=0, overwrite=True)
        assert tree(tmp_path) == {"d.h5": before}
        with h5py.File(path, "r+") as file:
            del file["embeddings"], file["results"], file["episodes/ratings"]
        build(path, OTHER, Target(frames=9), workers=0, overwrite=True)
        assert open_dataset(path).metadata.seed == 5

    def test_resuming_removes_no_file_of_the_user(self, tmp_path):
        path = tmp_path / "d"
        build(path, SETTINGS, Target(frames=50), workers=0)
        mine = ["mine/deep/thesis.partial", "x.partial/y", "frames/c.c", "frames/c.7.backup"]
        for name in mine:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_text("mine")
        build(path, SETTINGS, Target(frames=90), workers=0, resume=True)
        assert [(path / name).read_text() for name in mine] == ["mine"] * len(mine)
        assert open_dataset(path).frames == 90

    def test_what_systems_leave_in_folders_does_not_count(self, tmp_path):
        path = tmp_path / "d"
        path.mkdir()
        for name in (".DS_Store", "._d", "Thumbs.db", "desktop.ini"):
            (path / name).write_text("")
        build(path, SETTINGS, Target(frames=9), workers=0)
        (path / "frames" / ".DS_Store").write_text("")
        build(path, OTHER, Target(frames=9), workers=0, overwrite=True)
        assert open_dataset(path).metadata.seed == 5

    def test_one_that_comes_while_the_new_dataset_grows(self, tmp_path):
        path = tmp_path / "d"
        build(path, SETTINGS, Target(frames=9), workers=0)

        def meanwhile():
            (path / "notes.txt").write_text("mine")
            return False

        with pytest.raises(BuildError, match=r"found notes.txt; .*the new dataset is .*unfinished"):
            build(
                path, OTHER, Target(frames=99), workers=0, overwrite=True, should_stop=meanwhile
            )  # fmt: skip
        assert open_dataset(path).metadata.seed == 4
        (path / "notes.txt").rename(tmp_path / "notes.txt")
        assert build(path, workers=0, resume=True).complete
        assert open_dataset(path).metadata.seed == 5
        assert sorted(tmp_path.iterdir()) == [path, tmp_path / "notes.txt"]


class TestOverwriting:
    """The old dataset is there until the new one is complete."""

    @pytest.fixture
    def old(self, path):
        build(path, SETTINGS, Target(frames=60), workers=0)
        return tree(path.parent)

    @pytest.mark.parametrize("name", ["broken_factory", "Raising"])
    def test_a_policy_that_raises(self, path, old, name):
        settings = BuildSettings(policy=f"{MODULE}:{name}", **SMALL_WORLD)
        with pytest.raises(BuildError, match="raised "):
            build(path, settings, Target(episodes=9), workers=0, num_envs=1, overwrite=True)
        now = tree(path.parent)
        assert {name: now[name] for name in old} == old

    @pytest.mark.parametrize("episode", [0, 2])
    def test_a_source_that_is_damaged(self, path, old, tmp_path, episode):
        source = tmp_path / "source.zarr"
        write_dataset(source, [20, 30, 12])
        file = source / "frames" / "c.0.0.0.0"
        data = bytearray(file.read_bytes())
        data[100 if not episode else len(data) // 2 :: 97] = b"?" * len(
            data[100 if not episode else len(data) // 2 :: 97]
        )
        file.write_bytes(data)
        for call in (crafter_dataset.convert, lambda a, b, **k: crafter_dataset.merge([a], b, **k)):
            with pytest.raises(CorruptDataError):
                call(source, path, codec="blosc-lz4:1", overwrite=True)
            assert {name: data for name, data in tree(tmp_path).items() if name in old} == old
        with pytest.raises(CorruptDataError):
            crafter_dataset.split(source, [path], codec="blosc-lz4:1", overwrite=True)
        assert {name: data for name, data in tree(tmp_path).items() if name in old} == old

    def test_stopped_at_once(self, path, old):
        with pytest.raises(StoppedError, match="nothing was written"):
            crafter_dataset.build(
                path, episodes=9, overwrite=True, should_stop=lambda: True, workers=0, **SMALL_WORLD
            )
        assert tree(path.parent) == old

    def test_stopped_later_and_gone_on_with(self, path, old):
        calls = iter(range(10**6))

        def stop():
            return next(calls) > 3

        part = build(
            path, OTHER, Target(frames=900), workers=0, num_envs=1, overwrite=True, should_stop=stop
        )
        assert not part.complete
        assert part.path == path.with_name(f".d.unfinished{path.suffix}")
        assert 0 < open_dataset(part.path).frames < 900
        now = tree(path.parent)
        assert {name: now[name] for name in old} == old
        with pytest.raises(BuildError, match=r"unfinished.*resume=True.*overwrite=True"):
            build(path, OTHER, Target(frames=900), workers=0)
        done = build(path, workers=0, resume=True)
        assert (done.path, done.metadata.seed, done.metadata.counts.frames) == (path, 5, 900)
        assert list(path.parent.iterdir()) == [path]
        assert problems(path) == []

    def test_what_was_begun_is_replaced_as_well(self, path, old):
        calls = iter(range(10**6))
        build(
            path, OTHER, Target(frames=900), workers=0, num_envs=1, overwrite=True,
            should_stop=lambda: next(calls) > 3,
        )  # fmt: skip
        build(path, replace(SETTINGS, seed=6), Target(frames=50), workers=0, overwrite=True)
        assert open_dataset(path).metadata.seed == 6
        assert list(path.parent.iterdir()) == [path]

    def test_appending_is_not_about_what_replaces_it(self, path, old, tmp_path):
        calls = iter(range(10**6))
        build(
            path, OTHER, Target(frames=900), workers=0, num_envs=1, overwrite=True,
            should_stop=lambda: next(calls) > 3,
        )  # fmt: skip
        more = crafter_dataset.convert(path, tmp_path / "more.zarr", episodes=[0])
        with pytest.raises(crafter_dataset.CrafterDatasetError, match="a second time"):
            crafter_dataset.convert(more, path, append=True)

    @pytest.mark.parametrize("moment", ["between", "after"])
    def test_killed_while_it_takes_the_place(self, tmp_path, moment):
        path = tmp_path / "d"
        build(tmp_path / "new", OTHER, Target(frames=50), workers=0)
        build(path, SETTINGS, Target(frames=60), workers=0)
        path.rename(tmp_path / ".d.replaced")
        (tmp_path / "new").rename(path if moment == "after" else tmp_path / ".d.unfinished")
        done = build(path, workers=0, resume=True)
        assert (done.metadata.seed, done.metadata.counts.frames) == (5, 50)
        assert list(tmp_path.iterdir()) == [path]

    def test_something_else_where_it_would_grow(self, path, old):
        beside = path.with_name(f".d.unfinished{path.suffix}")
        beside.write_text("mine")
        for options in ({"overwrite": True}, {"resume": True}):
            with pytest.raises(BuildError, match=r"unfinished.*found something else"):
                build(path, OTHER, Target(frames=9), workers=0, **options)
        assert beside.read_text() == "mine"

    def test_readers_keep_what_they_have_opened(self, path, old):
        """They read on or refuse, and never get the new dataset's rows for the old one's."""
        dataset = open_dataset(path)
        expected = [episode["actions"].read() for episode in open_dataset(path)]
        build(path, OTHER, Target(frames=60), workers=0, overwrite=True)
        for episode, actions in zip(dataset, expected, strict=True):
            for name in ("actions", "frames"):
                try:
                    found = episode[name].read()
                except CorruptDataError:
                    continue
                assert name == "frames" or np.array_equal(found, actions)


class TestNothingIsLeft:
    """What fails before the first episode leaves no dataset behind, nor its folders."""

    def test_of_a_build(self, path):
        settings = BuildSettings(policy=f"{MODULE}:broken_factory", **SMALL_WORLD)
        with pytest.raises(BuildError, match="nothing was written"):
            build(path, settings, Target(episodes=9), workers=0)
        deep = path.parent / "a" / "b" / path.name
        with pytest.raises(BuildError, match="nothing was written"):
            build(deep, settings, Target(episodes=9), workers=0)
        assert list(path.parent.iterdir()) == []

    def test_of_a_copy(self, path, tmp_path):
        source = tmp_path / "source.zarr"
        write_dataset(source, [20, 30, 12])
        file = source / "frames" / "c.0.0.0.0"
        file.write_bytes(b"?" * file.stat().st_size)
        for _ in range(2):
            with pytest.raises(CorruptDataError):
                crafter_dataset.convert(source, path, codec="blosc-lz4:1")
            assert list(tmp_path.iterdir()) == [source]

    def test_but_a_folder_that_was_there(self, tmp_path):
        (tmp_path / "d").mkdir()
        settings = BuildSettings(policy=f"{MODULE}:broken_factory", **SMALL_WORLD)
        with pytest.raises(BuildError):
            build(tmp_path / "d", settings, Target(episodes=9), workers=0)
        assert tree(tmp_path) == {"d": None}

    def test_what_a_kill_left_without_an_episode_is_in_nobodys_way(self, path):
        write_dataset(path, [], complete=False)
        assert open_dataset(path).metadata.status == "building"
        build(path, SETTINGS, Target(frames=9), workers=0)
        assert open_dataset(path).frames == 9


def test_a_place_names_what_is_beside_it():
    assert Place(Path("a/d.zarr")).unfinished == Path("a/.d.unfinished.zarr")
    assert Place(Path("d.h5")).unfinished == Path(".d.unfinished.h5")
    assert Place(Path(".")).unfinished.parent == Path.cwd().parent
