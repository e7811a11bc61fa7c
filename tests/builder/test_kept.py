"""What users have put into a dataset of theirs is still there after it is gone on with."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import zarr

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.errors import MetadataError
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.reliability.containers import problems

SETTINGS = BuildSettings(seed=4, chunk_frames=16, **SMALL_WORLD)
NUMBERS = np.arange(300.0)


def extend(path: Path, episodes: int) -> str | None:
    done = build(path, SETTINGS, Target(episodes=episodes), workers=0, resume=True)
    assert problems(path) == []
    return done.metadata.digest


@pytest.fixture(scope="module")
def digests(tmp_path_factory) -> dict[int, str | None]:
    folder = tmp_path_factory.mktemp("plain")
    return {n: extend(folder / f"{n}.zarr", n) for n in (2, 3, 4)}


def add_to_zarr(path: Path) -> None:
    root = zarr.open_group(path, mode="a", use_consolidated=False)
    root.attrs["note"] = "mine"
    root.create_array("embeddings", data=NUMBERS)
    inner = root.create_group("results").create_group("of mine")
    inner.attrs["deep"] = [1, {"a": None}]
    inner.create_array("scores", data=NUMBERS[:3])
    root["frames"].attrs["unit"] = "none"
    root["episodes"].attrs["rated"] = True
    root["episodes"].create_array("ratings", data=NUMBERS[:2])


def check_zarr(path: Path) -> None:
    for consolidated in (None, False):
        root = zarr.open_group(path, mode="r", use_consolidated=consolidated)
        assert root.attrs["note"] == "mine"
        assert root["frames"].attrs["unit"] == "none"
        assert "description" in root["frames"].attrs
        assert root["episodes"].attrs["rated"] is True
        assert {"embeddings", "results", "frames"} <= set(root.keys())
        assert root["results/of mine"].attrs["deep"] == [1, {"a": None}]
        np.testing.assert_array_equal(root["embeddings"][:], NUMBERS)
        np.testing.assert_array_equal(root["results/of mine/scores"][:], NUMBERS[:3])
        np.testing.assert_array_equal(root["episodes/ratings"][:], NUMBERS[:2])


KINDS = {
    "text": "mine, grün",
    "empty": "",
    "bytes": np.bytes_(b"abc"),
    "texts": np.array(["a", "", "ccc" * 5000], h5py.string_dtype()),
    "float": 2.5,
    "big-endian": np.arange(6, dtype=">i4").reshape(2, 3),
    "bool": True,
    "none": h5py.Empty("f4"),
    "record": np.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    "größe": 3,
    **{f"number {n}": n for n in range(20)},
}


def add_to_hdf5(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        for place in (file, file["frames"], file["episodes"], file["episodes/lengths"]):
            for name, value in KINDS.items():
                place.attrs[name] = value
        file["embeddings"] = NUMBERS
        file.create_dataset("big", data=NUMBERS, chunks=(10,), compression="gzip", maxshape=(None,))
        file["results/of mine"] = NUMBERS[:3]
        file["results"].attrs["deep"] = "yes"
        file["größen"] = h5py.SoftLink("/embeddings")
        file["episodes/ratings"] = NUMBERS[:2]
        file["n" * 300] = 1


def check_hdf5(path: Path) -> None:
    with h5py.File(path) as file:
        for place in (file, file["frames"], file["episodes"], file["episodes/lengths"]):
            for name, value in KINDS.items():
                found = place.attrs[name]
                if isinstance(value, h5py.Empty):
                    assert found == value
                    continue
                assert np.asarray(found).dtype == np.asarray(value).dtype or name == "texts"
                np.testing.assert_array_equal(found, value, err_msg=name)
        assert file["frames"].attrs["description"]
        np.testing.assert_array_equal(file["embeddings"][:], NUMBERS)
        np.testing.assert_array_equal(file["größen"][:], NUMBERS)
        np.testing.assert_array_equal(file["big"][:], NUMBERS)
        np.testing.assert_array_equal(file["results/of mine"][:], NUMBERS[:3])
        np.testing.assert_array_equal(file["episodes/ratings"][:], NUMBERS[:2])
        assert file["results"].attrs["deep"] == "yes"
        assert file["n" * 300][()] == 1


@pytest.mark.parametrize(
    ("suffix", "add", "check"),
    [(".zarr", add_to_zarr, check_zarr), (".h5", add_to_hdf5, check_hdf5)],
)
def test_attributes_and_arrays_of_the_user(tmp_path, digests, suffix, add, check):
    path = tmp_path / f"d{suffix}"
    assert extend(path, 2) == digests[2]
    add(path)
    check(path)
    assert problems(path) == []
    assert extend(path, 3) == digests[3]
    check(path)
    assert extend(path, 4) == digests[4]
    check(path)
    assert len(open_dataset(path)) == 4


def test_what_is_added_to_zarr_and_consolidated(tmp_path):
    path = tmp_path / "d.zarr"
    extend(path, 2)
    add_to_zarr(path)
    with pytest.warns(match="Consolidated metadata"):
        zarr.consolidate_metadata(path)
    extend(path, 3)
    check_zarr(path)


def test_what_cannot_be_kept_in_hdf5_is_named(tmp_path):
    path = tmp_path / "d.h5"
    extend(path, 2)
    with h5py.File(path, "r+") as file:
        file.attrs["see"] = file["frames"].ref
    before = path.read_bytes()
    with pytest.raises(MetadataError, match=r"@see: expected numbers or texts, found references"):
        extend(path, 3)
    assert path.read_bytes() == before
    with h5py.File(path, "r+") as file:
        del file.attrs["see"]
        file["elsewhere"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(MetadataError, match=r"elsewhere: .* found a link to another"):
        extend(path, 3)
