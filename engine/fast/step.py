"""Episodes, step by step; mirrors `crafter.Env.reset` and `crafter.Env.step`.

The functions at the end are what Python calls, as `engine.compiled.native.Entry`:
their arrays come first, then integers.
"""

from __future__ import annotations

from typing import Any

from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.balance import balance_chunks
from crafter_dataset.engine.fast.objects import add_player, distance_to_player, update_object
from crafter_dataset.engine.fast.render import render
from crafter_dataset.engine.fast.rng import seed_words
from crafter_dataset.engine.fast.rules import HEALTH, NUM_ACHIEVEMENTS, NUM_ITEMS
from crafter_dataset.engine.fast.textures import Picture
from crafter_dataset.engine.fast.world import PLAYER_ROW, clear, compact, semantic
from crafter_dataset.engine.fast.worldgen import Scratch, generate_world
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT

PLAYING = 0
"""Value of a world's `ended` while it goes on; then it is an end reason."""


@kernel
def reset(world: Any, seed: int, daylights: Any, scratch: Any) -> None:
    """Start an episode; mirrors `Env.reset`, up to the picture."""
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
def step(world: Any, action: int, daylights: Any) -> float:
    """Take an action and give its reward; mirrors `Env.step`, up to the picture.

    Whether that ended the episode is in `world.ended`.
    """
    world.step += 1
    world.daylight = daylights[world.step]
    compact(world)
    # What is added meanwhile waits a step.
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
def _unlock(world: Any) -> bool:
    """Note the achievements made for the first time, and whether there are any."""
    found = False
    for achievement in range(NUM_ACHIEVEMENTS):
        if world.achievements[achievement] > 0 and not world.unlocked[achievement]:
            world.unlocked[achievement] = True
            found = True
    return found


@kernel
def observe(world: Any, picture: Any, seen: Any, image: int, row: int) -> None:
    """Write what there is to see; exactly once a step, since drawing takes numbers.

    Pictures and maps go into the row `image`, the small fields into `row`.
    """
    render(world, picture, seen.frames[image])
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


@kernel
def reset_lane(worlds: Any, daylights: Any, scratch: Any, lane: int, seed: int) -> int:
    """Start an episode in one world, without looking at it."""
    reset(worlds[lane], seed, daylights, scratch)
    return 0


@kernel
def observe_lane(worlds: Any, picture: Any, seen: Any, lane: int) -> int:
    """Write what there is to see in one world into its row."""
    observe(worlds[lane], picture, seen, lane, lane)
    return 0


@kernel
def step_lanes(
    worlds: Any, playing: Any, actions: Any, rewards: Any, daylights: Any, picture: Any, seen: Any
) -> int:
    """Take a step in every world that is playing, and look at it."""
    for lane in range(len(worlds)):
        if playing[lane]:
            rewards[lane] = step(worlds[lane], actions[lane], daylights)
            observe(worlds[lane], picture, seen, lane, lane)
    return 0


@kernel
def play(
    worlds: Any, daylights: Any, picture: Any, actions: Any, seen: Any, done: Any,
    lane: int, taken: int, stop: int, image: int, row: int, max_rows: int,
) -> int:  # fmt: skip
    """Play on with given actions until the rows are full, the actions used up or the episode over.

    Each row is what was seen, then what was done there and what came of it. An
    episode that has ended gets one more row, with nothing done.

    Parameters
    ----------
    worlds : ndarray of records
    daylights : ndarray, float64
        Daylight of each step.
    picture : Picture
    actions : ndarray, uint8
    seen, done : Seen, Done
        Rows to fill: few of pictures and maps, more of the small fields.
    lane : int
        The world to play.
    taken, stop : int
        The actions to take: from the first number on, up to the second one.
    image, row : int
        Next rows to fill, of pictures and maps, and of small fields.
    max_rows : int
        Rows at which the episode is cut, 0 for never.

    Returns
    -------
    int
        Rows filled; less than 0, its opposite, if the episode's last row is among them.
        Each took an action, but for that one.
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
        done.rewards[row] = step(world, actions[taken], daylights)
        if world.ended == PLAYING and world.step + 1 == max_rows:
            world.ended = CUT
        done.actions[row] = actions[taken]
        done.terminations[row] = world.ended == TERMINATED
        done.truncations[row] = world.ended == TIME_LIMIT or world.ended == CUT
        row += 1
        taken += 1
    return filled


TUPLES: dict[str, type[Any]] = {"scratch": Scratch, "picture": Picture, "seen": Seen, "done": Done}
"""What the arguments of what Python calls are that are no arrays, by their names."""
