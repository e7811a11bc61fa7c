"""Spawning and despawning; mirrors the balance methods of `crafter.Env`."""

from __future__ import annotations

from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.objects import distance_to_player
from crafter_dataset.engine.fast.rng import randint, uniform
from crafter_dataset.engine.fast.rules import (
    COW,
    COW_HEALTH,
    GRASS,
    PATH,
    SKELETON,
    SKELETON_HEALTH,
    ZOMBIE,
    ZOMBIE_HEALTH,
)
from crafter_dataset.engine.fast.world import CHUNK, add, object_at, remove


@kernel
def balance_chunks(world: World) -> None:
    """Balance every chunk that ever held an object, in the order in which they first did.

    Parameters
    ----------
    world : World
        State of the environment; creatures are added to it and removed.
    """
    for i in range(world.held_chunks):
        _balance_chunk(world, world.held[i])


@kernel
def _balance_chunk(world: World, chunk: int) -> None:
    """Spawn and despawn creatures of each kind in a chunk; mirrors `Env._balance_chunk`."""
    light = world.daylight
    grass = world.grass[chunk]
    most = 3.5 - 3 * light
    _balance_object(
        world,
        chunk,
        ZOMBIE,
        ZOMBIE_HEALTH,
        GRASS,
        6,
        0,
        0.3,
        0.4,
        0.0 if grass < 50 else most,
        most,
    )
    fewest = 0.0 if world.path[chunk] < 6 else 1.0
    _balance_object(world, chunk, SKELETON, SKELETON_HEALTH, PATH, 7, 7, 0.1, 0.1, fewest, 2.0)
    # Zombies spawned above change no material: the count of grass is still right.
    fewest = 0.0 if grass < 30 else 1.0
    _balance_object(world, chunk, COW, COW_HEALTH, GRASS, 5, 5, 0.01, 0.1, fewest, 1.5 + light)


@kernel
def _balance_object(
    world: World, chunk: int, kind: int, health: int, material: int,
    span_distance: int, despan_distance: int, spawn_probability: float, despawn_probability: float,
    target_min: float, target_max: float,
) -> None:  # fmt: skip
    """Spawn or despawn a creature of a kind, or neither; mirrors `Env._balance_object`."""
    creatures = 0
    row = world.first[chunk]
    while row:
        creatures += world.kind[row] == kind
        row = world.next[row]
    if creatures < int(target_min) and uniform(world) < spawn_probability:
        x, y = _choose_cell(world, chunk, material)
        if object_at(world, x, y) == 0 and distance_to_player(world, x, y) >= span_distance:
            add(world, kind, x, y, health)
    elif creatures > int(target_max) and uniform(world) < despawn_probability:
        chosen = _choose_creature(world, chunk, kind, randint(world, creatures))
        if distance_to_player(world, world.x[chosen], world.y[chosen]) >= despan_distance:
            remove(world, chosen)


@kernel
def _choose_cell(world: World, chunk: int, material: int) -> tuple[int, int]:
    """Draw one of a chunk's cells of a material, counted x-major, whether it is free or not."""
    count = world.grass[chunk] if material == GRASS else world.path[chunk]
    skip = randint(world, count)
    x0 = chunk // world.chunk_rows * CHUNK
    y0 = chunk % world.chunk_rows * CHUNK
    for x in range(x0, min(x0 + CHUNK, world.width)):
        for y in range(y0, min(y0 + CHUNK, world.height)):
            if world.materials[x * world.height + y] == material:
                if skip == 0:
                    return x, y
                skip -= 1
    return x0, y0  # not reached: the counts are those of the cells


@kernel
def _choose_creature(world: World, chunk: int, kind: int, skip: int) -> int:
    """Return the row of a chunk's creature number `skip`, in the order in which they entered it."""
    row = world.first[chunk]
    while row:
        if world.kind[row] == kind:
            if skip == 0:
                break
            skip -= 1
        row = world.next[row]
    return row
