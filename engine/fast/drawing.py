"""Drawing pictures from what was seen, without a world: tiles, light, inventory, random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import Scene
from crafter_dataset.engine.fast.paint import paint
from crafter_dataset.engine.fast.picture import Picture
from crafter_dataset.engine.fast.rng import (
    go_on_from,
    seed_words,
    skip_words,
    take_state,
    words_drawn,
)
from crafter_dataset.engine.fast.scenes import MOST_AMOUNT, Cuts, Records


@kernel
def draw_cuts(
    scenes: NDArray[np.void], picture: Picture, records: Records, cuts: Cuts,
    frames: NDArray[np.uint8], first: int, last: int, most: int, step: int,
) -> int:  # fmt: skip
    """Draw some cuts of records.

    Parameters
    ----------
    scenes : ndarray of records, shape (1,)
        As `scenes.make_scenes` makes them; overwritten.
    picture : Picture
        What to draw with; overwritten where it is room to work in.
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
    scene = scenes[0]
    for cut in range(first, last):
        ready, left = False, most
        for record in range(cuts.starts[cut], cuts.stops[cut]):
            if not _set(scene, picture, records, record):
                return record
            left += step
            if scene.daylight < 0.5:
                if not ready:
                    _begin(scene, cuts, cut)
                    ready = True
                left_out = records.random_words[record] - words_drawn(scene)
                if not 0 <= left_out <= left:
                    return record
                skip_words(scene, left_out)
                left -= left_out
            paint(scene, picture, frames[record])
    return -1


@kernel
def _begin(scene: Scene, cuts: Cuts, cut: int) -> None:
    """Set a scene's random numbers to where those of a cut go on."""
    if cuts.seeds[cut] >= 0:
        seed_words(scene, cuts.seeds[cut])
    else:
        go_on_from(scene, cuts.states[cut], cuts.words[cut])


@kernel
def _set(scene: Scene, picture: Picture, records: Records, record: int) -> bool:
    """Set a scene to a record; return whether there are images of all that it holds."""
    light = records.light[record]
    if not 0 <= light <= 1:
        return False
    scene.daylight = light
    scene.sleeping = records.sleeping[record]
    for item in range(len(picture.items)):
        amount = records.inventory[record, item]
        if amount > MOST_AMOUNT:
            return False
        scene.inventory[item] = amount
    for column in range(picture.grid_x):
        for line in range(picture.grid_y):
            tile = records.tiles[record, column * picture.grid_y + line]
            if tile >= len(picture.tiles):
                return False
            picture.seen[line, column] = tile
    return True


@kernel
def find_anchors(
    scenes: NDArray[np.void], words: NDArray[np.int64], back: NDArray[np.int64],
    states: NDArray[np.uint32], count: int, seed: int, least: int,
) -> int:  # fmt: skip
    """Find the states from which the random numbers of an episode's chunks go on.

    Parameters
    ----------
    scenes : ndarray of records, shape (1,)
        As `scenes.make_scenes` makes them; overwritten.
    words : ndarray, shape (chunks or more,), int64
        Words that had been taken before each chunk's first picture, ascending.
    back : ndarray, shape (chunks or more,), int64
        Overwritten: how many chunks before each its state is, 0 for its own; one more than there
        are before it for the seed.
    states : ndarray, shape (chunks or more, 624), uint32
        Overwritten where there is one.
    count : int
        Number of chunks.
    seed : int
        Seed of the world's random numbers.
    least : int
        Words from the last state (or the seed) on for which a chunk has one of its own.

    Returns
    -------
    int
        Number of states.
    """
    scene = scenes[0]
    seed_words(scene, seed)
    last, at, found = -1, np.int64(0), 0
    for chunk in range(count):
        if words[chunk] - at > least:
            skip_words(scene, words[chunk] - words_drawn(scene))
            take_state(scene, states[chunk])
            last, at, found = chunk, words[chunk], found + 1
        back[chunk] = chunk - last
    return found


TUPLES: dict[str, type[Any]] = {"picture": Picture, "records": Records, "cuts": Cuts}
"""Classes of the arguments that are tuples, by name, for `engine.compiled.jit.compile_entry`."""
