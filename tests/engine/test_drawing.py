"""Pictures drawn from what was seen are those that were seen."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.fast.code import DRAWING, PICTURES
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.picture import make_picture
from crafter_dataset.engine.fast.scenes import Cuts, Records, make_scenes
from crafter_dataset.engine.fast.textures import make_images
from crafter_dataset.engine.pictures import daylights
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.engine.spec import inventory_rows
from crafter_dataset.schemas.layout import FRAME_FIELDS

DRAW = Entry("draw_cuts", DRAWING, PICTURES)
FIND = Entry("find_anchors", DRAWING, PICTURES)
MOST_WORDS, STEP = 10**6, 0
SLEEP = 6


def played(area, view, size, seed, actions):
    """Play an episode: all that was seen, up to its end."""
    count = len(actions) + 1
    cells = view[0], view[1] - inventory_rows(view)
    sizes = {"height": size[1], "width": size[0], "channel": 3, "item": 16,
             "column": cells[0], "line": cells[1]}  # fmt: skip
    names = "frames", "inventory", "tiles", "sleeping", "random_words"
    arrays = {
        name: np.zeros((count, *FRAME_FIELDS[name].row_shape(sizes)), FRAME_FIELDS[name].dtype)
        for name in names
    }
    done = Done(*(np.zeros(count, dtype) for dtype in ("u1", "f4", "?", "?")))
    lanes = FastLanes(1, area, view, size)
    lanes.start(0, seed)
    rows = abs(lanes.play(0, actions, 0, len(actions), Seen.over(arrays), done, 0, 0, None))
    seen = {name: values[:rows] for name, values in arrays.items()}
    return seen | {"light": daylights(rows)}


@functools.lru_cache(4)
def picture_of(view, size):
    return make_picture(make_images(view, size), view, size)


class Drawing:
    """Draws the records of an episode."""

    def __init__(self, view, size, seed, rows):
        self.picture, self.seed = picture_of(view, size), seed
        self.scenes = make_scenes()
        self.records = Records(
            *(
                np.ascontiguousarray(rows[name]).reshape(len(rows["light"]), -1)
                if name in ("tiles", "inventory")
                else np.ascontiguousarray(rows[name])
                for name in Records._fields
            )
        )
        self.shape = rows["frames"].shape[1:]

    def __call__(self, *cuts):
        """Return pictures, and which record could not be drawn."""
        count = len(self.records.light)
        frames = np.zeros((count, int(np.prod(self.shape))), np.uint8)
        arrays = self.scenes, self.picture, self.records, self.cuts(*cuts), frames
        wrong = DRAW(arrays, 0, len(cuts), MOST_WORDS, STEP)
        return frames.reshape(-1, *self.shape), wrong

    def cuts(self, *cuts):
        """Return cuts: of each its first record, the one after the last, a state and its words.

        Where there is no state it starts from the seed.
        """
        return Cuts(
            np.array([cut[0] for cut in cuts]),
            np.array([cut[1] for cut in cuts]),
            np.array([-1 if len(cut) > 2 else self.seed for cut in cuts]),
            np.array([cut[2] if len(cut) > 2 else np.zeros(624) for cut in cuts], np.uint32),
            np.array([cut[3] if len(cut) > 2 else 0 for cut in cuts]),
        )

    def anchors(self, chunk, least):
        """Return how far back each chunk's state is, and the states."""
        words = np.ascontiguousarray(self.records.random_words[::chunk])
        back, states = np.zeros(len(words), np.int64), np.zeros((len(words), 624), np.uint32)
        found = FIND((self.scenes, words, back, states), len(words), self.seed, least)
        return words, back, states, found


def actions_of(seed, count, sleepy):
    rng = np.random.default_rng(seed)
    drawn = np.repeat(rng.integers(17, size=count), 1 + rng.integers(4, size=count))[:count]
    return np.where(rng.random(count) < sleepy, SLEEP, drawn).astype(np.uint8)


@settings(max_examples=12, deadline=None)
@given(
    area=st.tuples(st.integers(9, 70), st.integers(9, 70)),
    columns=st.integers(3, 11),
    lines=st.integers(1, 9),
    unit=st.tuples(st.integers(2, 9), st.integers(2, 9)),
    more=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    seed=st.integers(0, 2**32 - 1),
    sleepy=st.sampled_from([0.1, 0.6]),
)
def test_any_geometry(area, columns, lines, unit, more, seed, sleepy):
    view = columns, lines + inventory_rows((columns, 9))
    size = tuple(v * u + m for v, u, m in zip(view, unit, more, strict=True))
    rows = played(area, view, size, seed, actions_of(seed, 500, sleepy))
    drawn, wrong = Drawing(view, size, seed, rows)((0, len(rows["frames"])))
    assert wrong == -1
    np.testing.assert_array_equal(drawn, rows["frames"])


@functools.cache
def drawing_by_night():
    """Return an episode with nights and sleep in it, and its frames."""
    for seed in range(60):
        rows = played((64, 64), (9, 9), (64, 64), seed, actions_of(seed, 400, 0.5))
        if rows["sleeping"].any() and (rows["light"] < 0.5).sum() > 40:
            return Drawing((9, 9), (64, 64), seed, rows), rows["frames"]
    raise AssertionError("no such episode")


@pytest.fixture
def night():
    return drawing_by_night()


def test_frames_alone_and_many_cuts(night):
    draw, frames = night
    count = len(frames)
    for first in (0, 5, count - 30, count - 1, 3):
        drawn, wrong = draw((first, first + 1))
        assert wrong == -1
        np.testing.assert_array_equal(drawn[first], frames[first])
    drawn, wrong = draw((count // 2, count), (10, 30), (3, 3), (0, 10), (30, count // 2))
    assert wrong == -1
    np.testing.assert_array_equal(drawn, frames)


@pytest.mark.parametrize("least", [0, 2000, 20_000, 10**9])
@pytest.mark.parametrize("chunk", [1, 7, 32])
def test_each_chunk_is_drawn_from_its_own_state_or_an_earlier_one(night, chunk, least):
    draw, frames = night
    words, back, states, found = draw.anchors(chunk, least)
    own = np.flatnonzero(back == 0)
    assert len(own) == found
    if least == 10**9:
        assert not found
    cuts = []
    for number, behind in enumerate(back.tolist()):
        anchor = number - behind
        taken = words[number] - (words[anchor] if anchor >= 0 else 0)
        assert 0 <= taken <= least
        first, last = number * chunk, min((number + 1) * chunk, len(frames))
        cuts.append((first, last) + ((states[anchor], words[anchor]) if anchor >= 0 else ()))
    drawn, wrong = draw(*cuts)
    assert wrong == -1
    np.testing.assert_array_equal(drawn, frames)


HOSTILE = [
    ("tiles", 195), ("tiles", 255), ("inventory", 10), ("inventory", 255), ("light", np.nan),
    ("light", -0.1), ("light", 1.5), ("random_words", -1), ("random_words", 2**62),
]  # fmt: skip
"""Fields of records, and what cannot be drawn there by night."""


@pytest.mark.parametrize(("field", "value"), HOSTILE)
def test_records_that_cannot_be_drawn_are_named(night, field, value):
    draw, frames = night
    at = int(np.flatnonzero(draw.records.light < 0.5)[7])
    values = getattr(draw.records, field)
    old = values[at].copy()
    values[at] = value
    try:
        drawn, wrong = draw((0, len(frames)))
    finally:
        values[at] = old
    assert wrong == at
    np.testing.assert_array_equal(drawn[:at], frames[:at])
    assert not drawn[at:].any()
