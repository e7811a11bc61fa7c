"""Drawing what a dataset holds of its pictures: by compiled code, or by NumPy without numba."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.fast.picture import Images, check_images, has_room, make_picture
from crafter_dataset.engine.fast.scenes import WORDS, Cuts, Records, make_scenes
from crafter_dataset.engine.plain_drawing import draw_plainly, find_plainly
from crafter_dataset.schemas.anchors import LEAST_WORDS

if TYPE_CHECKING:
    from crafter_dataset.engine.compiled.compiling import Needed
    from crafter_dataset.engine.compiled.native import Entry

_logger = logging.getLogger(__name__)

MOST_CELLS = 2**20
"""Cells of a world, at most, for which more random words are expected: files may claim any size."""


class Drawer:
    """Draws pictures of one view and size; threads may share it.

    Parameters
    ----------
    pictures : mapping of str to ndarray
        What all pictures are drawn with: each of `schemas.layout.PICTURE_FIELDS`, by name.
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), and pixels of the
        picture (width, height).
    chunk_frames : int
        Rows of a chunk: so far may a picture be from the first that its state was found for.

    Raises
    ------
    ValueError
        If these are not images of that view and size.
    """

    def __init__(
        self,
        pictures: Mapping[str, NDArray[Any]],
        area: tuple[int, int],
        view: tuple[int, int],
        size: tuple[int, int],
        chunk_frames: int,
    ) -> None:
        self.images = Images(*(np.ascontiguousarray(pictures[name]) for name in Images._fields))
        self.view, self.size = view, size
        check_images(self.images, view, size)
        self._has_room = has_room(self.images, view, size)
        most, self._step = _most_words(area, self.images.vignette.size)
        self._most = most + chunk_frames * self._step
        self._own = threading.local()

    def draw(
        self, records: Records, cuts: Cuts, frames: NDArray[np.uint8], first: int, last: int
    ) -> int:
        """Draw some cuts of records.

        Parameters
        ----------
        records : Records
            What to draw; it is checked. Arrays are contiguous and can be written to.
        cuts : Cuts
            Which records, all of them within.
        frames : ndarray, shape (rows, height * width * 3), uint8
            Where to draw: the picture of a record into the row of its number.
        first, last : int
            First cut to draw, and the one after the last.

        Returns
        -------
        int
            -1; or the number of a record that cannot be drawn.
        """
        if self._has_room and not _reasons:
            try:
                return self._draw_compiled(records, cuts, frames, first, last)
            except ImportError as error:  # there is nothing to compile it with
                _draw_plainly_from_now_on(error)
        given = self.images, self.view, self.size, records, cuts, frames
        return draw_plainly(*given, first, last, self._most, self._step)

    def _draw_compiled(
        self, records: Records, cuts: Cuts, frames: NDArray[np.uint8], first: int, last: int
    ) -> int:
        own = self._own
        if not hasattr(own, "entry"):
            _compile()
            picture = make_picture(self.images, self.view, self.size)
            own.scenes, own.picture = make_scenes(), picture
            own.entry = _entry("draw_cuts")
        given = own.scenes, own.picture, records, cuts, frames
        result: int = own.entry(given, first, last, self._most, self._step)
        return result


def draw_episode(
    drawer: Drawer, rows: Mapping[str, NDArray[Any]], light: NDArray[np.float64], seed: int
) -> NDArray[np.uint8]:
    """Draw the first frames of an episode.

    Parameters
    ----------
    drawer : Drawer
        What draws.
    rows : mapping of str to ndarray, shape (rows, ...)
        `tiles`, `inventory`, `sleeping` and `random_words` of these frames.
    light : ndarray, shape (rows or more,), float64
        The daylight at each.
    seed : int
        Seed of the world.

    Returns
    -------
    ndarray, shape (rows, height, width, 3), uint8
        The frames.

    Raises
    ------
    ValueError
        If one of them cannot be drawn.
    """
    count = len(rows["tiles"])
    flat = {
        name: np.ascontiguousarray(rows[name]).reshape(count, -1) for name in ("tiles", "inventory")
    }
    records = Records(
        **flat,
        sleeping=np.array(rows["sleeping"]),
        light=np.array(light[:count]),
        random_words=np.array(rows["random_words"]),
    )
    number = np.zeros(1, np.int64)
    cuts = Cuts(number, number + count, number + seed, np.zeros((1, WORDS), np.uint32), number)
    width, height = drawer.size
    frames = np.empty((count, height, width, 3), np.uint8)
    wrong = drawer.draw(records, cuts, frames.reshape(count, -1), 0, 1)
    if wrong >= 0:
        raise ValueError(f"frame {wrong}: expected what can be drawn, found something else")
    return frames


def check_words(
    words: NDArray[np.int64], seed: int | None, area: tuple[int, int], pixels: int
) -> None:
    """Refuse random words of an episode that no world takes, before states are found for them.

    Parameters
    ----------
    words : ndarray, shape (rows,), int64
        Words that had been taken before each picture.
    seed : int or None
        Seed of the world's random numbers.
    area : tuple of int
        Cells of the world (x, y).
    pixels : int
        Pixels of the local view.

    Raises
    ------
    ValueError
        If they fall, or rise without bounds, or the seed is none.
    """
    if seed is None or not 0 <= seed < 2**32:
        raise ValueError(f"world seed: expected 0 to 2**32 - 1, found {seed}")
    fell = np.flatnonzero(words[1:] < words[:-1])
    if len(fell):
        row = int(fell[0]) + 1
        raise ValueError(
            f"random_words[{row}]: expected {words[row - 1]} or more, found {words[row]}"
        )
    most, step = _most_words(area, pixels)
    most += len(words) * step
    if len(words) and not (words[0] >= 0 and words[-1] <= most):
        raise ValueError(
            f"random_words: expected 0 to {most} in {len(words)} rows, found {words[0]} to "
            f"{words[-1]}"
        )


def _most_words(area: tuple[int, int], pixels: int) -> tuple[int, int]:
    """Return many times the random words that making a world takes, and that a step does.

    What a file says is not to keep the processor busy for ever.
    """
    cells = min(math.prod(area), MOST_CELLS)
    return 10**6 + LEAST_WORDS + 16 * cells, 1000 + cells // 4 + 2 * pixels


def find_anchors(
    words: NDArray[np.int64], seed: int, least: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Find the states from which the random numbers of an episode's chunks go on.

    Parameters
    ----------
    words : ndarray, shape (chunks,), int64
        Words that had been taken before each chunk's first picture, as `check_words` allows.
    seed : int
        Seed of the world's random numbers, 0 to 2**32 - 1.
    least : int
        Words from the last state (or the seed) on for which a chunk has one of its own.

    Returns
    -------
    back : ndarray, shape (chunks,), int64
        How many chunks before each its state is, 0 for its own; one more than there are before
        it for the seed.
    states : ndarray, shape (chunks, 624), uint32
        The states, 0 where there is none.
    """
    count = len(words)
    if not count or words[-1] <= least:
        return np.arange(1, count + 1), np.zeros((count, WORDS), np.uint32)
    if not _reasons:
        try:
            return _find_compiled(words, seed, least)
        except ImportError as error:
            _draw_plainly_from_now_on(error)
    back, states = np.zeros(count, np.int64), np.zeros((count, WORDS), np.uint32)
    find_plainly(words, back, states, seed, least)
    return back, states


def _find_compiled(
    words: NDArray[np.int64], seed: int, least: int
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    """Find states in arrays of this thread: with others, a call takes longer."""
    own, count = _finding, len(words)
    if not hasattr(own, "entry"):
        own.entry, own.room = _entry("find_anchors"), 0
    if own.room < count:
        own.room = max(count, _LEAST_CHUNKS)
        number, states = np.zeros((2, own.room), np.int64), np.zeros((own.room, WORDS), np.uint32)
        own.arrays = make_scenes(), number[0], number[1], states
    _, taken, back, states = own.arrays
    taken[:count] = words
    states[:count] = 0
    own.entry(own.arrays, count, seed, least)
    return back[:count].copy(), states[:count].copy()


def _compile() -> None:
    """Compile what draws, unless it is in the cache, and say so meanwhile."""
    from crafter_dataset.engine.compiled.compiling import compile_missing

    compile_missing(needed()[:1])


def needed() -> list[Needed]:
    """List the compiled functions that draw, and then that find anchors, where there are any."""
    images = Images(
        np.zeros((1, 2, 2, 3), np.uint8), np.zeros((1, 10, 2, 2, 3), np.uint8), np.zeros((2, 2))
    )
    scenes, picture = make_scenes(), make_picture(images, (1, 2), (2, 4))
    number, byte, flag = np.zeros(1, np.int64), np.zeros((1, 1), np.uint8), np.zeros(1, bool)
    states = np.zeros((1, WORDS), np.uint32)
    records = Records(byte, byte, flag, np.zeros(1), number)
    cuts = Cuts(number, number, number, states, number)
    try:
        from crafter_dataset.engine.compiled.compiling import Needed
        from crafter_dataset.engine.numba_cache import import_numba

        found = [
            Needed(_entry("draw_cuts"), (scenes, picture, records, cuts, byte), 4),
            Needed(_entry("find_anchors"), (scenes, number, number, states), 3),
        ]
        if any(each.entry.missing(each.arrays, each.numbers) for each in found):
            import_numba()
    except ImportError as error:
        _draw_plainly_from_now_on(error)
        return []
    return found


_reasons: list[str] = []
"""Why there is no compiled code, if there is none."""

_finding = threading.local()
_LEAST_CHUNKS = 16
"""Chunks of an episode that there is room for, at least."""
_lock = threading.Lock()


def _draw_plainly_from_now_on(error: ImportError) -> None:
    """Do without compiled code, and say so once."""
    with _lock:
        if not _reasons:
            _logger.warning(
                "pictures are drawn by NumPy, slowly, since numba cannot be used (%s)", error
            )
            _reasons.append(str(error))


def _entry(name: str) -> Entry:
    from crafter_dataset.engine.compiled.native import Entry
    from crafter_dataset.engine.fast.code import DRAWING, PICTURES

    return Entry(name, DRAWING, PICTURES)
