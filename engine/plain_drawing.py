"""Drawing pictures from what was seen by NumPy alone, to the same bits; slow.

Whole pictures are drawn as `crafter.engine.LocalView` draws them, in the same order and precision.
`engine.fast.drawing` draws the same in compiled code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.fast.picture import Images, grey_of, tinted
from crafter_dataset.engine.fast.scenes import MOST_AMOUNT, WORDS, Cuts, Records

_NIGHT = 0.5
"""There is noise where there is less daylight."""

_DARKEST_NOISE, _BRIGHTEST_NOISE = 32, 127
_DREAM = (0, 0, 16)
"""Color of sleep, as in `LocalView._sleep`."""


def draw_plainly(
    images: Images,
    view: tuple[int, int],
    size: tuple[int, int],
    records: Records,
    cuts: Cuts,
    frames: NDArray[np.uint8],
    first: int,
    last: int,
    most: int,
    step: int,
) -> int:
    """Draw some cuts of records; does what `engine.fast.drawing.draw_cuts` does.

    Parameters
    ----------
    images : Images
        What to draw with.
    view, size : tuple of int
        Cells in the picture (x, y), and pixels of the picture (width, height).
    records : Records
        What to draw; it may come from anywhere, and is checked.
    cuts : Cuts
        Which records; these lie within the records and the frames.
    frames : ndarray, shape (rows, height * width * 3), uint8
        Where to draw: the picture of a record into the row of its number.
    first, last : int
        First cut to draw, and the one after the last.
    most, step : int
        Words that may be left out before all pictures of a cut, at most, and how many more for
        each record of it so far.

    Returns
    -------
    int
        -1; or the number of a record that cannot be drawn.
    """
    numbers = _Numbers()
    lines, columns = images.vignette.shape
    for cut in range(first, last):
        ready, left = False, most
        for record in range(int(cuts.starts[cut]), int(cuts.stops[cut])):
            if not _can_be_drawn(images, records, record):
                return record
            left += step
            noise = None
            if records.light[record] < _NIGHT:
                if not ready:
                    numbers.begin(cuts, cut)
                    ready = True
                left_out = int(records.random_words[record]) - numbers.taken
                if not 0 <= left_out <= left:
                    return record
                numbers.skip(left_out)
                left -= left_out
                noise = numbers.noise(columns, lines)
            frames[record] = _picture(images, view, size, records, record, noise).reshape(-1)
    return -1


def find_plainly(
    words: NDArray[np.int64],
    back: NDArray[np.int64],
    states: NDArray[np.uint32],
    seed: int,
    least: int,
) -> None:
    """Find the states that an episode's chunks go on from; does what `find_anchors` does.

    Parameters
    ----------
    words : ndarray, shape (chunks,), int64
        Words that had been taken before each chunk's first picture, ascending.
    back : ndarray, shape (chunks,), int64
        Overwritten: how many chunks before each its state is, 0 for its own; one more than there
        are before it for the seed.
    states : ndarray, shape (chunks, 624), uint32
        Overwritten where there is one.
    seed : int
        Seed of the world's random numbers.
    least : int
        Words from the last state (or the seed) on for which a chunk has one of its own.
    """
    numbers = _Numbers()
    numbers.seed(seed)
    last, at = -1, 0
    for chunk, taken in enumerate(words.tolist()):
        if taken - at > least:
            numbers.skip(taken - numbers.taken)
            states[chunk] = numbers.state
            last, at = chunk, taken
        back[chunk] = chunk - last


class _Numbers:
    """A world's random numbers, and how many words were taken of them; NumPy's own."""

    def __init__(self) -> None:
        self._words = np.random.MT19937(0)
        self._numbers = np.random.RandomState(self._words)
        self.taken = 0

    @property
    def state(self) -> NDArray[np.uint32]:
        """The words of the generator's state."""
        key: NDArray[np.uint32] = self._words.state["state"]["key"]
        return key

    def begin(self, cuts: Cuts, cut: int) -> None:
        """Go to where those of a cut go on."""
        if cuts.seeds[cut] >= 0:
            self.seed(int(cuts.seeds[cut]))
            return
        self.taken = int(cuts.words[cut])
        pos = (self.taken - 1) % WORDS + 1
        self._words.state = {
            "bit_generator": "MT19937",
            "state": {"key": cuts.states[cut], "pos": pos},
        }

    def seed(self, seed: int) -> None:
        self._numbers.seed(seed)
        self.taken = 0

    def skip(self, count: int) -> None:
        self._words.random_raw(count, output=False)
        self.taken += count

    def noise(self, columns: int, lines: int) -> NDArray[np.float64]:
        """Draw the noise of a picture, which is drawn by columns; return it by lines."""
        self.taken += 2 * columns * lines
        return self._numbers.uniform(_DARKEST_NOISE, _BRIGHTEST_NOISE, (columns, lines)).T


def _can_be_drawn(images: Images, records: Records, record: int) -> bool:
    """Tell whether there are images of all that a record holds, and whether its light is one."""
    return bool(
        0 <= records.light[record] <= 1
        and records.inventory[record].max() <= MOST_AMOUNT
        and records.tiles[record].max() < len(images.tiles)
    )


def _picture(
    images: Images,
    view: tuple[int, int],
    size: tuple[int, int],
    records: Records,
    record: int,
    noise: NDArray[np.float64] | None,
) -> NDArray[np.uint8]:
    """Draw a record's picture; mirrors `Env.render`."""
    (columns, rows), unit = view, images.tiles.shape[1:]
    lines = len(images.vignette) // unit[0]
    seen = records.tiles[record].reshape(columns, lines).T
    local = _lit(_joined(images.tiles[seen]), float(records.light[record]), noise, images.vignette)
    if records.sleeping[record]:
        local = _asleep(local)
    items = np.zeros(((rows - lines) * columns, *unit), np.uint8)
    kinds = np.arange(len(images.items))
    items[: len(kinds)] = images.items[kinds, records.inventory[record]]
    drawn = np.concatenate([local, _joined(items.reshape(-1, columns, *unit))])
    (height, width), picture = drawn.shape[:2], np.zeros((size[1], size[0], 3), np.uint8)
    x, y = (size[0] - width) // 2, (size[1] - height) // 2
    picture[y : y + height, x : x + width] = drawn
    return picture


def _joined(cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Join images of cells, indexed [line, column, y, x, channel], to one image."""
    lines, columns, height, width, channels = cells.shape
    return cells.swapaxes(1, 2).reshape(lines * height, columns * width, channels)


def _lit(
    canvas: NDArray[np.uint8],
    light: float,
    noise: NDArray[np.float64] | None,
    vignette: NDArray[np.float64],
) -> NDArray[np.uint8]:
    """Put light over a picture, and noise under it by night; mirrors `LocalView._light`."""
    dark = canvas
    if noise is not None:
        mask = 2 * (_NIGHT - light) * vignette[..., None]
        dark = ((1 - mask) * canvas + mask * noise[..., None]).astype(np.uint8)
    # In double precision, which no version of NumPy is to take from the arrays.
    day, night = canvas.astype(np.float64), tinted(dark).astype(np.float64)
    mixed: NDArray[np.uint8] = (light * day + (1 - light) * night).astype(np.uint8)
    return mixed


def _asleep(colors: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what colors are while asleep; mirrors `LocalView._sleep`."""
    grey = grey_of(colors)[..., None]
    dreamt: NDArray[np.uint8] = (0.5 * grey + 0.5 * np.array(_DREAM)).astype(np.uint8)
    return dreamt
