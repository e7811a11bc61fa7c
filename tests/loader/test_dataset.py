"""Datasets and episodes: lazy, sliced, filtered, split, sent to other processes."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import shutil
import threading

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.split import split_groups
from crafter_dataset.loader.summarize import summarize
from crafter_dataset.loader.summary import crafter_score
from crafter_dataset.schemas import CorruptDataError, NotADatasetError, VersionError
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.synthetic import write_dataset


@pytest.fixture(scope="module")
def dataset(small_path):
    return open_dataset(small_path)


def test_episodes_are_the_rows_that_plain_zarr_gives(dataset, small_path):
    root = zarr.open_group(small_path, mode="r")
    assert len(dataset) == root["episodes/starts"].shape[0] == 12
    for number, episode in enumerate(dataset):
        start, length = root["episodes/starts"][number], root["episodes/lengths"][number]
        assert (episode.id, episode.length) == (number, length)
        assert list(episode) == [n for n in root if n != "episodes"] or set(episode) == {
            n for n, _ in root.arrays()
        }
        for name in episode:
            expected = root[name][start : start + length]
            np.testing.assert_array_equal(episode[name][:], expected)
            np.testing.assert_array_equal(np.asarray(episode[name]), expected)
            assert episode[name].dtype == expected.dtype
            assert episode[name].shape == expected.shape
        np.testing.assert_array_equal(episode.terrain, root["episodes/terrain"][number])


@pytest.mark.parametrize("name", ["frames", "actions", "positions"])
@given(data=st.data())
def test_indexing_is_numpys(dataset, name, data):
    field = dataset[3][name]
    whole = field.read()
    bound = st.none() | st.integers(-len(whole) - 3, len(whole) + 3)
    step = st.none() | st.integers(-5, 5).filter(bool)
    key = data.draw(
        st.builds(slice, bound, bound, step)
        | st.integers(-len(whole), len(whole) - 1)
        | st.just(Ellipsis)
        | st.lists(st.integers(-len(whole), len(whole) - 1), min_size=1).map(np.array)
    )
    np.testing.assert_array_equal(field[key], whole[key])
    if field.ndim > 1 and key is not Ellipsis and not isinstance(key, np.ndarray):
        np.testing.assert_array_equal(field[key, ..., 0], whole[key, ..., 0])


def test_only_the_touched_chunks_are_read(small_path, tmp_path):
    path = tmp_path / "d"
    shutil.copytree(small_path, path)
    episode = open_dataset(path)[2]
    expected = episode["frames"][16:20]
    # Break every chunk but the one that holds rows 16 to 32 of the episode.
    table = open_dataset(path).episodes
    kept = int(table["starts"][2]) // 16 + 1
    file = path / "frames" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    index = np.frombuffer(data[-16 * 1024 - 4 : -4], "<u8").reshape(1024, 2)
    for number, (start, size) in enumerate(index):
        if number != kept and size < 2**63:
            data[int(start) : int(start + size)] = bytes(int(size))
    file.write_bytes(bytes(data))
    np.testing.assert_array_equal(open_dataset(path)[2]["frames"][16:20], expected)
    with pytest.raises(CorruptDataError, match=r"episode 2, frames\[15:20\]: "):
        open_dataset(path)[2]["frames"][15:20]


def test_out_buffers(dataset):
    field = dataset[1]["frames"]
    out = np.full((5, *field.shape[1:]), 77, np.uint8)
    assert field.read(3, 8, out=out) is out
    np.testing.assert_array_equal(out, field[3:8])
    for wrong in (np.zeros((4, *field.shape[1:]), np.uint8), out.astype(np.int16)):
        with pytest.raises(ValueError, match=r"out: expected shape \(5, 64, 64, 3\) of uint8"):
            field.read(3, 8, out=wrong)


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (5, 3), (0, 1000)])
def test_rows_outside_the_episode_are_refused(dataset, start, stop):
    with pytest.raises(IndexError, match="actions of episode 1: expected rows within 0 to"):
        dataset[1]["actions"].read(start, stop)


def test_unknown_fields_are_named(dataset):
    with pytest.raises(KeyError, match="expected one of frames, actions"):
        dataset[0]["depth"]


def test_the_table(dataset):
    table = dataset.episodes
    assert table.dtype.names == (
        "episode_ids", "starts", "lengths", "returns", "end_reasons", "world_seeds",
    )  # fmt: skip
    assert not table.records.flags.writeable
    for row, episode in zip(table.records, dataset, strict=True):
        assert row["lengths"] == episode.length
        assert row["returns"] == np.float32(episode.episode_return)
        assert dataset.metadata.end_reasons[row["end_reasons"]] == episode.end_reason
    assert dataset.frames == table["lengths"].sum()


def test_sequence(dataset):
    assert dataset[-1].id == 11
    assert [e.id for e in dataset[2:8:2]] == [2, 4, 6]
    assert len(dataset[5:]) == 7
    assert dataset[5:][0].id == 5
    with pytest.raises(IndexError):
        dataset[12]


def test_filter_and_by_id(dataset):
    some = dataset.filter(lambda table: table["lengths"] > 50)
    assert [e.id for e in some] == [e.id for e in dataset if e.length > 50]
    same = dataset.filter(dataset.episodes["lengths"] > 50)
    assert (same.episodes.records == some.episodes.records).all()
    last = some[-1].id
    np.testing.assert_array_equal(some.by_id(last)["actions"], dataset[last]["actions"])
    missing = next(e.id for e in dataset if e.length <= 50) if len(some) < 12 else 12
    with pytest.raises(
        KeyError, match=f"id: expected the id of one of {len(some)} episodes, .* found {missing} "
    ):
        some.by_id(missing)
    with pytest.raises(ValueError, match="expected 12 bools"):
        dataset.filter([True])


def test_by_id_in_any_order(dataset):
    assert dataset[::-1].by_id(5).id == 5


def test_a_field_belongs_to_an_episode(dataset):
    with pytest.raises(TypeError, match=r"dataset\[0\]\['frames'\]"):
        dataset["frames"]


def test_the_current_folder_may_change(small_path, tmp_path, monkeypatch):
    monkeypatch.chdir(small_path.parent)
    dataset = open_dataset(small_path.name)
    expected = dataset[0]["frames"][:]
    data = pickle.dumps(dataset)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(dataset[0]["frames"][:], expected)
    np.testing.assert_array_equal(pickle.loads(data)[0]["frames"][:], expected)


def test_split_by_world_shares_no_map(dataset):
    train, test = dataset.split(0.7, seed=3, by_world=True)
    assert sorted(e.id for part in (train, test) for e in part) == list(range(12))
    assert not set(train.episodes["world_seeds"]) & set(test.episodes["world_seeds"])
    terrain = {e.terrain.tobytes() for e in train}
    assert not terrain & {e.terrain.tobytes() for e in test}
    again, _ = dataset.split(0.7, seed=3, by_world=True)
    assert (again.episodes.records == train.episodes.records).all()


@given(
    groups=st.lists(st.integers(0, 8), min_size=0, max_size=60),
    shares=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    rest=st.integers(0, 3),
    seed=st.integers(0, 5),
)
def test_splits_deal_out_whole_groups_once(groups, shares, rest, seed):
    groups = np.array(groups, np.int64)
    total = sum(shares) + rest
    parts = split_groups(groups, [share / total for share in shares], seed)
    assert len(parts) == len(shares) + (rest > 0)
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(groups)))
    held = [set(groups[part].tolist()) for part in parts]
    for index, one in enumerate(held):
        for other in held[index + 1 :]:
            assert not one & other


def test_split_sizes_are_close():
    parts = split_groups(np.arange(1000), [0.8, 0.1], 0)
    assert [len(part) for part in parts] == [800, 100, 100]


@pytest.mark.parametrize("fractions", [(), (0.5, 0.6), (-0.1, 0.5), (0.0, 1.0)])
def test_bad_fractions_are_refused(dataset, fractions):
    with pytest.raises(ValueError, match="fractions: expected positive ones"):
        dataset.split(*fractions)


def _sum_frames(dataset):
    return [int(episode["frames"][:].sum(dtype=np.int64)) for episode in dataset]


def test_pickled_datasets_read_the_same(dataset):
    part = dataset[3:7]
    data = pickle.dumps(part)
    assert len(data) < 10_000
    assert _sum_frames(pickle.loads(data)) == _sum_frames(part)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_datasets_work_in_other_processes(dataset, method):
    """Also after a fork of a process whose zarr threads are already running."""
    expected = _sum_frames(dataset[:4])
    with multiprocessing.get_context(method).Pool(2) as pool:
        results = pool.map_async(_sum_frames, [dataset[:4]] * 4).get(timeout=60)
    assert results == [expected] * 4


def test_datasets_work_in_threads(dataset):
    expected, results = _sum_frames(dataset), []
    threads = [
        threading.Thread(target=lambda: results.append(_sum_frames(dataset))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


class Torch:
    """A map-style dataset as training code writes one."""

    def __init__(self, dataset):
        self.dataset = dataset

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        return self.dataset[index]["frames"][:16].astype(np.int64).sum()


@pytest.mark.parametrize("method", ["fork", "spawn"])
@pytest.mark.filterwarnings("ignore:.*use of fork")
def test_datasets_work_in_torch_workers(dataset, method):
    torch_data = pytest.importorskip("torch.utils.data")
    expected = [int(Torch(dataset)[i]) for i in range(12)]
    for _ in range(2):
        batches = torch_data.DataLoader(
            Torch(dataset), batch_size=3, num_workers=2, multiprocessing_context=method, timeout=60
        )
        assert [int(v) for batch in batches for v in batch] == expected


def test_a_dataset_that_is_still_built_loads(tmp_path):
    calls = iter(range(100))
    settings = BuildSettings(seed=4, **SMALL_WORLD)
    build(tmp_path / "d", settings, Target(episodes=50), workers=0,
          should_stop=lambda: next(calls) > 3)  # fmt: skip
    dataset = open_dataset(tmp_path / "d")
    assert dataset.metadata.status == "building"
    assert dataset.metadata.digest is None
    assert 0 < len(dataset) < 50
    dataset[-1].load()


def test_an_empty_dataset_loads(tmp_path):
    write_dataset(tmp_path / "d", [], complete=False)
    dataset = open_dataset(tmp_path / "d")
    assert len(dataset) == dataset.frames == 0
    summary = summarize(dataset)
    assert (summary.frames, summary.score) == (0, 0.0)


def test_what_cannot_be_opened_is_named(tmp_path, small_path):
    with pytest.raises(NotADatasetError, match="none: expected a Crafter dataset, found nothing"):
        open_dataset(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADatasetError, match="found no HDF5 file that can be read"):
        open_dataset(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    with pytest.raises(NotADatasetError, match="found no Zarr v3 group"):
        open_dataset(tmp_path / "folder")
    (tmp_path / "folder.h5").mkdir()
    with pytest.raises(NotADatasetError, match="found no Zarr v3 group"):
        open_dataset(tmp_path / "folder.h5")
    with pytest.raises(NotADatasetError, match=r"none\.h5: expected a Crafter dataset, found"):
        open_dataset(tmp_path / "none.h5")
    path = tmp_path / "newer"
    shutil.copytree(small_path, path)
    document = json.loads((path / "zarr.json").read_text())
    document["attributes"]["crafter_dataset"]["version"] = "2.0"
    (path / "zarr.json").write_text(json.dumps(document))
    with pytest.raises(VersionError, match="newer"):
        open_dataset(path)


def test_missing_files_are_errors_not_black_frames(small_path, tmp_path):
    path = tmp_path / "d"
    shutil.copytree(small_path, path)
    (path / "frames" / "c.0.0.0.0").unlink()
    (path / "episodes" / "terrain" / "c.0.0.0").write_bytes(b"")
    dataset = open_dataset(path)
    with pytest.raises(CorruptDataError, match=r"episode 4, frames\[0:2\]: .*found none"):
        dataset[4]["frames"][:2]
    with pytest.raises(CorruptDataError, match="episode 4, terrain"):
        _ = dataset[4].terrain
    (path / "episodes" / "starts" / "c.0").unlink()
    with pytest.raises(CorruptDataError, match="episodes/starts"):
        open_dataset(path)


def test_summary_counts_what_is_there(dataset):
    summary = summarize(dataset)
    rewards = np.concatenate([e["rewards"][:-1] for e in dataset])
    assert summary.rewards == {
        "positive": (rewards > 0).sum(),
        "zero": (rewards == 0).sum(),
        "negative": (rewards < 0).sum(),
    }
    reached = np.mean([e["achievements"][-1] > 0 for e in dataset], axis=0)
    assert list(summary.success_rates.values()) == reached.tolist()
    assert summary.frames == sum(e.length for e in dataset)
    assert sum(summary.end_reasons.values()) == 12
    part = summarize(dataset[4:6])
    assert sum(part.rewards.values()) == sum(e.length - 1 for e in dataset[4:6])


def test_crafter_score():
    """The paper's figures: 100 % is full success, and the score is a geometric mean of 1 + s."""
    assert crafter_score([1.0] * 22) == pytest.approx(100)
    assert crafter_score([0.0] * 22) == 0
    assert crafter_score([0.0, 0.03]) == pytest.approx(1.0)


def test_another_dataset_in_its_place_is_noticed_elsewhere(small_path, tmp_path):
    path = tmp_path / "d"
    shutil.copytree(small_path, path)
    sent = pickle.dumps(open_dataset(path))
    assert pickle.loads(sent)[0]["actions"][:].any()
    shutil.rmtree(path)
    build(path, BuildSettings(seed=2, **SMALL_WORLD), Target(episodes=12), workers=0)
    with pytest.raises(CorruptDataError, match="found another one in its place"):
        pickle.loads(sent)[0]["actions"][:]


@pytest.mark.parametrize(
    ("column", "value"), [("lengths", 0), ("lengths", -5), ("lengths", 2**31 - 1), ("starts", -8),
                          ("starts", 2**62), ("starts", 10**6)],
)  # fmt: skip
def test_episodes_beyond_the_rows_are_refused(small_path, monkeypatch, column, value):
    from crafter_dataset.loader.zarr.local import LocalZarr

    read = LocalZarr.read

    def changed(self, path, start, stop):
        rows = read(self, path, start, stop)
        if path == f"episodes/{column}":
            rows[3] = value
        return rows

    monkeypatch.setattr(LocalZarr, "read", changed)
    with pytest.raises(CorruptDataError, match="episode 3: expected its rows within 0 to"):
        open_dataset(small_path)


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("length > 50", lambda t, reached: t["lengths"] > 50),
        ("10 < length <= 50", lambda t, reached: (t["lengths"] > 10) & (t["lengths"] <= 50)),
        ("return > -0.5 and return < 2", lambda t, r: (t["returns"] > -0.5) & (t["returns"] < 2)),
        (
            "end == 'time_limit' or id == 0",
            lambda t, reached: (t["end_reasons"] == 2) | (t["episode_ids"] == 0),
        ),
        ("not (id < 3)", lambda t, reached: t["episode_ids"] >= 3),
        ("wake_up or length > 40", lambda t, reached: reached | (t["lengths"] > 40)),
        ("world_seed > 0", lambda t, reached: t["world_seeds"] > 0),
    ],
)  # fmt: skip
def test_conditions_choose_episodes(small_path, text, keep):
    dataset = open_dataset(small_path)
    wake_up = dataset.metadata.achievements.index("wake_up")
    reached = np.array([e["achievements"][-1][wake_up] > 0 for e in dataset])
    expected = np.flatnonzero(keep(dataset.episodes, reached))
    chosen = dataset.filter(text)
    assert chosen.episodes["episode_ids"].tolist() == expected.tolist()
    part = dataset[2:].filter(f"id >= 2 and ({text} or id < 99)")
    assert len(part) == len(dataset) - 2


@pytest.mark.parametrize(
    "text",
    ["", "length", "3 > ", "length > 'a'", "end > 3", "__import__('os')", "length.real > 1",
     "frames > 1", "id in (1, 2)", "[e for e in id]", "length > 10**9**9", "(" * 500, "lambda: 1",
     "1 > 0 if id else 1", "id is 3", "return > 1" + "0" * 400, "length > True.real", "cheese"],
)  # fmt: skip
def test_conditions_that_are_none_are_refused_and_nothing_is_run(small_path, text):
    expected = r"expected (comparisons|one of id, length)|found too large"
    with pytest.raises(ValueError, match=expected):
        open_dataset(small_path).filter(text)


def test_a_condition_that_holds_for_nothing(small_path):
    """As a mask without a True does; a loop over the result has nothing to do."""
    assert len(open_dataset(small_path).filter("length > 9999")) == 0


@pytest.mark.parametrize("name", ["id", "length", "return", "world_seed"])
def test_columns_answer_to_the_names_on_disk_and_to_those_of_filters(dataset, name):
    disk = {"id": "episode_ids"}.get(name, name + "s")
    np.testing.assert_array_equal(dataset.episodes[name], dataset.episodes[disk])
    assert len(dataset.filter(f"{name} == {name}")) == len(dataset.filter(f"{disk} == {name}"))


def test_columns_that_are_worked_out(dataset):
    table = dataset.episodes
    assert table["end"].tolist() == [episode.end_reason for episode in dataset]
    reached = np.array([episode["achievements"][-1] > 0 for episode in dataset])
    np.testing.assert_array_equal(table["achievements"], reached.sum(1))
    for index, name in enumerate(dataset.metadata.achievements):
        np.testing.assert_array_equal(table[name], reached[:, index])
    with pytest.raises(KeyError, match=r"column: expected one of id, length, .*found 'cheese'"):
        table["cheese"]
    assert set(table.columns) >= {"id", "end", "collect_wood", "world_seeds"}
