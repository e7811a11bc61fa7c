"""Windows hold the rows that plain zarr gives, of one episode each, and zeros beyond it."""

from __future__ import annotations

import itertools
import logging
import multiprocessing
import pickle

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.builder.storage.zarr_writer import ZarrWriter
from crafter_dataset.loader import Windows, open_dataset
from crafter_dataset.loader.window_index import WindowIndex
from crafter_dataset.schemas import CorruptDataError
from crafter_dataset.schemas.layout import FRAME_FIELDS
from tests.synthetic import write_dataset

PADDINGS = ("none", "right", "left", "both")
CAUSED = ("rewards", "terminations", "truncations")

lengths = st.lists(st.integers(1, 40), min_size=1, max_size=6)


def starts_by_hand(rows, length, stride, padding, min_rows):
    """All first rows of an episode's windows, found by trying every one."""

    def is_window(start):
        inside = min(start + length, rows) - max(start, 0)
        return (
            inside >= min_rows
            and (start >= 0 or padding in ("left", "both"))
            and (start + length <= rows or padding in ("right", "both"))
        )

    every = [start for start in range(-length, rows + length) if is_window(start)]
    return every[::-1][::stride][::-1] if padding == "left" else every[::stride]


@given(
    rows=st.lists(st.integers(0, 20), max_size=6),
    length=st.integers(1, 12),
    stride=st.integers(1, 15),
    padding=st.sampled_from(PADDINGS),
    data=st.data(),
)
def test_the_index_lists_every_window(rows, length, stride, padding, data):
    min_rows = data.draw(st.integers(1, length))
    index = WindowIndex(np.array(rows, np.int64), length, stride, padding, min_rows)
    expected = [
        (episode, start)
        for episode, count in enumerate(rows)
        for start in starts_by_hand(count, length, stride, padding, min_rows)
    ]
    assert len(index) == len(expected)
    numbers = np.arange(len(index))
    episodes, starts = index.locate(numbers)
    assert list(zip(episodes.tolist(), starts.tolist(), strict=True)) == expected
    np.testing.assert_array_equal(index.number(episodes, starts), numbers)


def read_by_hand(path):
    """The rows of each episode and field, with plain zarr."""
    root = zarr.open_group(path, mode="r")
    starts, lengths = root["episodes/starts"][:], root["episodes/lengths"][:]
    whole = {name: array[:] for name, array in root.arrays()}
    return [
        {name: rows[start : start + length] for name, rows in whole.items()}
        for start, length in zip(starts, lengths, strict=True)
    ]


def cut_by_hand(stored, start, length, name, alignment, next_frame):
    """One window of one field, row by row."""
    rows = len(stored)
    states = name not in (*CAUSED, "actions")
    cut = []
    for row in range(start, start + length + (next_frame and states)):
        row -= alignment == "arrivals" and name in CAUSED
        if alignment == "transitions":
            # The final frame has no action of its own; it is seen as what came of the last one.
            there = 0 <= row < rows - 1 or (next_frame and states and row == rows - 1)
        else:
            there = 0 <= row < rows
        cut.append(stored[row] if there else np.zeros_like(stored[0]))
    return np.array(cut)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(lengths=lengths, chunk_frames=st.sampled_from([1, 4, 8]), data=st.data())
@example(lengths=[1, 2], chunk_frames=4, data=None)
def test_every_window_is_the_one_cut_by_hand(tmp_path_factory, lengths, chunk_frames, data):
    path = tmp_path_factory.mktemp("windows") / "d.zarr"
    write_dataset(path, lengths, chunk_frames=chunk_frames)
    dataset, episodes = open_dataset(path), read_by_hand(path)
    length = data.draw(st.integers(1, 20)) if data else 3
    stride = data.draw(st.integers(1, 5)) if data else 1
    fields = [name for name in episodes[0] if name != "episode_ids"]
    fields = data.draw(st.lists(st.sampled_from(fields), unique=True)) if data else fields
    for padding, (alignment, next_frame) in itertools.product(
        PADDINGS, [("transitions", False), ("transitions", True), ("arrivals", False)]
    ):
        rows = np.array(lengths) - (alignment == "transitions")
        expected = [
            (episode, start)
            for episode, count in enumerate(rows.tolist())
            for start in starts_by_hand(count, length, stride, padding, 1)
        ]
        options = {"stride": stride, "padding": padding, "fields": fields}
        options |= {"alignment": alignment, "next_frame": next_frame}
        if not expected:
            with pytest.raises(ValueError, match=r"windows: expected an episode of at least"):
                Windows(dataset, length, **options)
            continue
        windows = Windows(dataset, length, **options)
        # In an order that is not the stored one, each in one batch with all others.
        numbers = np.random.default_rng(0).permutation(len(windows))
        batch = windows.read(numbers)
        for place, number in enumerate(numbers):
            episode, start = expected[number]
            assert (batch["episode_ids"][place], batch["starts"][place]) == (episode, start)
            there = np.arange(start, start + length)
            np.testing.assert_array_equal(
                batch["mask_padding"][place], (there >= 0) & (there < rows[episode])
            )
            if alignment == "arrivals":
                np.testing.assert_array_equal(batch["is_first"][place], there == 0)
            for name in fields:
                np.testing.assert_array_equal(
                    batch[name][place],
                    cut_by_hand(
                        episodes[episode][name], start, length, name, alignment, next_frame
                    ),
                    err_msg=f"{name}, {padding}, {alignment}, {next_frame}",
                )


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("windows") / "d.zarr"
    write_dataset(path, [10, 3, 26, 41, 1, 17])
    return path


def test_no_window_mixes_two_episodes(path):
    dataset = open_dataset(path)
    root = zarr.open_group(path, mode="r")
    # Every row says by its frame where it is from.
    home = {
        root["frames"][start + row].tobytes(): (episode, row)
        for episode, (start, length) in enumerate(
            zip(root["episodes/starts"][:], root["episodes/lengths"][:], strict=True)
        )
        for row in range(length)
    }
    for padding in PADDINGS:
        windows = Windows(dataset, 7, padding=padding, fields="frames")
        for number in range(len(windows)):
            window = windows[number]
            for row, real in enumerate(window["mask_padding"]):
                if real:
                    place = window["episode_ids"], window["starts"] + row
                    assert home[window["frames"][row].tobytes()] == place
                else:
                    assert not window["frames"][row].any()


def test_the_frame_after_the_last_action_is_there(path):
    windows = Windows(open_dataset(path), 9, next_frame=True, fields=["frames", "actions"])
    dataset = open_dataset(path)
    window = windows[0]
    assert window["frames"].shape == (10, 20, 18, 3)
    assert window["actions"].shape == (9,)
    np.testing.assert_array_equal(window["frames"], dataset[0]["frames"][:])


def test_a_traversal_as_diamond_does_it(path):
    lengths = np.array([10, 3, 26, 41, 1, 17]) - 1
    windows = Windows(open_dataset(path), 8, stride=8, padding="right", min_rows=2)
    # Its DatasetTraverser: ceil(length / chunk) chunks an episode, a tail of one row dropped.
    expected = [-(-n // 8) - (n % 8 == 1) for n in lengths.tolist()]
    assert windows.index.counts.tolist() == expected
    seen = windows[:]
    assert seen["mask_padding"].sum() == (lengths - (lengths % 8 == 1)).sum()


def test_reading_one_a_slice_and_a_list(path):
    windows = Windows(open_dataset(path), 5)
    batch = windows.read(np.arange(len(windows)))
    for name, values in batch.items():
        np.testing.assert_array_equal(windows[3][name], values[3])
        np.testing.assert_array_equal(windows[-1][name], values[-1])
        np.testing.assert_array_equal(windows[2:9:3][name], values[2:9:3])
        np.testing.assert_array_equal(windows[[5, 1]][name], values[[5, 1]])
    assert windows.read([])["frames"].shape == (0, 5, 20, 18, 3)
    assert len(list(windows)) == len(windows)


def test_reading_into_arrays_of_the_callers(path):
    windows = Windows(open_dataset(path), 5, padding="both")
    expected = windows.read([0, 30, 7])
    out = {name: np.full_like(values, 1) for name, values in expected.items()}
    assert windows.read([0, 30, 7], out) is out
    for name, values in expected.items():
        np.testing.assert_array_equal(out[name], values)
    with pytest.raises(ValueError, match="out: expected an array 'rewards', found none"):
        windows.read([0, 30, 7], {name: out[name] for name in out if name != "rewards"})
    with pytest.raises(ValueError, match=r"out: expected 'frames' of shape \(2, 5, 20, 18, 3\)"):
        windows.read([0, 30], out)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([-1], "numbers from 0 to 73, found -1"),
        ([0, 74], "numbers from 0 to 73, found 74"),
        ([0.5], "expected a row of integers, found float64"),
        ([[0]], r"expected a row of integers, found int64, shape \(1, 1\)"),
    ],
)
def test_wrong_numbers_of_windows(path, wrong, message):
    with pytest.raises(IndexError, match=f"windows: .*{message}"):
        Windows(open_dataset(path), 5, padding="none", stride=1).read(wrong)
    with pytest.raises(IndexError):
        Windows(open_dataset(path), 5)[74]


@pytest.mark.parametrize(
    ("length", "options", "message"),
    [
        (41, {}, "at least 41 rows for length=41, padding='none', found 40 rows in the longest"),
        (42, {"alignment": "arrivals"}, "at least 42 rows .*found 41 rows in the longest"),
        (0, {}, "length: expected an integer of 1 or more, found 0"),
        (2.5, {}, "length: expected an integer of 1 or more, found 2.5"),
        (5, {"stride": 0}, "stride: expected an integer of 1 or more, found 0"),
        (5, {"min_rows": 6}, "min_rows: expected at most the length, 5, found 6"),
        (5, {"padding": "zero"}, "padding: expected one of none, right, left, both, found 'zero'"),
        (5, {"fields": ["frames", "depth"]}, "fields: expected some of frames, .*found 'depth'"),
        (5, {"fields": "episode_ids"}, "fields: expected some of frames, .*found 'episode_ids'"),
        (5, {"alignment": "b"}, "alignment: expected one of transitions, arrivals, found 'b'"),
        (5, {"alignment": "arrivals", "next_frame": True}, "next_frame: expected the alignment"),
        (5, {"weights": [1.0]}, r"weights: expected one an episode, 6, found shape \(1,\)"),
        (5, {"weights": lambda t: -t["returns"]}, "weights: expected finite numbers of 0 or more"),
    ],
)
def test_wrong_arguments_are_named(path, length, options, message):
    with pytest.raises(ValueError, match=message):
        Windows(open_dataset(path), length, **options)


def test_part_of_a_dataset(path):
    dataset = open_dataset(path)
    part = dataset.filter(dataset.episodes["lengths"] > 15)
    assert set(Windows(part, 5)[:]["episode_ids"]) == {2, 3, 5}
    window = Windows(part, 5)[21]  # the first of its second episode
    np.testing.assert_array_equal(window["frames"], dataset[3]["frames"][:5])


def test_a_dataset_still_being_built(tmp_path):
    path = tmp_path / "d.zarr"
    write_dataset(path, [9, 12], complete=False)
    dataset = open_dataset(path)
    assert dataset.metadata.status == "building"
    assert len(Windows(dataset, 4)) == 5 + 8
    ZarrWriter.create(tmp_path / "e.zarr", BuildSettings().metadata(), {}).commit()
    with pytest.raises(ValueError, match="found 0 rows in the longest of 0"):
        Windows(open_dataset(tmp_path / "e.zarr"), 4)


def test_a_corrupt_chunk_names_its_episode(tmp_path):
    path = tmp_path / "d.zarr"
    write_dataset(path, [20, 20, 20], chunk_frames=8)
    whole = Windows(open_dataset(path), 4).read(np.arange(48))
    file = path / "frames" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    slots = FRAME_FIELDS["frames"].file_rows({"height": 20, "width": 18, "channel": 3}, 8) // 8
    index = np.frombuffer(data[-16 * slots - 4 : -4], "<u8").reshape(slots, 2)
    data[int(index[4, 0]) + 5] ^= 1  # rows 8 to 16 of episode 1, whose rows are 24 to 44
    file.write_bytes(bytes(data))
    for threads in (1, 3):
        windows = Windows(open_dataset(path, threads=threads), 4)
        good = [n for n in range(48) if n // 16 != 1 or n % 16 < 5]
        np.testing.assert_array_equal(windows.read(good)["frames"], whole["frames"][good])
        for bad in range(16 + 5, 16 + 16):
            with pytest.raises(CorruptDataError, match=r"episode 1, frames\[.*CRC-32C"):
                windows.read([0, 40, bad, 33, 3])


def _read_all(windows):
    return windows.read(np.arange(len(windows)))["frames"].sum()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_windows_in_other_processes(path, method):
    windows = Windows(open_dataset(path, threads=2), 5)
    here = _read_all(windows)  # this process has threads and open files when it is forked
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.map(_read_all, [windows] * 3) == [here] * 3
    assert _read_all(pickle.loads(pickle.dumps(windows))) == here


def test_nothing_is_logged_for_what_is_read_directly(path, caplog):
    with caplog.at_level(logging.DEBUG):
        Windows(open_dataset(path), 5)[0]
    assert not caplog.records
