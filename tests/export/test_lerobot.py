"""The export to LeRobot, read back with LeRobot itself, and with a plain parquet reader."""

from __future__ import annotations

import io
import json
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.loader.export.lerobot import INFO_FIELDS, TASK, export
from crafter_dataset.schemas.errors import MissingPackageError
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT
from tests.synthetic import write_dataset


@pytest.fixture
def lerobot(monkeypatch):
    # It must not ask its hub for anything.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return pytest.importorskip("lerobot.datasets.lerobot_dataset")


def expected_rows(dataset):
    """Return what each column must hold, all episodes after one another, T rows of each."""
    episodes = [episode.load() for episode in dataset]

    def rows(name):
        return np.concatenate([episode[name][:-1] for episode in episodes])

    actions = dataset.episodes["lengths"] - 1
    terminated, truncated = rows("terminations"), rows("truncations")
    frame_index = np.concatenate([np.arange(count) for count in actions])
    return {
        "action": rows("actions").astype(np.int64),
        "next.reward": rows("rewards"),
        "next.terminated": terminated,
        "next.truncated": truncated,
        "next.done": terminated | truncated,
        **{f"info.{name}": rows(name) for name in INFO_FIELDS},
        "episode_index": np.repeat(np.arange(len(dataset)), actions),
        "frame_index": frame_index,
        "index": np.arange(actions.sum()),
        "timestamp": (frame_index / 20).astype(np.float32),
        "task_index": np.zeros(actions.sum(), np.int64),
    }, rows("frames")


def assert_same(dataset, path, lerobot):
    columns, frames = expected_rows(dataset)
    exported = lerobot.LeRobotDataset("crafter", root=path)
    assert exported.num_episodes == len(dataset)
    assert exported.num_frames == len(exported) == len(frames)
    assert exported.meta.video_keys == []
    for index in range(len(exported)):
        frame = exported[index]
        image = frame["observation.image"].numpy()  # float32 (3, H, W), 0 to 1
        np.testing.assert_array_equal(
            np.round(image * 255).astype(np.uint8).transpose(1, 2, 0), frames[index]
        )
        assert frame["task"] == TASK
        for name, values in columns.items():
            np.testing.assert_array_equal(frame[name].numpy(), values[index], err_msg=name)


def test_every_value_is_read_back(small_path, tmp_path, lerobot):
    dataset = open_dataset(small_path)
    dataset = dataset.filter(dataset.episodes["episode_ids"] % 3 == 1)
    frames = list(export(dataset, tmp_path / "out"))
    assert frames == dataset.episodes["lengths"].tolist()
    assert_same(dataset, tmp_path / "out", lerobot)


def test_the_shortest_episodes_and_all_ends(tmp_path, lerobot):
    write_dataset(tmp_path / "in.zarr", [2, 9, 3, 2], end_reasons=[CUT, TERMINATED, TIME_LIMIT, 0])
    dataset = open_dataset(tmp_path / "in.zarr")
    list(export(dataset, tmp_path / "out"))
    assert_same(dataset, tmp_path / "out", lerobot)


def test_the_files_are_those_of_version_3_and_hold_lossless_pictures(small_path, tmp_path, lerobot):
    from PIL import Image
    from pyarrow import parquet

    dataset = open_dataset(small_path)[:3]
    list(export(dataset, tmp_path / "out"))
    files = {str(p.relative_to(tmp_path / "out")) for p in tmp_path.glob("out/**/*.*")}
    assert files == {
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/stats.json",
        "meta/tasks.parquet",
    }
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"data", "meta"}
    info = json.loads((tmp_path / "out/meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert info["fps"] == 20
    assert info["features"]["action"]["info"]["values"] == list(dataset.metadata.actions)
    assert info["features"]["info.inventory"]["names"] == list(dataset.metadata.items)
    columns, frames = expected_rows(dataset)
    table = parquet.read_table(tmp_path / "out/data/chunk-000/file-000.parquet")
    assert set(table.column_names) == {*columns, "observation.image"}
    pictures = table["observation.image"].to_pylist()
    for picture, frame in zip(pictures, frames, strict=True):
        with Image.open(io.BytesIO(picture["bytes"])) as image:
            assert image.format == "PNG"
            np.testing.assert_array_equal(np.asarray(image), frame, strict=True)
    for name in INFO_FIELDS:
        values = np.asarray(table[f"info.{name}"].to_pylist(), columns[f"info.{name}"].dtype)
        np.testing.assert_array_equal(values, columns[f"info.{name}"], strict=True)
    episodes = parquet.read_table(tmp_path / "out/meta/episodes").to_pydict()
    assert episodes["length"] == (dataset.episodes["lengths"] - 1).tolist()


def without_fingerprint(content):
    """Blank what datasets draws anew for each data file; the schema is also stored in base64."""
    content, count = re.subn(rb'"fingerprint": "[0-9a-f]{16}"', b"", content)
    if count:
        content = re.sub(rb"ARROW:schema.{4}[A-Za-z0-9+/=]+", b"", content, flags=re.DOTALL)
    return content


def test_same_bytes_under_any_name(small_path, tmp_path, lerobot):
    dataset = open_dataset(small_path)[:3]
    for name in ("one", "the other"):
        list(export(dataset, tmp_path / name))
    for path in (tmp_path / "one").rglob("*.*"):
        other = tmp_path / "the other" / path.relative_to(tmp_path / "one")
        one, two = (without_fingerprint(p.read_bytes()) for p in (path, other))
        assert one == two, path


def test_no_bars_are_drawn_and_the_users_setting_is_kept(small_path, tmp_path, lerobot, capfd):
    import datasets

    shown = not datasets.are_progress_bars_disabled()
    list(export(open_dataset(small_path)[:1], tmp_path / "out"))
    assert capfd.readouterr() == ("", "")
    assert datasets.are_progress_bars_disabled() != shown


def test_nothing_is_written_of_what_has_no_actions(tmp_path):
    write_dataset(tmp_path / "in.zarr", [4, 1, 4])
    dataset = open_dataset(tmp_path / "in.zarr")
    with pytest.raises(ExportError, match=r"episode 1: .*with filter='length > 1'"):
        next(export(dataset, tmp_path / "out"))
    with pytest.raises(ExportError, match="expected at least one, found none"):
        next(export(dataset[:0], tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named(small_path, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "lerobot.datasets.lerobot_dataset", None)
    with pytest.raises(MissingPackageError, match=r"LeRobot .*crafter-dataset\[lerobot\]"):
        next(export(open_dataset(small_path), tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_lerobot_of_another_format_is_refused(small_path, tmp_path, monkeypatch):
    old = SimpleNamespace(CODEBASE_VERSION="v2.1", LeRobotDataset=None)
    monkeypatch.setitem(sys.modules, "lerobot", SimpleNamespace(datasets=None))
    monkeypatch.setitem(sys.modules, "lerobot.datasets", SimpleNamespace(lerobot_dataset=old))
    monkeypatch.setitem(sys.modules, "lerobot.datasets.lerobot_dataset", old)
    with pytest.raises(ExportError, match=r"version 3 of its format, found v2\.1"):
        next(export(open_dataset(small_path), tmp_path / "out"))
    assert not (tmp_path / "out").exists()
