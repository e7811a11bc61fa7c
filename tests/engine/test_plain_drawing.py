"""NumPy alone draws the same pictures as compiled code, and is what draws where there is none."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from crafter import engine as crafter_engine
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from crafter_dataset.engine import draw
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.draw import Drawer
from crafter_dataset.engine.fast.picture import Images, grey_of, make_picture, tinted
from crafter_dataset.engine.fast.scenes import Cuts, Records, make_scenes
from crafter_dataset.engine.fast.textures import make_images
from crafter_dataset.engine.plain_drawing import draw_plainly, find_plainly
from crafter_dataset.engine.spec import inventory_rows
from crafter_dataset.schemas.anchors import LEAST_WORDS
from tests.engine.test_drawing import (
    DRAW,
    HOSTILE,
    MOST_WORDS,
    STEP,
    Drawing,
    actions_of,
    drawing_by_night,
    played,
)

ITEMS = 16


class PlainDrawing(Drawing):
    """Draws the records of an episode by NumPy alone, into frames that are not black before."""

    def __init__(self, view, size, seed, rows):
        super().__init__(view, size, seed, rows)
        self.images, self.view, self.size = make_images(view, size), view, size

    def __call__(self, *cuts):
        frames = np.full((len(self.records.light), int(np.prod(self.shape))), 7, np.uint8)
        wrong = draw_plainly(
            self.images, self.view, self.size, self.records, self.cuts(*cuts), frames,
            0, len(cuts), MOST_WORDS, STEP,
        )  # fmt: skip
        return frames.reshape(-1, *self.shape), wrong


GEOMETRIES = {
    "columns": st.integers(1, 11),
    "lines": st.integers(1, 9),
    "unit": st.tuples(st.integers(2, 9), st.integers(2, 9)),
    "more": st.tuples(st.integers(0, 10), st.integers(0, 10)),
}


def sized(columns, lines, unit, more):
    """Return a view and a size."""
    view = columns, lines + inventory_rows((columns, 9))
    return view, tuple(v * u + m % v for v, u, m in zip(view, unit, more, strict=True))


def random_images(rng, columns, lines, unit):
    return Images(
        rng.integers(256, size=(int(rng.integers(1, 257)), *unit[::-1], 3)).astype(np.uint8),
        rng.integers(256, size=(ITEMS, 10, *unit[::-1], 3)).astype(np.uint8),
        rng.choice([0, 1, *rng.random(99)], (lines * unit[1], columns * unit[0])),
    )


def random_records(rng, images, cells, count):
    """Make records of everything that there are images of, in any light."""
    lights = [0, np.nextafter(0.5, 0), 0.5, 1, *rng.random(count) / 2, *rng.random(count)]
    return Records(
        rng.integers(len(images.tiles), size=(count, cells)).astype(np.uint8),
        rng.integers(10, size=(count, ITEMS)).astype(np.uint8),
        rng.random(count) < 0.3,
        rng.choice(lights, count),
        np.cumsum(2 * images.vignette.size + rng.integers(2000, size=count)),
    )


@settings(max_examples=25, deadline=None)
@given(
    **GEOMETRIES | {"unit": st.tuples(st.integers(1, 9), st.integers(1, 9))},
    seed=st.integers(0, 2**32 - 1),
)
def test_whatever_can_be_drawn_is_drawn_alike(columns, lines, unit, more, seed):
    view, size = sized(columns, lines, unit, more)
    rng = np.random.default_rng(seed)
    images = random_images(rng, columns, lines, unit)
    records = random_records(rng, images, columns * lines, 12)
    cuts = Cuts(
        np.array([0, 3, 6]),
        np.array([3, 6, 12]),
        np.array([seed, -1, -1]),
        rng.integers(2**32, size=(3, 624)).astype(np.uint32),
        np.array([0, records.random_words[3] - rng.integers(3000), records.random_words[6]]),
    )
    compiled, plain = np.zeros((2, 12, size[0] * size[1] * 3), np.uint8)
    arrays = make_scenes(), make_picture(images, view, size), records, cuts, compiled
    wrong = DRAW(arrays, 0, 3, MOST_WORDS, STEP)
    plainly = draw_plainly(images, view, size, records, cuts, plain, 0, 3, MOST_WORDS, STEP)
    assert plainly == wrong == -1
    np.testing.assert_array_equal(plain, compiled)


@settings(max_examples=4, deadline=None)
@given(**GEOMETRIES, seed=st.integers(0, 2**32 - 1))
def test_played_episodes_of_any_geometry(columns, lines, unit, more, seed):
    view, size = sized(columns, lines, unit, more)
    rows = played((32, 40), view, size, seed, actions_of(seed, 400, 0.5))
    drawn, wrong = PlainDrawing(view, size, seed, rows)((0, len(rows["frames"])))
    assert wrong == -1
    np.testing.assert_array_equal(drawn, rows["frames"])


@pytest.fixture
def night():
    """Return what draws an episode with nights and sleep in it, and its frames."""
    compiled, frames = drawing_by_night()
    rows = {**compiled.records._asdict(), "frames": frames}
    return PlainDrawing((9, 9), (64, 64), compiled.seed, rows), frames


def test_cuts_from_the_seed_and_from_states(night):
    drawing, frames = night
    count = len(frames)
    words, back, states, _ = drawing.anchors(16, 2000)
    own = np.flatnonzero(back == 0)
    assert len(own) > 2
    cuts = [(16 * at, min(16 * at + 16, count), states[at], words[at]) for at in own.tolist()]
    drawn, wrong = drawing((0, count), *cuts, (3, 3))
    assert wrong == -1
    np.testing.assert_array_equal(drawn, frames)


@pytest.mark.parametrize("chunk", [1, 7, 32])
@pytest.mark.parametrize("least", [0, 2000, 20_000, 10**9])
def test_the_same_states_are_found(night, chunk, least):
    drawing, _ = night
    words, back, states, _ = drawing.anchors(chunk, least)
    found, kept = np.zeros_like(back), np.zeros_like(states)
    find_plainly(words, found, kept, drawing.seed, least)
    np.testing.assert_array_equal(found, back)
    np.testing.assert_array_equal(kept, states)


@pytest.mark.parametrize(("field", "value"), HOSTILE)
def test_records_that_cannot_be_drawn_are_named(night, field, value):
    drawing, frames = night
    at = int(np.flatnonzero(drawing.records.light < 0.5)[7])
    values = getattr(drawing.records, field).copy()
    values[at] = value
    drawing.records = drawing.records._replace(**{field: values})
    drawn, wrong = drawing((0, len(frames)))
    assert wrong == at
    np.testing.assert_array_equal(drawn[:at], frames[:at])
    assert (drawn[at:] == 7).all()


def test_colors_are_those_of_pillow():
    colors = np.random.default_rng(0).integers(256, size=(600, 600, 3)).astype(np.uint8)
    view = object.__new__(crafter_engine.LocalView)
    mixed = view._light(colors, 0.5)  # half of it is the color of the day
    np.testing.assert_array_equal(tinted(colors), 2 * mixed - colors)
    np.testing.assert_array_equal(grey_of(colors), np.array(Image.fromarray(colors).convert("L")))


@pytest.fixture
def given(night):
    """Return what a Drawer is made of and draws, and what comes of it."""
    drawing, frames = night
    cuts = drawing.cuts((0, len(frames)))
    pictures = drawing.images._asdict()
    return (pictures, (64, 64), (9, 9), (64, 64), 32), (drawing.records, cuts), frames


@pytest.mark.parametrize(("unit", "chunk_frames"), [(7, 1), (7, 16_384), (28, 32), (28, 1024)])
def test_the_last_picture_of_a_chunk_is_not_too_far_from_its_state(unit, chunk_frames):
    rng = np.random.default_rng(unit)
    images = random_images(rng, 9, 7, (unit, unit))
    drawer = Drawer(images._asdict(), (64, 64), (9, 9), (9 * unit, 9 * unit), chunk_frames)
    records = random_records(rng, images, 63, 1)
    records.light[0] = 0
    frames = np.zeros((1, (9 * unit) ** 2 * 3), np.uint8)
    for words, wrong in (
        (LEAST_WORDS + chunk_frames * (2 * images.vignette.size + 1000), -1),
        (2**45, 0),
    ):
        records.random_words[0] = words
        cuts = Cuts(*np.array([[0], [1], [5]]), np.zeros((1, 624), np.uint32), np.zeros(1, int))
        assert drawer.draw(records, cuts, frames, 0, 1) == wrong


def drawn_by(drawer, drawn, frames):
    """Draw twice, and return the frames."""
    result = np.zeros((len(frames), frames[0].size), np.uint8)
    assert drawer.draw(*drawn, result, 0, 1) == -1
    assert drawer.draw(*drawn, result, 0, 1) == -1
    return result.reshape(frames.shape)


@pytest.mark.parametrize("missing", ["llvmlite", "numba"])
def test_where_nothing_compiles_numpy_draws_and_says_so_once(given, monkeypatch, caplog, missing):
    made_of, drawn, frames = given
    words = np.arange(0, 10**6, 10**5)
    back, states = draw.find_anchors(words, 5, 150_000)
    np.testing.assert_array_equal(drawn_by(Drawer(*made_of), drawn, frames), frames)
    assert len(draw.needed()) == 2
    assert not caplog.messages

    monkeypatch.setattr(draw, "_reasons", [])
    if missing == "llvmlite":
        monkeypatch.setitem(sys.modules, "crafter_dataset.engine.compiled.native", None)
    else:

        def prepare(*_):
            raise ImportError("needs another numpy")

        monkeypatch.setattr(Entry, "prepare", prepare)
    np.testing.assert_array_equal(drawn_by(Drawer(*made_of), drawn, frames), frames)
    for found, expected in zip(draw.find_anchors(words, 5, 150_000), (back, states), strict=True):
        np.testing.assert_array_equal(found, expected)
    (message,) = caplog.messages
    assert message.startswith("pictures are drawn by NumPy, slowly, since")


def test_no_function_needs_compiling_where_nothing_compiles(monkeypatch, caplog):
    monkeypatch.setattr(draw, "_reasons", [])
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(Entry, "missing", lambda *_: "a file")
    assert draw.needed() == []
    assert len(caplog.messages) == 1


ALONE = """
import sys
hidden = "numba", "llvmlite", "crafter", "PIL", "opensimplex"
sys.modules.update(dict.fromkeys(hidden))
import numpy as np
from crafter_dataset.engine.draw import Drawer, find_anchors
from crafter_dataset.engine.fast.scenes import Cuts, Records
arrays = dict(np.load(sys.argv[1]))
records, cuts = (kind(*(arrays[name] for name in kind._fields)) for kind in (Records, Cuts))
frames = np.zeros((len(records.light), 64 * 64 * 3), np.uint8)
pictures = {name: arrays["picture_" + name] for name in ("tiles", "items", "vignette")}
for _ in range(2):
    assert Drawer(pictures, (64, 64), (9, 9), (64, 64), 32).draw(records, cuts, frames, 0, 1) == -1
    find_anchors(records.random_words, 1, 10**4)
assert not any(map(sys.modules.get, hidden))
np.save(sys.argv[2], frames)
"""


def test_arrays_are_all_that_drawing_needs(given, tmp_path):
    (pictures, *_), (records, cuts), frames = given
    pictures = {f"picture_{name}": images for name, images in pictures.items()}
    np.savez(tmp_path / "given.npz", **pictures, **records._asdict(), **cuts._asdict())
    done = subprocess.run(
        [sys.executable, "-c", ALONE, tmp_path / "given.npz", tmp_path / "drawn.npy"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("pictures are drawn by NumPy, slowly, since")
    np.testing.assert_array_equal(np.load(tmp_path / "drawn.npy").reshape(frames.shape), frames)


COMPILED = """
import sys
hidden = "crafter", "PIL", "opensimplex"
sys.modules.update(dict.fromkeys(hidden))
import numpy as np
from crafter_dataset.engine.draw import find_anchors
print(find_anchors(np.arange(0, 10**6, 10**5), 5, 150_000)[0].tolist(), "numba" in sys.modules)
"""


def test_drawing_is_compiled_without_the_simulator(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True,
        env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.split("] ") == ["[1, 2, 0, 1, 0, 1, 0, 1, 0, 1", "True\n"]
