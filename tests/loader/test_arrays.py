"""Fields, columns and datasets stand where arrays do: in NumPy, in PyTorch, as keys."""

from __future__ import annotations

import copy
import operator
import pickle

import numpy as np
import pytest

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.table import TABLE_DTYPE
from tests.synthetic import write_dataset


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("arrays") / "d.zarr"
    write_dataset(path, [10, 3, 26, 1, 17])
    return open_dataset(path, threads=1)


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def ids(part):
    return part.episodes["id"].tolist()


@pytest.mark.parametrize("key", [
    [0, 2], [2, 0], [-1], [], np.array([4, 1]), np.array([3], np.uint8), np.array([], int),
    [True, False, True, False, True], np.zeros(5, bool), np.array([], float),
    range(1, 5, 2),
])  # fmt: skip
def test_some_episodes_by_what_indexes_an_array(dataset, key):
    expected = np.arange(5)[np.asarray(key, int) if len(key) == 0 else np.asarray(key)]
    assert ids(dataset[key]) == expected.tolist()
    assert dataset.episodes[key]["episode_ids"].tolist() == expected.tolist()
    part = dataset[1:]
    assert ids(part[[0, 2]]) == [1, 3]
    for episode in dataset[key]:
        np.testing.assert_array_equal(episode["actions"], dataset[episode.id]["actions"])


def test_some_episodes_by_what_the_table_says(dataset):
    assert ids(dataset[dataset.episodes["lengths"] > 9]) == [0, 2, 4]
    assert ids(dataset[np.argsort(dataset.episodes["lengths"])]) == [3, 1, 0, 4, 2]


def test_some_episodes_by_tensors(dataset, torch):
    assert ids(dataset[torch.tensor([2, 0])]) == [2, 0]
    assert ids(dataset[torch.tensor([2])]) == [2]
    assert ids(dataset[torch.tensor([True, False, False, False, True])]) == [0, 4]
    assert dataset[torch.tensor(2)].id == 2
    assert dataset[np.array(2)].id == 2


@pytest.mark.parametrize(("key", "error", "text"), [
    ([5], IndexError, "expected indices from -5 to 4, found 5"),
    ([0, -6], IndexError, "expected indices from -5 to 4, found -6"),
    (5, IndexError, "expected an index from -5 to 4, found 5"),
    ([True, False], IndexError, "expected a mask of 5 bools, found one of 2"),
    ([1.0], TypeError, r"found shape \(1,\) of float64"),
    (1.0, TypeError, "expected an index, a slice, a mask or indices, found 1.0"),
    (True, TypeError, "found True"),
    (None, TypeError, "found None"),
    ((0, 1), TypeError, r"found \(0, 1\)"),
    ({0: 1}, TypeError, "found {0: 1}"),
    (np.zeros((5, 5), bool), TypeError, r"found shape \(5, 5\) of bool"),
    ([[0], [1, 2]], TypeError, "found "),
    ([2**70], TypeError, "found shape"),
    (["a", 1], TypeError, "found shape"),
])  # fmt: skip
def test_what_chooses_no_episodes_is_named(dataset, key, error, text):
    for whole, name in ((dataset, "dataset"), (dataset.episodes, "episodes")):
        with pytest.raises(error, match=f"^{name}: .*{text}.*d.zarr") as caught:
            whole[key]
        assert "\n" not in str(caught.value)


def test_an_episode_is_in_a_part_once(dataset):
    with pytest.raises(IndexError, match="expected each episode once, found index 4 2 times"):
        dataset[[0, 4, -1]]


def test_columns_lie_as_pytorch_wants_them(dataset, torch):
    assert TABLE_DTYPE.names == (
        "episode_ids", "starts", "lengths", "returns", "end_reasons", "world_seeds",
    )  # fmt: skip
    assert TABLE_DTYPE.isalignedstruct
    for part in (dataset, dataset[1:4], dataset[::-1], dataset[[2, 0]]):
        for name in part.episodes.columns:
            column = part.episodes[name]
            assert column.flags.aligned
            if name not in ("end", "policy"):  # which are texts
                assert torch.as_tensor(column).tolist() == column.tolist()
            if name in TABLE_DTYPE.names:
                assert part.episodes.records[name].strides[0] == TABLE_DTYPE.itemsize
    assert torch.as_tensor(dataset.episodes["returns"]).dtype == torch.float32


def test_a_table_as_an_array(dataset):
    table = dataset.episodes
    assert np.asarray(table) is table.records
    assert np.array(table).flags.writeable
    assert np.array(table, copy=True) is not table.records
    with pytest.raises(ValueError, match="episodes: expected copy=None"):
        table.__array__(np.dtype([("returns", "f8")]), copy=False)


NAMES = ["frames", "actions", "rewards", "terminations", "positions", "achievements", "daylight"]


@pytest.mark.parametrize("name", NAMES)
def test_fields_in_numpy(dataset, name):
    field = dataset[2][name]
    whole = field.read()
    for compare in (operator.eq, operator.ne, operator.lt, operator.ge):
        for other in (3, whole[::-1], field, True):
            found = compare(field, other)
            assert found.dtype == np.bool_
            np.testing.assert_array_equal(found, compare(whole, np.asarray(other)))
            np.testing.assert_array_equal(compare(other, field), compare(np.asarray(other), whole))
    np.testing.assert_array_equal(field * 2, whole * 2)
    np.testing.assert_array_equal(2 * field, 2 * whole)
    np.testing.assert_array_equal(field + field, whole + whole)
    np.testing.assert_array_equal(whole + field, whole + whole)
    assert np.mean(field == whole) == 1
    assert np.mean(field) == np.mean(whole)
    assert np.add.reduce(field, None) == np.add.reduce(whole, None)
    np.testing.assert_array_equal(np.concatenate([field, field]), np.concatenate([whole, whole]))
    np.testing.assert_array_equal(np.stack(list(field)), whole)
    np.testing.assert_array_equal(np.from_dlpack(field), whole)
    assert (len(field), field.ndim, field.size, field.nbytes, field.shape, field.dtype) == (
        len(whole), whole.ndim, whole.size, whole.nbytes, whole.shape, whole.dtype,
    )  # fmt: skip
    for key in (np.arange(26) % 2 == 0, [3, 1], np.array([-1]), None, True, (), np.int8(3)):
        np.testing.assert_array_equal(field[key], whole[key])
    np.testing.assert_array_equal(field[5:9, ..., None], whole[5:9, ..., None])
    for again in (copy.copy(field), copy.deepcopy(field), pickle.loads(pickle.dumps(field))):
        np.testing.assert_array_equal(again[3], whole[3])


def test_fields_become_arrays_of_other_types(dataset):
    field = dataset[2]["actions"]
    assert np.asarray(field, np.float32).dtype == np.float32
    assert np.array(field, copy=True).flags.writeable
    assert field.__array__(np.int64, copy=None).dtype == np.int64
    with pytest.raises(ValueError, match="actions of episode 2: expected copy=None"):
        field.__array__(copy=False)
    out = np.zeros(len(field), np.int64)
    assert np.add(field, 1, out=out) is out
    np.testing.assert_array_equal(out, field[:] + np.int64(1))


def test_what_fields_do_not_do_they_refuse(dataset):
    field = dataset[2]["actions"]
    with pytest.raises(TypeError, match="actions of episode 2: expected only reading, found add"):
        field += 1
    with pytest.raises(TypeError, match="expected only reading"):
        np.add(1, 1, out=field)
    with pytest.raises(TypeError):
        field[0] = 1
    with pytest.raises(AttributeError, match=r"'sum'; read it first, as in field\[:\]\.sum"):
        field.sum()
    with pytest.raises(AttributeError, match=r"no attribute 'summ'$"):
        field.summ()
    with pytest.raises(IndexError, match="actions of episode 2: expected an index from -26 to 25"):
        field[26]
    with pytest.raises(IndexError):
        field[[True, False]]
    with pytest.raises(IndexError):
        field[1.5]
    with pytest.raises(ValueError, match="truth value"):
        bool(field == 3)
    with pytest.raises(ValueError, match="truth value"):
        bool(field)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", ["as_tensor", "tensor", "asarray", "from_dlpack"])
def test_fields_become_tensors_at_once(dataset, torch, name, make, monkeypatch):
    """And not row by row: a list of arrays takes a thousand times as long."""
    field, reads = dataset[2][name], []
    read = type(field).read
    monkeypatch.setattr(type(field), "read", lambda *given: reads.append(given) or read(*given))
    tensor = getattr(torch, make)(field)
    assert len(reads) == 1
    assert tensor.shape == field.shape
    np.testing.assert_array_equal(tensor.numpy(), read(field))


def test_fields_meet_tensors(dataset, torch):
    rewards = torch.as_tensor(dataset[2]["rewards"])
    assert torch.stack([rewards, torch.as_tensor(dataset[2]["rewards"][:])]).shape == (2, 26)
    assert torch.as_tensor(dataset[2]["frames"], dtype=torch.float32).dtype == torch.float32
