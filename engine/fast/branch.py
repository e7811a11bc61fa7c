"""Playing an episode's actions unseen, and from some of its frames other ones, seen.

By night drawing takes random numbers, so a frame that nobody looks at must take them, too.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.intrinsics import call
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World, Worlds
from crafter_dataset.engine.fast.rng import skip_words
from crafter_dataset.engine.fast.step import PLAYING, note, step
from crafter_dataset.engine.fast.world import copy_world
from crafter_dataset.engine.rows import Seen
from crafter_dataset.schemas.layout import TERMINATED


@kernel
def branch(
    worlds: Worlds, daylights: NDArray[np.float64], actions: NDArray[np.uint8],
    starts: NDArray[np.int64], numbers: NDArray[np.int64], others: NDArray[np.uint8],
    seen: Seen, rewards: NDArray[np.float32], terminations: NDArray[np.bool_],
    truncations: NDArray[np.bool_], valid: NDArray[np.bool_], drawing: NDArray[np.int64],
    draw: int, words: int, stop: int,
) -> int:  # fmt: skip
    """Play the first world on to a frame, and branches of it in the second one.

    At that frame, and at the starts, the picture has yet to be drawn.

    Parameters
    ----------
    worlds : Worlds
        A world in an episode, whose first picture has yet to be drawn; and one that is
        overwritten, which is not needed if there are no starts.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, up to the last one that can be taken.
    actions : ndarray, shape (stop or more,), uint8
        The episode's actions, indices into `engine.spec.ACTIONS`.
    starts : ndarray, shape (starts,), int64
        Frames at which branches start, in ascending order.
    numbers : ndarray, shape (starts,), int64
        Number of each branch, which are the rows of what follows.
    others : ndarray, shape (branches, horizon), uint8
        Actions of all branches.
    seen : Seen
        Where to write what is seen, `horizon + 1` rows a branch; without pictures none is drawn.
    rewards, terminations, truncations, valid : ndarray, shape (branches, horizon)
        Where to write what comes of each action, float32, and which are taken, bool.
    drawing : ndarray, shape (places,), int64
        What `engine.fast.step.observe_lane` is called with for the second world; the row comes
        last.
    draw : int
        Address of that function.
    words : int
        Random numbers that drawing takes by night, in words.
    stop : int
        Frame at which to leave the episode, not before the last start.

    Returns
    -------
    int
        -1; or the frame at which the episode has ended, if that is before `stop`.
    """
    world = worlds[0]
    for i in range(len(starts)):
        _pass(world, daylights, actions, words, starts[i])
        if world.step < starts[i]:
            return world.step
        copy_world(world, worlds[1])
        first = numbers[i] * (others.shape[1] + 1)
        for t in range(others.shape[1] + 1):
            if len(seen.frames):
                drawing[-1] = first + t
                call(draw, drawing)
            else:
                _leave_undrawn(worlds[1], words)
                note(worlds[1], seen, first + t, first + t)
            if t == others.shape[1] or worlds[1].ended != PLAYING:
                break
            valid[numbers[i], t] = True
            rewards[numbers[i], t] = step(worlds[1], np.int64(others[numbers[i], t]), daylights)
            terminations[numbers[i], t] = worlds[1].ended == TERMINATED
            truncations[numbers[i], t] = worlds[1].ended not in (PLAYING, TERMINATED)
    _pass(world, daylights, actions, words, stop)
    return -1 if world.step == stop else world.step


@kernel
def _pass(
    world: World, daylights: NDArray[np.float64], actions: NDArray[np.uint8], words: int, stop: int
) -> None:
    """Play the episode's actions unseen, up to a frame or to its end."""
    while world.step < stop and world.ended == PLAYING:
        _leave_undrawn(world, words)
        step(world, np.int64(actions[world.step]), daylights)


@kernel
def _leave_undrawn(world: World, words: int) -> None:
    """Take the random numbers that drawing takes, see `engine.fast.night.draw_night`."""
    if world.daylight < 0.5:
        skip_words(world, words)


TUPLES: dict[str, type[Any]] = {"seen": Seen}
"""Classes of the arguments that are tuples, by name, for `engine.compiled.jit.compile_entry`."""
