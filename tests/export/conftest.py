"""Datasets that every format's tests export."""

from __future__ import annotations

import pytest

from crafter_dataset.loader import Dataset, open_dataset
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT
from tests.synthetic import write_dataset


@pytest.fixture(scope="package")
def ends(tmp_path_factory) -> Dataset:
    """Return a death, a time limit, a cut and a death after one action; frames are 20 x 18."""
    path = tmp_path_factory.mktemp("ends") / "d"
    write_dataset(path, [9, 17, 5, 2], end_reasons=[TERMINATED, TIME_LIMIT, CUT, TERMINATED])
    return open_dataset(path)


@pytest.fixture(scope="package")
def some(small_path) -> Dataset:
    """Return real episodes whose ids have gaps and are in no order."""
    part = open_dataset(small_path)[::-3]
    assert [episode.id for episode in part] == [11, 8, 5, 2]
    return part


@pytest.fixture(scope="package")
def real(dataset_path) -> Dataset:
    """Return real episodes of default settings, the last one cut."""
    dataset = open_dataset(dataset_path)
    assert dataset[-1].end_reason == "cut"
    return dataset
