"""`plot-dataset`: its files, and that its counts are right."""

from __future__ import annotations

import base64
import io
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.summary import crafter_score, reached_achievements
from crafter_dataset.viewer.maps.seen import view_rect
from crafter_dataset.viewer.plots.canvas import render
from crafter_dataset.viewer.plots.counts import achievements, lengths_and_returns
from crafter_dataset.viewer.plots.gathering import gather
from crafter_dataset.viewer.plots.page import Picture, page
from crafter_dataset.viewer.plots.published import HUMAN, RANDOM

PLOTS = {
    "achievements",
    "trajectories",
    "seen",
    "seen-overlaid",
    "cells-seen",
    "lengths-and-returns",
    "actions",
}


def test_pictures_and_a_page_that_needs_no_other_file(command, small_path, tmp_path):
    done = command("plot-dataset", small_path, "--out", "plots", "--heatmap")
    assert done.returncode == 0, done.stderr
    files = {file.name for file in (tmp_path / "plots").iterdir()}
    assert files == {f"{name}.png" for name in PLOTS} | {"index.html"}
    text = (tmp_path / "plots" / "index.html").read_text()
    assert not re.search(r"(src|href)=['\"](?!data:)", text)
    embedded = re.findall(r"data:image/png;base64,([^']+)'", text)
    assert len(embedded) == len(PLOTS)
    pictures = [base64.b64decode(data) for data in embedded]
    files = [(tmp_path / "plots" / f"{name}.png").read_bytes() for name in PLOTS]
    assert sorted(pictures) == sorted(files)
    for picture in pictures:
        assert np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).std() > 10
    for fact in ("12", "heuristic", "objects in order of insertion", "digest"):
        assert fact in text


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("pdf", marks=pytest.mark.slow),
        pytest.param("svg", marks=pytest.mark.slow),
        "png",
    ],
)
def test_equal_commands_write_equal_bytes(command, small_path, tmp_path, kind):
    for folder in ("one", "two"):
        arguments = ["--out", folder, "--format", kind, "--episodes", "0:2", "--maps", 1]
        assert command("plot-dataset", small_path, *arguments).returncode == 0
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file
    assert len(list((tmp_path / "one").glob(f"*.{kind}"))) == len(PLOTS)


@pytest.mark.parametrize("moves_only", [False, True])
def test_counts_are_those_counted_by_hand(small_path, moves_only):
    dataset = open_dataset(small_path)
    data = gather(dataset, moves_only, maps=2)
    area = dataset.metadata.env.area
    actions = np.zeros(17, int)
    seen_in, times_seen = np.zeros(area, int), np.zeros(area, int)
    cells, often = [], {}
    for episode in dataset:
        counts, before = np.zeros(area, int), None
        for position in episode["positions"][:]:
            if not moves_only or before is None or (position != before).any():
                left, top, width, height = view_rect(position, (9, 7))
                counts[max(left, 0) : left + width, max(top, 0) : top + height] += 1
            before = position
        seen_in += counts > 0
        times_seen += counts
        cells.append((counts > 0).sum())
        for count in counts[counts > 0].tolist():
            often[count] = often.get(count, 0) + 1
        for action in episode["actions"][:-1]:
            actions[action] += 1
    np.testing.assert_array_equal(data.actions, actions)
    np.testing.assert_array_equal(data.seen_in, seen_in)
    np.testing.assert_array_equal(data.times_seen, times_seen)
    np.testing.assert_array_equal(data.cells_seen, cells)
    assert {n: c for n, c in enumerate(data.often.tolist()) if c} == often
    assert [len(world.trajectories) for world in data.worlds] == [2, 2]
    for world in data.worlds:
        for way in world.trajectories:
            assert dataset[way.episode].world_seed == world.seed
            np.testing.assert_array_equal(way.positions, dataset[way.episode]["positions"][:])
            np.testing.assert_array_equal(world.terrain, dataset[way.episode].terrain)


def test_achievements_are_those_of_the_last_rows(dataset_path, small_path):
    for path in (dataset_path, small_path):
        dataset = open_dataset(path)
        expected = np.array([episode["achievements"][-1] > 0 for episode in dataset])
        np.testing.assert_array_equal(reached_achievements(dataset), expected)
        np.testing.assert_array_equal(reached_achievements(dataset[::-1]), expected[::-1])


def test_published_figures_name_all_achievements(small_path):
    names = open_dataset(small_path).metadata.achievements
    for player in (HUMAN, RANDOM):
        assert tuple(player.rates) == names
        # The published scores are means over people or runs, so near this but not it.
        score = crafter_score([rate / 100 for rate in player.rates.values()])
        assert score == pytest.approx(player.score, rel=0.05)


@pytest.mark.parametrize(
    ("text", "ids"),
    [("3", [3]), ("0:2", [0, 1]), ("10:", [10, 11]), (":2, 5", [0, 1, 5]), (":", list(range(12))),
     ("5,5,4:6", [4, 5])],
)  # fmt: skip
def test_choosing_episodes(small_path, text, ids):
    chosen = open_dataset(small_path).select(text)
    assert chosen.episodes["episode_ids"].tolist() == ids


@pytest.mark.parametrize("text", ["", "x", "1-3", "99", "3,99", "5:5", "1,,2", "-1", "1:2:3"])
def test_choosing_none(command, small_path, text):
    done = command("plot-dataset", small_path, "--out", "plots", f"--episodes={text}")
    assert done.returncode == 2
    assert "--episodes: expected" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_of_a_part_the_page_says_which(command, small_path, tmp_path):
    done = command("plot-dataset", small_path, "--out", "plots", "--episodes", "0:3", "--maps", 1)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "plots" / "index.html").read_text()
    assert "3 of 12 episodes" in text
    assert "digest" not in text


def test_numbers_that_are_none(small_path):
    dataset = open_dataset(small_path)
    data = gather(dataset, maps=1)
    data.returns = data.returns.copy()
    data.returns[0], data.returns[1] = np.inf, np.nan
    figure = lengths_and_returns(data)
    assert "return (2 not finite)" in [axes.get_xlabel() for axes in figure.axes]


def test_text_on_the_page_is_escaped():
    text = page("<script>alert(1)</script>", [("a", "<b>")], [Picture("'><i>", "&", b"x")])
    assert "<script>" not in text
    assert "<b>" not in text
    assert "<i>" not in text


def test_bad_input(command, small_path, tmp_path):
    done = command("plot-dataset", "nothing.zarr", "--out", "plots")
    assert done.returncode == 1
    assert "nothing.zarr: expected a Crafter dataset, found nothing" in done.stderr
    done = command("plot-dataset", small_path, "--out", small_path / "plots")
    assert done.returncode == 2
    assert "--out: expected a folder outside of the dataset" in done.stderr
    (tmp_path / "file").write_text("")
    done = command("plot-dataset", small_path, "--out", "file")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    path = tmp_path / "data.zarr"
    shutil.copytree(small_path, path)
    for file in path.glob("positions/c*"):
        file.write_bytes(file.read_bytes()[:-9])
    done = command("plot-dataset", path, "--out", "plots")
    assert done.returncode == 1
    assert "episode 0, positions" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_matplotlib_it_says_what_to_install(command, small_path, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError")
    done = command("plot-dataset", small_path, "--out", "plots", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'crafter-dataset[plots]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "plots").exists()


@pytest.mark.parametrize("name", ["$\\frac{$", "$x$ \ud800 \0", "long" * 250_000, "\x1b[31m"])
def test_names_from_a_file_are_no_mathematics(small_path, name):
    dataset = open_dataset(small_path)
    data = gather(dataset)
    names = (name, *data.metadata.achievements[1:])
    rates = dict(zip(names, data.summary.success_rates.values(), strict=True))
    data = replace(
        data,
        metadata=replace(data.metadata, achievements=names),
        summary=replace(data.summary, success_rates=rates),
    )
    assert render(achievements(data), "png").startswith(b"\x89PNG")
