"""Readers that know nothing of this project open its files."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
import zarr

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.layout import FIELDS
from tests.building import build


@pytest.fixture(scope="module")
def dataset(dataset_path):
    return open_dataset(dataset_path)


def test_plain_zarr(dataset, dataset_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        root = zarr.open_group(dataset_path, mode="r")
        names = {name for name, _ in root.arrays()}
    assert names == set(dataset.fields)
    assert {name for name, _ in root["episodes"].arrays()} == {
        f.name for f in FIELDS if f.per_episode and not f.rare
    }
    start, length = root["episodes/starts"][2], root["episodes/lengths"][2]
    frames = root["frames"][start : start + length]
    np.testing.assert_array_equal(frames, dataset[2]["frames"])


def test_plain_zarr_without_consolidated_metadata(dataset, dataset_path):
    root = zarr.open_group(dataset_path, mode="r", use_consolidated=False)
    for field in dataset.metadata.present_fields():
        assert root[field.path].shape == zarr.open_group(dataset_path)[field.path].shape


def test_stock_zarr_writes_the_same_metadata(dataset, dataset_path):
    """zarr-python reads each array's document and writes it back as it was."""
    for field in dataset.metadata.present_fields():
        document = json.loads((dataset_path / field.path / "zarr.json").read_text())
        array = zarr.open_array(dataset_path / field.path, mode="r")
        written = json.loads(json.dumps(array.metadata.to_dict()))
        assert written == document


@pytest.mark.parametrize("consolidated", [True, False])
def test_xarray(dataset, dataset_path, consolidated):
    xarray = pytest.importorskip("xarray")
    opened = xarray.open_zarr(dataset_path, consolidated=consolidated, chunks=None)
    assert opened["frames"].dims == ("frame", "height", "width", "channel")
    start, length = dataset.episodes["starts"][1], dataset.episodes["lengths"][1]
    part = opened.isel(frame=slice(start, start + length))
    for name in dataset.fields:
        assert part[name].dtype == dataset[1][name].dtype, name
        np.testing.assert_array_equal(part[name].values, dataset[1][name])
    table = xarray.open_zarr(dataset_path, group="episodes", chunks=None)
    np.testing.assert_array_equal(table["lengths"].values, dataset.episodes["lengths"])


def test_tensorstore(dataset, dataset_path):
    tensorstore = pytest.importorskip("tensorstore")
    for field in dataset.metadata.present_fields():
        array = tensorstore.open(
            {
                "driver": "zarr3",
                "kvstore": {"driver": "file", "path": f"{dataset_path}/{field.path}"},
            }
        ).result()
        expected = zarr.open_group(dataset_path, mode="r")[field.path][:]
        found = array.read().result()
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        assert array.domain.labels == field.dims


@pytest.fixture(scope="module", params=[".zarr", ".h5"])
def drawn(request, tmp_path_factory):
    path = tmp_path_factory.mktemp("drawn") / f"d{request.param}"
    settings = BuildSettings(seed=5, length=90, pictures="drawn")
    build(path, settings, Target(frames=200), workers=0)
    return open_dataset(path)


def test_what_drawn_datasets_store(drawn):
    """Each reader opens all arrays of what pictures are drawn from."""
    fields, path = drawn.metadata.present_fields(), drawn.path
    assert {"tiles", "sleeping", "random_words", "anchors", "pictures/tiles"} <= {
        field.path for field in fields
    }
    if path.suffix == ".h5":
        h5py = pytest.importorskip("h5py")
        readers = [lambda name: h5py.File(path)[name][...]]
    else:
        tensorstore, xarray = map(pytest.importorskip, ("tensorstore", "xarray"))
        root = zarr.open_group(path, mode="r")
        groups = {
            group: xarray.open_zarr(path, group=group or None, chunks=None)
            for group in ("", "episodes", "pictures")
        }

        def by_tensorstore(name):
            kvstore = {"driver": "file", "path": f"{path}/{name}"}
            array = tensorstore.open({"driver": "zarr3", "kvstore": kvstore}).result()
            return array.read().result()

        readers = [
            lambda name: root[name][...],
            by_tensorstore,
            lambda name: groups[name.rpartition("/")[0]][name.rpartition("/")[2]].values,
        ]
    for field in fields:
        expected = drawn.container.read(field.path, 0, drawn.metadata.rows_of(field))
        for read in readers:
            found = read(field.path)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
