"""Files are closed when one says so, in every container, and nothing is read from them later."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest

import crafter_dataset
from crafter_dataset.loader import Windows, open_dataset
from tests.containers.places import PLACES, folder_of, put
from tests.synthetic import write_dataset

CLOSED = "^dataset: expected an open one, found one that was closed "

linux = pytest.mark.skipif(
    not os.path.isdir("/proc/self/fd"), reason="needs a list of the open files"
)


@pytest.fixture(params=PLACES)
def where(request, tmp_path):
    return put(request.param, folder_of(tmp_path, write_dataset, [9, 30, 4]), tmp_path)


def open_files(folder: Path) -> set[str]:
    """What this process has open below a folder, files that are mapped among it."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{number}"))
    with open("/proc/self/maps") as maps:
        found |= {line.split(maxsplit=5)[5].strip() for line in maps if line.count("/") > 1}
    return {name for name in found if name.startswith(str(folder))}


@linux
def test_nothing_is_open_afterwards(where, tmp_path):
    gc.collect()  # of those who wrote it
    assert not open_files(tmp_path)
    with open_dataset(where) as dataset:
        windows = Windows(dataset, 3)
        windows.read(np.arange(len(windows)))
        dataset[1].load()
        dataset.summary()
        assert open_files(tmp_path) or isinstance(where, str)
    assert not open_files(tmp_path)
    assert len(dataset) == 3


def test_what_was_read_stays_and_more_is_an_error(where):
    with open_dataset(where) as dataset:
        part, windows, field = dataset[[1]], Windows(dataset, 3), dataset[0]["actions"]
        kept = field[:]
    assert (len(dataset), dataset.frames, dataset.metadata.status) == (3, 43, "complete")
    assert dataset.episodes["length"].tolist() == [9, 30, 4]
    assert "3 episodes" in repr(dataset)
    assert "3 episodes" in dataset._repr_html_()
    assert len(kept) == len(field) == 9
    for read in (
        lambda: field[0], lambda: dataset[1]["frames"][3:5], lambda: part[0].load(),
        lambda: windows[0], lambda: dataset.summary(), lambda: dataset.provenance,
        lambda: dataset.episodes["collect_wood"], lambda: dataset[0].terrain,
        lambda: dataset[2:].filter("collect_wood"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=CLOSED) as caught:
            read()
        assert isinstance(caught.value, crafter_dataset.CrafterDatasetError)
        assert "\n" not in str(caught.value)
    dataset.close()


def test_parts_share_their_files(where):
    dataset = open_dataset(where)
    first, second = dataset[:1], dataset.filter("length > 10")
    with first:
        np.testing.assert_array_equal(first[0]["actions"], dataset[0]["actions"])
    for whole in (dataset, second, first):
        with pytest.raises(ValueError, match=CLOSED):
            whole[0]["actions"][:]
    assert len(open_dataset(where)[1]["actions"][:]) == 30  # opened for itself


def test_a_copy_is_closed_if_the_original_was(where):
    dataset = open_dataset(where)
    copied = pickle.loads(pickle.dumps(dataset))
    dataset.close()
    assert len(copied[0]["actions"][:]) == 9
    with pytest.raises(ValueError, match=CLOSED):
        pickle.loads(pickle.dumps(dataset))[0]["actions"][:]


def test_closing_in_a_forked_process_closes_it_there(where):
    dataset = open_dataset(where)
    dataset[0]["actions"][:]
    child = os.fork()
    if not child:
        dataset.close()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert len(dataset[1]["actions"][:]) == 30


def test_threads_that_read_while_it_is_closed_get_rows_or_the_error(where):
    dataset = open_dataset(where)
    expected, errors, wrong = dataset[1]["frames"][:], [], []
    began = threading.Barrier(4)

    def read():
        began.wait()
        try:
            while True:
                if not np.array_equal(dataset[1]["frames"][:], expected):
                    wrong.append("rows")
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    began.wait()
    dataset.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert not wrong
    assert ["found one that was closed" in str(error) for error in errors] == [True] * 3, errors


def test_an_error_inside_is_raised_and_the_files_are_closed(where):
    with pytest.raises(KeyError), open_dataset(where) as dataset:
        dataset[0]["depth"]
    with pytest.raises(ValueError, match=CLOSED):
        dataset[0]["actions"][:]
