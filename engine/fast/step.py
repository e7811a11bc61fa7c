"""Episodes, step by step; mirrors `crafter.Env.reset` and `crafter.Env.step`.

Python calls the functions at the end, through `engine.compiled.native.Entry`:
their arrays come first, then integers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.intrinsics import call
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.balance import balance_chunks
from crafter_dataset.engine.fast.kinds import World, Worlds
from crafter_dataset.engine.fast.objects import add_player, distance_to_player, update_object
from crafter_dataset.engine.fast.picture import Picture
from crafter_dataset.engine.fast.render import render
from crafter_dataset.engine.fast.rng import seed_words, words_drawn
from crafter_dataset.engine.fast.rules import HEALTH, NUM_ACHIEVEMENTS, NUM_ACTIONS, NUM_ITEMS
from crafter_dataset.engine.fast.world import PLAYER_ROW, clear, compact, semantic
from crafter_dataset.engine.fast.worldgen import Scratch, generate_world
from crafter_dataset.engine.rows import MISCHOSEN, Done, Seen
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT

PLAYING = 0
"""Value of a world's `ended` while the episode goes on; afterwards it is an end reason."""


@kernel
def reset(world: World, seed: int, daylights: NDArray[np.float64], scratch: Scratch) -> None:
    """Start an episode; mirrors `Env.reset`, up to the picture.

    Parameters
    ----------
    world : World
        With `width`, `height`, `reach`, `length` and `give_rewards` set; the rest is overwritten.
    seed : int
        Seed of the world's RandomState, 0 to 2**32 - 1.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, from 0.
    scratch : Scratch
        Made for the area; overwritten.
    """
    seed_words(world, seed)
    clear(world)
    world.step = 0
    world.ended = PLAYING
    world.daylight = daylights[0]
    add_player(world, world.width // 2, world.height // 2)
    world.last_health = world.inventory[HEALTH]
    for achievement in range(NUM_ACHIEVEMENTS):
        world.unlocked[achievement] = False
    generate_world(world, scratch)


@kernel
def step(world: World, action: int, daylights: NDArray[np.float64]) -> float:
    """Take an action and return its reward; mirrors `Env.step`, up to the picture.

    Whether that ended the episode is in `world.ended`.

    Parameters
    ----------
    world : World
        State of the environment; it goes on by a step.
    action : int
        Index into `engine.spec.ACTIONS`.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, up to this one at least.
    """
    world.step += 1
    world.daylight = daylights[world.step]
    compact(world)
    # Objects that are added meanwhile act from the next step on.
    for row in range(PLAYER_ROW, world.objects):
        if world.kind[row] and distance_to_player(world, world.x[row], world.y[row]) < world.reach:
            update_object(world, row, action)
    if world.step % 10 == 0:
        balance_chunks(world)
    health = world.inventory[HEALTH]
    reward = (health - world.last_health) / 10
    world.last_health = health
    if _unlock(world):
        reward += 1.0
    if health <= 0:
        world.ended = TERMINATED
    elif world.length and world.step >= world.length:
        world.ended = TIME_LIMIT
    else:
        world.ended = PLAYING
    return reward if world.give_rewards else 0.0


@kernel
def _unlock(world: World) -> bool:
    """Note the achievements reached for the first time, and tell whether there are any."""
    found = False
    for achievement in range(NUM_ACHIEVEMENTS):
        if world.achievements[achievement] > 0 and not world.unlocked[achievement]:
            world.unlocked[achievement] = True
            found = True
    return found


@kernel
def observe(world: World, picture: Picture, seen: Seen, image: int, row: int) -> None:
    """Write what is seen; exactly once a step, since drawing takes random numbers.

    Parameters
    ----------
    world : World
        State of the environment; only its random numbers change.
    picture : Picture
        What to draw with; overwritten where it is room to work in.
    seen : Seen
        Where to write.
    image : int
        Row to write of pictures and maps.
    row : int
        Row to write of the small fields.
    """
    if len(seen.random_words):
        seen.random_words[row] = words_drawn(world)
    render(world, picture, seen.frames[image])
    if len(seen.tiles):
        for column in range(picture.grid_x):
            for line in range(picture.grid_y):
                seen.tiles[image, column * picture.grid_y + line] = picture.seen[line, column]
    note(world, seen, image, row)


@kernel
def note(world: World, seen: Seen, image: int, row: int) -> None:
    """Write what is seen, but for the picture.

    Parameters
    ----------
    world : World
        State of the environment; only read.
    seen : Seen
        Where to write.
    image : int
        Row to write of maps.
    row : int
        Row to write of the small fields.
    """
    if len(seen.semantic):
        semantic(world, seen.semantic[image])
    if len(seen.positions):
        seen.positions[row, 0] = world.x[PLAYER_ROW]
        seen.positions[row, 1] = world.y[PLAYER_ROW]
    if len(seen.inventory):
        for item in range(NUM_ITEMS):
            seen.inventory[row, item] = world.inventory[item]
    if len(seen.achievements):
        for achievement in range(NUM_ACHIEVEMENTS):
            seen.achievements[row, achievement] = world.achievements[achievement]
    if len(seen.daylight):
        seen.daylight[row] = world.daylight
    if len(seen.sleeping):
        seen.sleeping[row] = world.sleeping


@kernel
def reset_lane(
    worlds: Worlds, daylights: NDArray[np.float64], scratch: Scratch, lane: int, seed: int
) -> int:
    """Start an episode in one world, without writing what is seen.

    Parameters
    ----------
    worlds : Worlds
        States of the environments.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, from 0.
    scratch : Scratch
        Made for the area; overwritten.
    lane : int
        Number of the world.
    seed : int
        Seed of the world's RandomState, 0 to 2**32 - 1.

    Returns
    -------
    int
        Always 0.
    """
    reset(worlds[lane], seed, daylights, scratch)
    return 0


@kernel
def observe_lane(worlds: Worlds, picture: Picture, seen: Seen, lane: int, row: int) -> int:
    """Write what is seen in one world; exactly once a step.

    Parameters
    ----------
    worlds : Worlds
        States of the environments.
    picture : Picture
        What to draw with.
    seen : Seen
        Where to write.
    lane : int
        Number of the world.
    row : int
        Row to write.

    Returns
    -------
    int
        Always 0.
    """
    observe(worlds[lane], picture, seen, row, row)
    return 0


@kernel
def step_lanes(
    worlds: Worlds,
    playing: NDArray[np.bool_],
    actions: NDArray[np.int64],
    rewards: NDArray[np.float64],
    daylights: NDArray[np.float64],
    picture: Picture,
    seen: Seen,
) -> int:
    """Take a step in every world that is playing, and write what is seen then.

    Parameters
    ----------
    worlds : Worlds
        States of the environments.
    playing : ndarray, shape (lanes,), bool
        Which worlds take a step.
    actions : ndarray, shape (lanes,), int64
        Action of each, an index into `engine.spec.ACTIONS`.
    rewards : ndarray, shape (lanes,), float64
        Where to write the reward of each that is playing.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, up to these at least.
    picture : Picture
        What to draw with.
    seen : Seen
        Where to write what is seen, one row per world.

    Returns
    -------
    int
        Always 0.
    """
    for lane in range(len(worlds)):
        if playing[lane]:
            rewards[lane] = step(worlds[lane], actions[lane], daylights)
            observe(worlds[lane], picture, seen, lane, lane)
    return 0


@kernel
def act_lanes(
    worlds: Worlds, playing: NDArray[np.bool_], actions: NDArray[np.int64],
    rows: NDArray[np.int64], daylights: NDArray[np.float64], done: Done, max_rows: int,
) -> int:  # fmt: skip
    """Take a step in every world that is playing, and write what was done and what came of it.

    Parameters
    ----------
    worlds : Worlds
        States of the environments.
    playing : ndarray, shape (lanes,), bool
        Which worlds take a step.
    actions : ndarray, shape (lanes,), int64
        Action of each, an index into `engine.spec.ACTIONS`.
    rows : ndarray, shape (lanes,), int64
        Row of `done` that each writes to.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, up to these at least.
    done : Done
        Rows to write.
    max_rows : int
        Rows at which the episodes are cut, 0 for never.

    Returns
    -------
    int
        Always 0.
    """
    for lane in range(len(worlds)):
        if playing[lane]:
            world, row = worlds[lane], rows[lane]
            done.rewards[row] = step(world, actions[lane], daylights)
            if world.ended == PLAYING and world.step + 1 == max_rows:
                world.ended = CUT
            done.actions[row] = actions[lane]
            done.terminations[row] = world.ended == TERMINATED
            done.truncations[row] = world.ended == TIME_LIMIT or world.ended == CUT
    return 0


@kernel
def draw_lanes(
    worlds: Worlds, drawing: NDArray[np.bool_], images: NDArray[np.int64],
    rows: NDArray[np.int64], picture: Picture, seen: Seen, frames: NDArray[np.uint8],
) -> int:  # fmt: skip
    """Write what is seen in some worlds; exactly once a step.

    Parameters
    ----------
    worlds : Worlds
        States of the environments.
    drawing : ndarray, shape (lanes,), bool
        Which worlds are drawn.
    images, rows : ndarray, shape (lanes,), int64
        Rows of `seen` that each writes to: of pictures and maps, and of small fields.
    picture : Picture
        What to draw with.
    seen : Seen
        Rows to write.
    frames : ndarray, shape (lanes, height * width * 3), uint8
        Where to write the pictures once more.

    Returns
    -------
    int
        Always 0.
    """
    for lane in range(len(worlds)):
        if drawing[lane]:
            image = images[lane]
            observe(worlds[lane], picture, seen, image, rows[lane])
            for at in range(frames.shape[1]):
                frames[lane, at] = seen.frames[image, at]
    return 0


@kernel
def play(
    worlds: Worlds, daylights: NDArray[np.float64], picture: Picture,
    actions: NDArray[np.uint8], choice: NDArray[np.int64], seen: Seen, done: Done,
    lane: int, taken: int, stop: int, chooser: int, image: int, row: int, max_rows: int,
) -> int:  # fmt: skip
    """Play given or chosen actions until the rows are full, there are none or the episode is over.

    Each row is what was seen, then what was done and what came of it. An
    episode that has ended gets one more row, with nothing done.

    Parameters
    ----------
    worlds : Worlds
        States of the environments.
    daylights : ndarray, shape (steps,), float64
        Daylight of each step, up to the last one that can be taken.
    picture : Picture
        What to draw with.
    actions : ndarray, shape (actions,), uint8
        Indices into `engine.spec.ACTIONS`; not looked at if there is a chooser.
    choice : ndarray, shape (places + 1,), int64
        What the chooser is called with, then room for what it returned last.
    seen, done : Seen, Done
        Rows to fill: few of pictures and maps, more of the small fields.
    lane : int
        Number of the world to play.
    taken, stop : int
        Which actions to take: from number `taken` on, up to but not including `stop`. With a
        chooser, the difference is how many.
    chooser : int
        Address of the function that chooses actions, 0 for none.
    image, row : int
        Next rows to fill, of pictures and maps, and of small fields.
    max_rows : int
        Rows at which the episode is cut, 0 for never.

    Returns
    -------
    int
        Number of rows filled, negative if the episode's last row is among them.
        Each took an action, except that last one. `MISCHOSEN` if the chooser returned no action.
    """
    world = worlds[lane]
    if max_rows == 1:
        world.ended = CUT
    filled = 0
    most = len(seen.frames) - image
    while filled < most and (world.ended != PLAYING or taken < stop):
        observe(world, picture, seen, image + filled, row)
        filled += 1
        if world.ended != PLAYING:
            done.actions[row] = 0
            done.rewards[row] = 0
            done.terminations[row] = False
            done.truncations[row] = False
            return -filled
        if chooser:
            action = call(chooser, choice)
            choice[-1] = action
            if not 0 <= action < NUM_ACTIONS:
                return MISCHOSEN
        else:
            action = np.int64(actions[taken])
        done.rewards[row] = step(world, action, daylights)
        if world.ended == PLAYING and world.step + 1 == max_rows:
            world.ended = CUT
        done.actions[row] = action
        done.terminations[row] = world.ended == TERMINATED
        done.truncations[row] = world.ended == TIME_LIMIT or world.ended == CUT
        row += 1
        taken += 1
    return filled


TUPLES: dict[str, type[Any]] = {"scratch": Scratch, "picture": Picture, "seen": Seen, "done": Done}
"""Classes of the arguments that are tuples, by name, for `engine.compiled.jit.compile_entry`."""
