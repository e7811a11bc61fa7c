"""The viewer driven as a person would: a real window, real keys and a real mouse.

What the screen shows is compared, pixel by pixel, with the picture of the
state that the same events lead to without a window.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.viewer.arrangement import arrange
from crafter_dataset.viewer.drawing.export import draw
from crafter_dataset.viewer.events import Drag, Key, Press, Release, Resize, Wheel
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.session import opened, take
from crafter_dataset.viewer.state import State
from tests.synthetic import grow_dataset
from tests.viewer.desktop import AVAILABLE, Desktop

pytestmark = pytest.mark.skipif(not AVAILABLE, reason="needs Xvfb and xdotool")

TYPED = {"question": "?", "plus": "+", "minus": "-", "Right": "right", "Left": "left",
         "Up": "up", "Down": "down", "Prior": "page up", "Next": "page down", "Home": "home",
         "End": "end", "Return": "return", "Escape": "escape",
         "BackSpace": "backspace"}  # fmt: skip
"""Keys by their names in X, where the viewer has other names."""


class Viewer:
    """A viewer in a window, and the state that it should be in."""

    def __init__(self, desktop: Desktop, folder: Path, *arguments: object) -> None:
        script = Path(sys.executable).with_name("view-dataset")
        self.paths = [str(a) for a in arguments if str(a).endswith(".zarr")]
        self.process = subprocess.Popen(
            [str(script), *map(str, arguments)],
            env=desktop.env,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.desktop = desktop
        self.window = desktop.window("view-dataset")
        self.library = Library(self.paths)
        width, height = desktop.geometry(self.window)[2:]
        state = State(self.library.shelves(), size=(width, height))
        self.state = opened(state, self.library)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.desktop.do("key", key)
            self.state = take(self.state, Key(TYPED.get(key, key)), self.library)

    def mouse(self, *words: object) -> None:
        """Run xdotool with a place relative to the window."""
        x, y, *_ = self.desktop.geometry(self.window)
        verb, *rest = words
        if verb == "mousemove":
            rest = [x + int(rest[0]), y + int(rest[1])]
        self.desktop.do(verb, *rest)

    def check(self, seconds: float = 15) -> None:
        """Wait until the screen shows the state."""
        expected = draw(self.state, self.library)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.desktop.pixels(self.window)
            if found.shape == expected.shape and (found == expected).all():
                return
            time.sleep(0.05)
        wrong = "another size" if found.shape != expected.shape else np.argwhere(found != expected)
        raise AssertionError(f"frame {self.state.frame}: the screen differs: {wrong}")

    def close(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=20)
        self.library.close()
        return self.process.returncode, out, err


@pytest.fixture(scope="module")
def desktop():
    desktop = Desktop()
    yield desktop
    desktop.close()


@pytest.fixture
def viewer(desktop, dataset_path, small_path, tmp_path):
    viewer = Viewer(desktop, tmp_path, dataset_path, small_path)
    yield viewer
    viewer.process.kill()


def test_keys(viewer):
    viewer.check()
    for keys in (
        ["Right", "Right", "Right"],
        ["Left"],
        ["Prior"],
        ["Next", "Next"],
        ["r"],
        ["u"],
        ["R"],
        ["End"],
        ["Home"],
        ["Up"],
        ["Down", "Down"],
        ["1", "Return"],
        ["s"],
        ["t", "f"],
        ["v"],
        ["v"],
        ["v", "s", "t", "f"],
        ["m"],
        ["o"],
        ["e"],
        ["c"],
        ["x"],
        ["x", "i"],
        ["i", "l"],
        ["l"],
        ["plus", "minus"],
        ["question"],
        ["Escape"],
        ["m", "3", "4", "BackSpace"],
        ["Escape"],
    ):
        viewer.press(*keys)
        viewer.check()
    viewer.press("q")
    code, out, err = viewer.close()
    assert (code, err) == (0, "")
    for shown in ("page up", "10 frames on", "filter by achievement", "quit"):
        assert shown in out


def test_the_mouse_and_the_size(viewer):
    timeline = arrange(viewer.state).timeline
    x, y = timeline.x + timeline.width // 3, timeline.y + 20
    viewer.mouse("mousemove", x, y)
    viewer.mouse("mousedown", 1)
    viewer.state = take(viewer.state, Press(x, y), viewer.library)
    viewer.check()
    assert viewer.state.frame > 10
    viewer.mouse("mousemove", x + 150, y + 5)
    viewer.state = take(viewer.state, Drag(x + 150, y + 5), viewer.library)
    viewer.check()
    viewer.mouse("mouseup", 1)
    viewer.state = take(viewer.state, Release(), viewer.library)
    viewer.mouse("mousemove", x, y)
    viewer.check()
    viewer.mouse("click", 5)
    viewer.state = take(viewer.state, Wheel(-1), viewer.library)
    viewer.check()
    viewer.desktop.do("windowsize", viewer.window, 900, 740)
    viewer.state = take(viewer.state, Resize(900, 740), viewer.library)
    viewer.check()
    viewer.press("Escape")
    assert viewer.close()[0] == 0


def test_playing_and_held_keys(viewer, tmp_path):
    viewer.press("End", "Left", "Left", "Left", "Left", "Left")
    viewer.check()
    viewer.press("space")
    last = viewer.state.length - 1
    viewer.state = replace(viewer.state, frame=last, playing=False)
    viewer.check()
    viewer.press("Home")
    viewer.check()
    viewer.desktop.do("keydown", "Right")
    time.sleep(1.0)
    viewer.desktop.do("keyup", "Right")
    time.sleep(0.5)
    viewer.desktop.do("key", "p")
    end = time.monotonic() + 15
    while not (pictures := list(tmp_path.glob("data-*.png"))) and time.monotonic() < end:
        time.sleep(0.05)
    frame = int(re.fullmatch(r"data-episode0-frame(\d+)\.png", pictures[0].name)[1])
    assert 3 <= frame <= 60
    message = f"wrote {pictures[0].name}"
    viewer.state = replace(viewer.state, frame=frame, pictures=1, message=message)
    viewer.check()
    viewer.desktop.do("key", "q")
    assert viewer.close()[0] == 0


def test_a_dataset_that_is_being_built_is_followed(desktop, tmp_path):
    path = tmp_path / "data.zarr"
    growing = grow_dataset(path, (20, 30, 9, 7), (1, 3, 4))
    next(growing)
    viewer = Viewer(desktop, tmp_path, path)
    try:
        viewer.check()
        viewer.press("Right")
        viewer.check()
        for episodes in growing:
            end = time.monotonic() + 15
            while len(viewer.state.shelf.table) < episodes and time.monotonic() < end:
                for event in viewer.library.news(viewer.state):
                    viewer.state = take(viewer.state, event, viewer.library)
                time.sleep(0.02)
            assert f"{episodes} episodes now" in viewer.state.message
            assert viewer.state.frame == 1
            viewer.check()
        viewer.press("Down")
        viewer.check()
        viewer.press("q")
        assert viewer.close()[0] == 0
    finally:
        viewer.process.kill()


@pytest.mark.parametrize(
    ("sent", "codes"), [(signal.SIGINT, (130,)), (signal.SIGTERM, (143, -signal.SIGTERM))]
)
def test_signals_end_it(viewer, sent, codes):
    viewer.check()
    viewer.process.send_signal(sent)
    code, _, err = viewer.close()
    assert code in codes
    assert err.strip() in ("", "view-dataset: error: interrupted")
