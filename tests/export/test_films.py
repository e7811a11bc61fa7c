"""Films of episodes, decoded again."""

from __future__ import annotations

import struct
import sys

import numpy as np
import pytest
from PIL import Image, ImageSequence

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.loader.export.films import export_gif, export_mp4
from crafter_dataset.loader.export.formats import export_dataset
from crafter_dataset.loader.export.pictures import TABLE_PIXELS, _distinct
from crafter_dataset.schemas.errors import ArgumentError, MissingPackageError
from tests.synthetic import write_dataset

EXPORTS = {".gif": export_gif, ".mp4": export_mp4}


def read_gif(path):
    with Image.open(path) as film:
        return [np.asarray(picture.convert("RGB")) for picture in ImageSequence.Iterator(film)]


def read_mp4(path):
    av = pytest.importorskip("av")
    with av.open(str(path)) as film:
        assert film.streams.video[0].average_rate == 20
        return [picture.to_ndarray(format="rgb24") for picture in film.decode(video=0)]


def boxes(path):
    """Return the names of an MP4's outermost boxes, in order."""
    data, names, place = path.read_bytes(), [], 0
    while place < len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        if size == 1:
            size = struct.unpack_from(">Q", data, place + 8)[0]
        names.append(name.decode())
        place += size or len(data)
    return names


def test_an_mp4_can_be_shown_before_all_of_it_is_there(dataset_path, tmp_path):
    pytest.importorskip("av")
    list(export_mp4(open_dataset(dataset_path)[:1], tmp_path / "film.mp4"))
    names = boxes(tmp_path / "film.mp4")
    assert names.index("moov") < names.index("mdat")


def enlarged(frames):
    return frames.repeat(4, 1).repeat(4, 2)


def assert_film_of(pictures, frames, tolerance):
    assert len(pictures) == len(frames)
    error = np.abs(np.stack(pictures).astype(int) - enlarged(frames)).mean()
    assert error <= tolerance


@pytest.mark.parametrize(("suffix", "read"), [(".gif", read_gif), (".mp4", read_mp4)])
def test_one_episode_is_one_file_under_any_name(suffix, read, small_path, tmp_path):
    dataset = open_dataset(small_path)[7:8]
    for name in (f"film{suffix}", ".film.tmp-17"):
        assert list(EXPORTS[suffix](dataset, tmp_path / name)) == [dataset[0].length]
        (tmp_path / name).rename(tmp_path / f"read{suffix}")
        frames = dataset[0]["frames"].read()
        assert_film_of(read(tmp_path / f"read{suffix}"), frames, 3)
        (tmp_path / f"read{suffix}").unlink()
    assert not list(tmp_path.iterdir())


def test_a_gif_of_few_colours_is_exact_and_plays_at_the_viewers_speed(small_path, tmp_path):
    dataset = open_dataset(small_path)[:1]
    list(export_gif(dataset, tmp_path / "film.gif"))
    first = read_gif(tmp_path / "film.gif")[0]
    np.testing.assert_array_equal(first, enlarged(dataset[0]["frames"][:1])[0])
    with Image.open(tmp_path / "film.gif") as film:
        assert film.info["duration"] == 50


@pytest.mark.parametrize(("suffix", "read"), [(".gif", read_gif), (".mp4", read_mp4)])
def test_several_episodes_are_a_folder_of_films_by_id(suffix, read, small_path, tmp_path):
    dataset = open_dataset(small_path)
    dataset = dataset.filter(dataset.episodes["episode_ids"] % 5 == 1)
    frames = list(EXPORTS[suffix](dataset, tmp_path / "films"))
    assert frames == dataset.episodes["lengths"].tolist()
    names = sorted(path.name for path in (tmp_path / "films").iterdir())
    assert names == [f"episode_{episode:06d}{suffix}" for episode in (1, 6, 11)]
    pictures = read(tmp_path / "films" / names[1])
    assert_film_of(pictures, dataset.by_id(6)["frames"].read(), 3)


def test_films_longer_than_a_block_and_of_odd_sizes(tmp_path):
    write_dataset(tmp_path / "in.zarr", [1, 130])  # frames are 18 pixels wide and 20 high
    dataset = open_dataset(tmp_path / "in.zarr")
    list(export_gif(dataset, tmp_path / "films"))
    assert len(read_gif(tmp_path / "films/episode_000000.gif")) == 1
    pictures = read_gif(tmp_path / "films/episode_000001.gif")
    assert len(pictures) == 130
    assert pictures[0].shape == (260, 234, 3)


def test_a_final_frame_that_was_not_recorded_is_left_out(tmp_path, monkeypatch):
    write_dataset(tmp_path / "in.zarr", [5, 1])
    dataset = open_dataset(tmp_path / "in.zarr")
    monkeypatch.setattr(Episode, "has_final_frame", False, raising=False)
    assert list(export_gif(dataset[:1], tmp_path / "film.gif")) == [5]
    assert len(read_gif(tmp_path / "film.gif")) == 4
    with pytest.raises(ExportError, match="episode 1: expected at least one recorded frame"):
        next(export_gif(dataset, tmp_path / "films"))
    assert not (tmp_path / "films").exists()


def test_refusals(small_path, tmp_path, monkeypatch):
    dataset = open_dataset(small_path)
    with pytest.raises(ArgumentError, match=r"to: expected one of .*gif, found 'avi'"):
        export_dataset(dataset, tmp_path / "film.avi", "avi")
    with pytest.raises(ExportError, match="expected at least one, found none"):
        next(export_gif(dataset[:0], tmp_path / "film.gif"))
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingPackageError, match=r"PyAV.*crafter-dataset\[video\]"):
        next(export_mp4(dataset[:1], tmp_path / "film.mp4"))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("count", [0, 1, TABLE_PIXELS - 1, TABLE_PIXELS, TABLE_PIXELS + 1])
def test_colours_are_found_alike_by_a_table_and_by_sorting(count):
    rng = np.random.default_rng(count)
    some = np.append(rng.integers(1 << 24, size=300), [0, (1 << 24) - 1])
    packed = rng.choice(some, count).astype(np.uint32)
    expected = np.unique(packed, return_inverse=True, return_counts=True)
    for found, values in zip(_distinct(packed), expected, strict=True):
        np.testing.assert_array_equal(found, values)
