"""Drawing of any geometry, with memory that cannot be touched right after and before each array."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.draw import Drawer
from crafter_dataset.engine.fast.code import DRAWING, PICTURES
from crafter_dataset.engine.fast.picture import Images, Picture, has_room, make_picture
from crafter_dataset.engine.fast.scenes import Cuts, Records, make_scenes
from crafter_dataset.engine.plain_drawing import draw_plainly
from crafter_dataset.schemas.arithmetic import ceil_div
from tests.reliability.children import run_cases
from tests.reliability.report import campaign

RECORDS = 6
DRAW = Entry("draw_cuts", DRAWING, PICTURES)
pytestmark = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="it takes mprotect")


def fenced(array: Any, at_end: bool) -> Any:
    """Copy an array to pages of its own, up to their end or from their beginning on."""
    size, page = array.nbytes, mmap.PAGESIZE
    pages = ceil_div(max(size, 1), page) * page
    memory = mmap.mmap(-1, pages + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for fence in (start, start + page + pages):
        if ctypes.CDLL(None, use_errno=True).mprotect(ctypes.c_void_p(fence), page, 0):
            raise OSError(ctypes.get_errno(), "mprotect")
    found = np.ndarray(array.shape, array.dtype, memory, page + (pages - size if at_end else 0))
    found[...] = array
    return found


def fence(value: Any, at_end: bool) -> Any:
    """Fence all arrays of tuples; what shares memory goes on sharing it."""
    if isinstance(value, Picture):
        words = fenced(value.words, at_end)
        made = {name: fence(item, at_end) for name, item in value._asdict().items()}
        return Picture(**made | {"words": words, "drawn_pairs": words.view("<u8")})
    if isinstance(value, tuple):
        items = (fence(item, at_end) for item in value)
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    return fenced(value, at_end) if isinstance(value, np.ndarray) else value


def draw(number: int) -> str:
    """Draw records of a random geometry, fenced, by NumPy, and through a `Drawer`; compare."""
    rng = np.random.default_rng(number)
    columns, lines = rng.integers(1, 12), rng.integers(1, 10)
    items = int(rng.choice([1, 2, 15, 16, 17, 256]))
    view = int(columns), int(lines + ceil_div(items, columns) + (rng.random() < 0.1))
    unit = rng.choice([1, 1, 2, 3, 7, 8, 9, 33], 2)
    size = tuple(int(v * u + rng.integers(v)) for v, u in zip(view, unit, strict=True))
    shape = int(unit[1]), int(unit[0]), 3
    images = Images(
        rng.integers(256, size=(int(rng.integers(1, 257)), *shape)).astype(np.uint8),
        rng.integers(256, size=(items, 10, *shape)).astype(np.uint8),
        rng.choice([0, 1, *rng.random(99)], (lines * unit[1], columns * unit[0])),
    )
    records = Records(
        rng.integers(len(images.tiles), size=(RECORDS, lines * columns)).astype(np.uint8),
        rng.integers(10, size=(RECORDS, items)).astype(np.uint8),
        rng.random(RECORDS) < 0.5,
        rng.choice([0, 0.1, np.nextafter(0.5, 0), 0.5, 0.7, 1, *rng.random(9)], RECORDS),
        np.cumsum(2 * images.vignette.size + rng.integers(2000, size=RECORDS)),
    )
    states = rng.integers(2**32, size=(2, 624)).astype(np.uint32)
    words = np.array([0, records.random_words[3] - rng.integers(1, 2000)])
    cuts = Cuts(np.array([0, 3]), np.array([3, RECORDS]), np.array([number, -1]), states, words)
    frames = np.zeros((RECORDS, size[0] * size[1] * 3), np.uint8)
    given, numbers = (images, view, size, records, cuts), (0, 2, 10**6, 0)
    plain = frames.copy()
    if draw_plainly(*given, plain, *numbers) != -1:
        return "not drawn plainly"
    for at_end in (True, False) if has_room(images, view, size) else ():
        arrays = make_scenes(), make_picture(images, view, size), records, cuts, frames
        safe = fence(arrays, at_end)
        if DRAW(safe, *numbers) != -1 or (safe[-1] != plain).any():
            return f"another picture, fenced {'after' if at_end else 'before'}"
    drawer = Drawer(images._asdict(), (64, 64), view, size, 8)
    room = fenced(frames, True)
    if drawer.draw(records, cuts, room, 0, 2) != -1 or (room != plain).any():
        return "another picture of the drawer's"
    return ""


@pytest.mark.parametrize("count", [40, pytest.param(4_000, marks=pytest.mark.slow)])
def test_drawing_stays_within_its_arrays(count):
    with campaign("fences", "") as figures:
        outcomes = run_cases(draw, range(count), 30)
        wrong = [(o.case, o.death or o.result) for o in outcomes if o.death or o.result]
        figures["geometries"], figures["failures"] = count, len(wrong)
    assert not wrong, wrong[:10]
