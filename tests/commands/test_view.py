"""`view-dataset` without a screen: pictures, films, and what is wrong with the input."""

from __future__ import annotations

import shutil
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image, ImageSequence

from crafter_dataset.loader import open_dataset
from crafter_dataset.viewer.arrangement import arrange
from crafter_dataset.viewer.contact_sheet import contact_sheet
from crafter_dataset.viewer.drawing.export import draw
from crafter_dataset.viewer.drawing.style import DAMAGED
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.session import opened
from crafter_dataset.viewer.state import Panels, State
from tests.synthetic import write_dataset


@pytest.fixture
def no_screen():
    return {"DISPLAY": "", "WAYLAND_DISPLAY": "", "SDL_VIDEODRIVER": ""}


def pixels(path):
    return np.asarray(Image.open(path).convert("RGB"))


def test_a_screenshot_is_the_window(command, dataset_path, tmp_path, no_screen):
    arguments = ["--episode", 1, "--frame", 20, "--screenshot", "shot.png"]
    done = command("view-dataset", dataset_path, *arguments, **no_screen)
    assert (done.returncode, done.stdout) == (0, "wrote shot.png\n"), done.stderr
    library = Library([dataset_path])
    state = State(library.shelves(), size=(1280, 678)).at_place(1, 20)
    expected = draw(opened(state, library), library)
    np.testing.assert_array_equal(pixels(tmp_path / "shot.png"), expected)
    frame = arrange(state).frame
    shown = expected[frame.y : frame.y + 512, frame.x : frame.x + 512]
    stored = open_dataset(dataset_path)[1]["frames"][20]
    np.testing.assert_array_equal(shown, stored.repeat(8, 0).repeat(8, 1))
    library.close()


def test_the_frame_alone(command, dataset_path, tmp_path, no_screen):
    arguments = ["--no-header", "--scale", 3, "--screenshot", "a.png", "--export", "b.png"]
    done = command("view-dataset", dataset_path, *arguments, **no_screen)
    assert done.returncode == 0, done.stderr
    episode = open_dataset(dataset_path)[0]
    expected = episode["frames"][0].repeat(3, 0).repeat(3, 1)
    np.testing.assert_array_equal(pixels(tmp_path / "a.png"), expected)
    np.testing.assert_array_equal(pixels(tmp_path / "b.png"), contact_sheet(episode, scale=3))


def test_contact_sheets_hold_frames_in_order(dataset_path):
    episode = open_dataset(dataset_path)[0]
    sheet = contact_sheet(episode, first=2, columns=4, rows=3, scale=2, gap=5)
    assert sheet.shape == (3 * 128 + 10, 4 * 128 + 15, 3)
    frames = episode["frames"][2:]
    np.testing.assert_array_equal(sheet[0:128:2, 0:128:2], frames[0])
    np.testing.assert_array_equal(sheet[-128::2, -128::2], frames[-1])
    step = (len(frames) - 1) * 5 // 11
    np.testing.assert_array_equal(sheet[133:261:2, 133:261:2], frames[step])
    assert (sheet[128:133] == 255).all()


def test_a_gif_holds_every_frame(command, dataset_path, tmp_path, no_screen):
    episode = open_dataset(dataset_path)[0]
    first = episode.length - 30
    arguments = ["--no-header", "--scale", 2, "--fps", 25, "--frame", first]
    done = command("view-dataset", dataset_path, *arguments, "--export", "film.gif", **no_screen)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "film.gif") as film:
        assert film.info["loop"] == 0
        images = [(image.info, image.convert("RGB")) for image in ImageSequence.Iterator(film)]
    shown = 0
    for number, (info, image) in enumerate(images):
        assert info["duration"] == 40
        found = np.asarray(image)[::2, ::2].astype(int)
        expected = episode["frames"][first + number]
        if len(np.unique(expected.reshape(-1, 3), axis=0)) <= 255:
            np.testing.assert_array_equal(found, expected)
        else:
            assert np.abs(found - expected).mean() < 4
            assert np.abs(found - expected).max() < 60
        shown += 1
    assert shown == 30
    assert list(tmp_path.iterdir()) == [tmp_path / "film.gif"]


def test_an_mp4_holds_every_frame(command, dataset_path, tmp_path, no_screen):
    av = pytest.importorskip("av")
    episode = open_dataset(dataset_path)[0]
    first = episode.length - 12
    arguments = ["--scale", 3, "--fps", 12.5, "--frame", first, "--export", "film.mp4"]
    done = command("view-dataset", dataset_path, *arguments, **no_screen)
    assert done.returncode == 0, done.stderr
    library = Library([dataset_path])
    with av.open(str(tmp_path / "film.mp4")) as film:
        stream = film.streams.video[0]
        assert stream.average_rate == Fraction(25, 2)
        count = 0
        for number, frame in enumerate(film.decode(stream)):
            found = frame.to_ndarray(format="rgb24").astype(int)
            size = found.shape[1], found.shape[0]
            state = State(library.shelves(), size=size).at_place(0, first + number)
            expected = draw(opened(state, library), library)
            assert np.abs(found - expected).mean() < 8
            count += 1
    assert count == 12
    library.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--episode", 99, "--screenshot", "a.png"], "--episode: expected 0 to "),
        (["--frame", 99999, "--screenshot", "a.png"], "--frame: expected 0 to "),
        (["--screenshot", "a.txt"], "--screenshot: expected a name that ends in one of .png"),
        (["--export", "a"], "--export: expected a name that ends in one of .gif, .mp4"),
        (["--export", "no/such/a.gif"], "--export: expected a file in a folder that exists"),
        (["--fps", 0], "--fps"),
        (["--fps", "nan", "--export", "a.gif"], "--fps: expected 0.1 to 1000, found nan"),
        (["--scale", 64, "--no-header", "--export", "a.png"], "--scale: expected at most"),
        (["--scale", 0], "--scale"),
        (["--episode", "x"], "--episode"),
    ],
)
def test_bad_options(command, dataset_path, tmp_path, arguments, said):
    done = command("view-dataset", dataset_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_no_path(command):
    done = command("view-dataset")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("kind", ["missing", "folder", "file"])
def test_what_is_no_dataset(command, dataset_path, tmp_path, kind):
    path = tmp_path / "it"
    if kind == "folder":
        path.mkdir()
    if kind == "file":
        path.write_text("hello")
    done = command("view-dataset", dataset_path, path, "--screenshot", "a.png")
    assert done.returncode == 1
    assert f"{path}: expected a Crafter dataset" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_no_screen_says_what_to_do(command, dataset_path, no_screen):
    done = command("view-dataset", dataset_path, **no_screen)
    assert done.returncode == 1
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    for word in ("no screen", "--screenshot", "--export", "ssh -X"):
        assert word in done.stderr
    done = command("view-dataset", dataset_path, **no_screen | {"DISPLAY": ":9999"})
    assert done.returncode == 1
    assert "no screen" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_an_empty_dataset(command, tmp_path):
    write_dataset(tmp_path / "empty.zarr", (), complete=False)
    done = command("view-dataset", "empty.zarr", "--screenshot", "a.png")
    assert done.returncode == 1
    assert "empty.zarr: expected an episode to draw, found none" in done.stderr
    library = Library([tmp_path / "empty.zarr"])
    state = opened(State(library.shelves()), library)
    assert library.shot(state) is None
    draw(state, library)  # what the window shows, until there are episodes
    library.close()


def test_a_damaged_chunk_is_shown_and_the_rest_stays_viewable(command, dataset_path, tmp_path):
    path = tmp_path / "data.zarr"
    shutil.copytree(dataset_path, path)
    file = next(path.glob("frames/c*"))
    data = bytearray(file.read_bytes())
    data[100] ^= 255  # in the first chunk
    file.write_bytes(data)
    whole, damaged = Library([dataset_path]), Library([path])
    for library in (whole, damaged):
        state = opened(State(library.shelves(), size=(900, 600)), library)
        assert state.length > 40
    shown = draw(state, damaged)
    frame, cells = arrange(state).frame, arrange(state).map
    assert tuple(shown[frame.y + 2, frame.x + 2]) == DAMAGED
    problem = damaged.shot(state).problems[0]
    assert "episode 0, frames[0:1]" in problem
    expected = draw(opened(State(whole.shelves(), size=(900, 600)), whole), whole)
    area = np.s_[cells.y : cells.y + cells.height, cells.x : cells.x + cells.width]
    np.testing.assert_array_equal(shown[area], expected[area])
    done = command("view-dataset", path, "--export", "a.gif", "--screenshot", "a.png")
    assert (done.returncode, done.stdout) == (1, "wrote a.png\nwrote a.gif\n")
    (line,) = [line for line in done.stderr.splitlines() if "damaged" in line]
    assert "view-dataset: damaged: episode 0, frames[0:1]" in line
    sheet = contact_sheet(damaged.readers[0].dataset[0])
    assert (sheet[:128, :128] == DAMAGED).all()
    assert not (sheet[-128:, -128:] == DAMAGED).all()
    later = [opened(State(library.shelves(), panels=Panels.bare()).at_place(0, 40), library)
             for library in (whole, damaged)]  # fmt: skip
    np.testing.assert_array_equal(draw(later[0], whole), draw(later[1], damaged))
    whole.close()
    damaged.close()


def test_datasets_without_maps_and_of_other_sizes(command, tmp_path):
    write_dataset(tmp_path / "odd.zarr", (9, 1, 30), end_reasons=(1, 2, 3))
    options = ["--frames", 40, "--area", 20, "--size", 100, "--no-semantic", "--quiet"]
    assert command("build-dataset", "--out", "plain.zarr", *options).returncode == 0
    for name in ("odd.zarr", "plain.zarr"):
        done = command("view-dataset", name, "--screenshot", f"{name}.png")
        assert done.returncode == 0, done.stderr
        assert pixels(tmp_path / f"{name}.png").std() > 10


def test_without_pyav_it_says_what_to_install(command, dataset_path, tmp_path):
    (tmp_path / "av.py").write_text("raise ImportError")
    done = command("view-dataset", dataset_path, "--export", "a.mp4", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "pip install 'crafter-dataset[video]'" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.glob("*.mp4")) == []
