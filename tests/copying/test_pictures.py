"""Datasets whose pictures are stored in another way: converted, merged, refused."""

from __future__ import annotations

import functools
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from crafter_dataset import convert, merge, open_dataset, split, validate
from crafter_dataset.builder.copying.combine import CombineError
from crafter_dataset.builder.errors import BuildError, SettingsError
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError
from tests.building import build
from tests.conftest import SMALL_WORLD

SETTINGS = BuildSettings(seed=6, chunk_frames=16, **SMALL_WORLD)
PICTURES = "stored", "drawn", "both"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a function that builds a dataset, once, with pictures stored in some way."""
    folder = tmp_path_factory.mktemp("made")

    @functools.cache
    def make(pictures, suffix):
        path = folder / f"{pictures}{suffix}"
        build(path, replace(SETTINGS, pictures=pictures), Target(episodes=5), workers=0)
        return path

    return lambda pictures, suffix=".zarr": make(pictures, suffix)


def _files(path):
    """Return the bytes of all chunks of a Zarr dataset, by file."""
    return {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("c.*")}


@pytest.mark.parametrize(("one", "other"), [*itertools.permutations(PICTURES, 2)])
def test_each_way_becomes_each_other(made, tmp_path, one, other):
    out = convert(made(one), tmp_path / "d.zarr", pictures=other)
    assert out.metadata.pictures == other
    # The very files of a build, whatever they were made from.
    assert _files(out.path) == _files(made(other))
    assert out.metadata.to_json() == open_dataset(made(other)).metadata.to_json()


@pytest.mark.parametrize(("one", "other"), [("stored", "drawn"), ("drawn", "stored")])
def test_to_hdf5_and_back(made, tmp_path, one, other):
    middle = convert(made(one), tmp_path / "d.h5", pictures=other)
    assert validate(middle.path, deep=True)
    back = convert(middle, tmp_path / "back.zarr", pictures=one)
    assert validate(back.path, deep=True)
    assert back.metadata.to_json() == open_dataset(made(one)).metadata.to_json()


@pytest.mark.parametrize("pictures", ["drawn", "both"])
def test_another_chunk_length_and_codec(made, tmp_path, pictures):
    out = convert(made(pictures), tmp_path / "d.zarr", chunk_frames=7, codec="blosc-lz4:3")
    assert validate(out.path, deep=True)
    again = convert(out, tmp_path / "e.zarr", chunk_frames=16, codec="zstd:1")
    assert validate(again.path, deep=True)
    assert again.metadata.to_json() == open_dataset(made(pictures)).metadata.to_json()


def test_chunks_of_drawn_datasets_move_as_bytes(made, tmp_path):
    path = made("drawn")
    copy = convert(path, tmp_path / "copy.zarr")
    assert _files(copy.path) == _files(path)
    parts = split(path, [tmp_path / "a.zarr", tmp_path / "b.zarr"], fractions=[0.5], seed=1)
    assert all(validate(part.path, deep=True) for part in parts)
    first = convert(path, tmp_path / "first.zarr", episodes="0:2")
    rest = convert(path, tmp_path / "rest.zarr", episodes="2:5")
    whole = merge([first, rest], tmp_path / "whole.zarr")
    assert _files(whole.path) == _files(path)
    grown = convert(rest, first.path, append=True)
    assert _files(grown.path) == _files(path)
    assert grown.metadata.digest == whole.metadata.digest


def test_a_stopped_conversion_goes_on(made, tmp_path):
    calls = iter(range(9))
    out = tmp_path / "d.zarr"
    convert(made("stored"), out, pictures="drawn", should_stop=lambda: next(calls) >= 1)
    assert len(open_dataset(out)) == 2
    convert(made("stored"), out, pictures="drawn", resume=True)
    assert _files(out) == _files(made("drawn"))


def test_different_ways_are_not_mixed(made, tmp_path):
    with pytest.raises(CombineError, match=r"pictures: expected drawn as in .*, found stored"):
        merge([made("drawn"), made("stored")], tmp_path / "d.zarr")


@pytest.mark.parametrize("pictures", PICTURES)
@pytest.mark.parametrize("added", PICTURES)
def test_what_is_added_is_stored_as_the_rest(made, tmp_path, pictures, added):
    grown = convert(made(pictures), tmp_path / "e.zarr", episodes="0:2")
    convert(made(added), grown.path, append=True, episodes="2:5")
    assert _files(grown.path) == _files(made(pictures))


def test_other_images_are_not_mixed(made, tmp_path):
    import zarr

    other = convert(made("drawn"), tmp_path / "d.zarr", episodes="0").path
    zarr.open_group(other, mode="r+")["pictures/tiles"][0, 0, 0, 0] = 1
    rest = convert(made("drawn"), tmp_path / "rest.zarr", episodes="1:3")
    with pytest.raises(CombineError, match="pictures/tiles: expected the same as in"):
        merge([rest, other], tmp_path / "e.zarr")


def _with_frames(path, change):
    import zarr

    array = zarr.open_group(path, mode="r+")["frames"]
    values = array[...]
    change(values)
    array[...] = values


def test_episodes_that_come_out_otherwise_are_refused(made, tmp_path):
    path = convert(made("stored"), tmp_path / "d.zarr").path
    starts = open_dataset(path).episodes.records["starts"]
    for row in (starts[2] + 3, starts[4] + 1):
        _with_frames(path, lambda frames, row=row: frames[row].fill(0))
    out = tmp_path / "e.zarr"
    message = (
        "episode 2: .* that frame 3 is another than .*, and the like in episodes 4; leave them out"
    )
    with pytest.raises(CombineError, match=message):
        convert(path, out, pictures="drawn")
    assert len(open_dataset(out)) == 2
    assert validate(out, deep=True)
    assert len(convert(path, tmp_path / "f.zarr", pictures="drawn", episodes="0:2,3")) == 3


def _with_metadata(path, change):
    document = json.loads((path / "zarr.json").read_text())
    change(document["attributes"]["crafter_dataset"])
    (path / "zarr.json").write_text(json.dumps(document))


@pytest.mark.parametrize(("change", "message"), [
    (lambda m: m["env"].update(version="0.9"), r"expected env.version '1.8.*', which is installed"),
    (lambda m: m.update(items=[f"{name}s" for name in m["items"]]), "expected Crafter's own items"),
])  # fmt: skip
def test_what_cannot_be_played_again_is_refused_before_anything(made, tmp_path, change, message):
    path = convert(made("stored"), tmp_path / "d.zarr").path
    _with_metadata(path, change)
    with pytest.raises(CombineError, match=f"pictures: {message}"):
        convert(path, tmp_path / "e.zarr", pictures="drawn")
    assert not (tmp_path / "e.zarr").exists()


def test_sizes_that_only_the_metadata_claims_take_no_memory(made, tmp_path):
    path = convert(made("stored"), tmp_path / "d.zarr").path
    _with_metadata(path, lambda m: m["env"].update(size=[32_760, 32_760]))
    with pytest.raises(CorruptDataError, match="frames: expected rows of shape"):
        convert(path, tmp_path / "e.zarr", pictures="drawn")
    assert not (tmp_path / "e.zarr").exists()


def test_builds_that_cannot_be_drawn_are_refused(tmp_path):
    fields = tuple(name for name in SETTINGS.fields if name != "inventory")
    with pytest.raises(SettingsError, match="pictures: expected stored, or the field inv"):
        build(tmp_path / "d", BuildSettings(fields=fields, pictures="drawn"), Target(episodes=1))
    with pytest.raises(ArgumentError, match="view: expected at least 3 rows"):
        build(tmp_path / "d", BuildSettings(view=(9, 2), pictures="drawn"), Target(episodes=1))
    with pytest.raises(SettingsError, match="pictures: expected one of stored, drawn, both"):
        BuildSettings(pictures="painted")
    assert not (tmp_path / "d").exists()


def test_a_build_goes_on_as_it_began(tmp_path):
    settings = replace(SETTINGS, pictures="drawn")
    whole = build(tmp_path / "whole.zarr", settings, Target(frames=300), workers=0)
    build(tmp_path / "d.zarr", settings, Target(frames=100), workers=0)
    with pytest.raises(SettingsError, match="pictures: expected drawn as in"):
        build(tmp_path / "d.zarr", SETTINGS, Target(frames=300), resume=True, given={"pictures"})
    done = build(tmp_path / "d.zarr", target=Target(frames=300), resume=True, given=(), workers=2)
    assert done.metadata.digest == whole.metadata.digest
    assert _files(tmp_path / "d.zarr") == _files(tmp_path / "whole.zarr")


def test_a_dataset_without_an_episode_goes_on(tmp_path):
    from crafter_dataset.builder.storage import containers

    settings = replace(SETTINGS, pictures="drawn")
    for suffix in (".zarr", ".h5"):
        path = tmp_path / f"d{suffix}"
        if suffix == ".zarr":
            path.mkdir()
        metadata = replace(settings, codec=containers.default_codec(path)).metadata()
        pictures = {
            f.name: np.zeros((metadata.rows_of(f), *f.row_shape(metadata.sizes())), f.dtype)
            for f in metadata.present_fields()
            if f.fixed
        }
        containers.create(path, metadata, pictures).close()
        for file in path.glob("pictures/*/c.*"):
            file.unlink()
        build(path, settings, Target(episodes=2), workers=0, resume=True, given=())
        assert validate(path, deep=True), suffix


def test_overwriting_leaves_what_others_have_named_alike(tmp_path):
    path = tmp_path / "d.zarr"
    build(path, SETTINGS, Target(episodes=1), workers=0)
    (path / "pictures" / "tiles").mkdir(parents=True)
    (path / "pictures" / "tiles" / "zarr.json").write_text("{}")
    with pytest.raises(BuildError, match="expected nothing but the dataset to replace"):
        build(path, SETTINGS, Target(episodes=2), workers=0, overwrite=True)
    drawn = tmp_path / "e.zarr"
    build(drawn, replace(SETTINGS, pictures="drawn"), Target(episodes=1), workers=0)
    build(drawn, SETTINGS, Target(episodes=1), workers=0, overwrite=True)
    assert not (drawn / "pictures").exists()
