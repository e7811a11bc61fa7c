"""Datasets that earlier versions wrote are read, and gone on with."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import crafter_dataset

HERE = Path(__file__).parent
SETTINGS = {"length": 40, "area": (24, 20), "size": 18, "seed": 5, "chunk_frames": 16, "workers": 0}
"""What build-dataset 0.1 was given, beside `--episodes 3`."""


@pytest.fixture
def folder(tmp_path):
    shutil.unpack_archive(HERE / "written_by_0.1" / "datasets.tar.xz", tmp_path, filter="data")
    return tmp_path


@pytest.mark.parametrize("name", ["data.zarr", "data.h5"])
def test_those_of_0_1_are_valid_and_go_on(folder, name):
    path = folder / name
    assert crafter_dataset.validate(path, deep=True, replay=3)
    three = crafter_dataset.build(folder / "three.zarr", episodes=3, **SETTINGS)
    assert crafter_dataset.open_dataset(path).metadata.digest == three.metadata.digest
    grown = crafter_dataset.build(path, episodes=5, resume=True, workers=0)
    five = crafter_dataset.build(folder / "five.zarr", episodes=5, **SETTINGS)
    assert grown.metadata.digest == five.metadata.digest
    assert crafter_dataset.validate(path, deep=True)
