"""The player, the creatures and what they do; mirrors `crafter.objects`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rng import randint, uniform
from crafter_dataset.engine.fast.rules import (
    ACHIEVED_ON_COLLECT,
    ARROW,
    ARROW_WALKABLE,
    COLLECT_LEAVES,
    COLLECT_PROBABILITY,
    COLLECT_RECEIVES,
    COLLECT_REQUIRES,
    COLLECTABLE,
    COW,
    DEFEAT_SKELETON,
    DEFEAT_ZOMBIE,
    DO,
    DRINK,
    EAT_COW,
    EAT_PLANT,
    ENERGY,
    FOOD,
    FURNACE,
    HEALTH,
    INITIAL,
    IRON_SWORD,
    LAVA,
    MAKE_ACHIEVEMENT,
    MAKE_GIVES,
    MAKE_NEARBY,
    MAKE_USES,
    MAKES,
    MAXIMUM,
    MOVE_X,
    MOVE_Y,
    NUM_ACHIEVEMENTS,
    NUM_ITEMS,
    PATH,
    PLACE_ACHIEVEMENT,
    PLACE_MATERIAL,
    PLACE_USES,
    PLACE_WHERE,
    PLACES,
    PLANT,
    PLANT_HEALTH,
    PLAYER,
    PLAYER_WALKABLE,
    RIPE,
    SKELETON,
    SLEEP,
    STONE_SWORD,
    TABLE,
    WAKE_UP,
    WALKABLE,
    WATER,
    WOOD_SWORD,
    ZOMBIE,
)
from crafter_dataset.engine.fast.world import (
    PLAYER_ROW,
    add,
    material_at,
    move,
    nearby,
    object_at,
    remove,
    set_material,
)

_DIRECTIONS_X = np.array([-1, 1, 0, 0])
_DIRECTIONS_Y = np.array([0, 0, -1, 1])


@kernel
def _try_move(world: World, row: int, dx: int, dy: int, walkable: NDArray[np.bool_]) -> bool:
    """Move an object by a cell if that is free, and tell whether it is; mirrors `Object.move`.

    As there, an object that was removed stays where it is, whatever is returned.
    """
    x, y = world.x[row] + dx, world.y[row] + dy
    if not _is_free(world, x, y, walkable):
        return False
    move(world, row, x, y)
    return True


@kernel
def _is_free(world: World, x: int, y: int, walkable: NDArray[np.bool_]) -> bool:
    """Tell whether a cell is free and of a walkable material; mirrors `Object.is_free`."""
    return object_at(world, x, y) == 0 and walkable[material_at(world, x, y)]


@kernel
def distance_to_player(world: World, x: int, y: int) -> int:
    """Return how many cells away the player is, both axes added; mirrors `Object.distance`.

    Parameters
    ----------
    world : World
        State of the environment.
    x, y : int
        The cell to measure from.
    """
    return abs(x - world.x[PLAYER_ROW]) + abs(y - world.y[PLAYER_ROW])


@kernel
def _toward_player(world: World, row: int, long_axis: bool) -> tuple[int, int]:
    """Return one step toward the player (dx, dy); mirrors `Object.toward`."""
    dx = world.x[PLAYER_ROW] - world.x[row]
    dy = world.y[PLAYER_ROW] - world.y[row]
    if (abs(dx) > abs(dy)) if long_axis else (abs(dx) <= abs(dy)):
        return (dx > 0) - (dx < 0), 0
    return 0, (dy > 0) - (dy < 0)


@kernel
def _move_randomly(world: World, row: int) -> None:
    """Try to move an object in a random direction; mirrors `Object.random_dir`."""
    direction = randint(world, 4)
    _try_move(world, row, _DIRECTIONS_X[direction], _DIRECTIONS_Y[direction], WALKABLE)


@kernel
def _damage(world: World, row: int, damage: int) -> None:
    """Take health from an object or the player; mirrors the setter of `Object.health`."""
    if row == PLAYER_ROW:
        world.inventory[HEALTH] = max(0, world.inventory[HEALTH] - damage)
    else:
        world.health[row] = max(0, world.health[row] - damage)


@kernel
def add_player(world: World, x: int, y: int) -> None:
    """Put a new player on the map; mirrors `Player.__init__`.

    Parameters
    ----------
    world : World
        With an empty map; the player is added to it.
    x, y : int
        Cell of the player.
    """
    for item in range(NUM_ITEMS):
        world.inventory[item] = INITIAL[item]
    for achievement in range(NUM_ACHIEVEMENTS):
        world.achievements[achievement] = 0
    world.sleeping = False
    world.player_last_health = world.inventory[HEALTH]
    world.hunger = 0
    world.thirst = 0
    world.fatigue = 0
    world.recover = 0
    add(world, PLAYER, x, y, 0)
    world.facing_y[PLAYER_ROW] = 1


@kernel
def update_object(world: World, row: int, action: int) -> None:
    """Let an object act; mirrors `Object.update`.

    Parameters
    ----------
    world : World
        State of the environment; it is changed by what the object does.
    row : int
        Row of the object.
    action : int
        What the player does, an index into `engine.spec.ACTIONS`.
    """
    kind = world.kind[row]
    if kind == PLAYER:
        _update_player(world, action)
    elif kind == COW:
        _update_cow(world, row)
    elif kind == ZOMBIE:
        _update_zombie(world, row)
    elif kind == SKELETON:
        _update_skeleton(world, row)
    elif kind == ARROW:
        _update_arrow(world, row)
    elif kind == PLANT:
        _update_plant(world, row)


@kernel
def _update_player(world: World, action: int) -> None:
    """Let the player take an action; mirrors `Player.update`."""
    x = world.x[PLAYER_ROW] + world.facing_x[PLAYER_ROW]
    y = world.y[PLAYER_ROW] + world.facing_y[PLAYER_ROW]
    material, target = material_at(world, x, y), object_at(world, x, y)
    if world.sleeping:
        if world.inventory[ENERGY] < MAXIMUM[ENERGY]:
            action = SLEEP
        else:
            world.sleeping = False
            world.achievements[WAKE_UP] += 1
    if MOVE_X[action] or MOVE_Y[action]:
        _move_player(world, MOVE_X[action], MOVE_Y[action])
    elif action == DO:
        if target:
            _do_object(world, target)
        else:
            _do_material(world, x, y, material)
    elif action == SLEEP:
        if world.inventory[ENERGY] < MAXIMUM[ENERGY]:
            world.sleeping = True
    elif PLACES[action]:
        if not target:
            _place(world, x, y, material, action)
    elif MAKES[action]:
        _make(world, action)
    _update_life_stats(world)
    _degen_or_regen_health(world)
    for item in range(NUM_ITEMS):
        world.inventory[item] = max(0, min(world.inventory[item], MAXIMUM[item]))
    _wake_up_when_hurt(world)


@kernel
def _update_life_stats(world: World) -> None:
    """Let the player get hungry, thirsty and tired; mirrors `Player._update_life_stats`."""
    world.hunger += 0.5 if world.sleeping else 1.0
    if world.hunger > 25:
        world.hunger = 0
        world.inventory[FOOD] -= 1
    world.thirst += 0.5 if world.sleeping else 1.0
    if world.thirst > 20:
        world.thirst = 0
        world.inventory[DRINK] -= 1
    if world.sleeping:
        world.fatigue = min(world.fatigue - 1, 0)
    else:
        world.fatigue += 1
    if world.fatigue < -10:
        world.fatigue = 0
        world.inventory[ENERGY] += 1
    if world.fatigue > 30:
        world.fatigue = 0
        world.inventory[ENERGY] -= 1


@kernel
def _degen_or_regen_health(world: World) -> None:
    """Let the player's health fall or recover; mirrors `Player._degen_or_regen_health`."""
    if (
        world.inventory[FOOD] > 0
        and world.inventory[DRINK] > 0
        and (world.inventory[ENERGY] > 0 or world.sleeping)
    ):
        world.recover += 2.0 if world.sleeping else 1.0
    else:
        world.recover -= 0.5 if world.sleeping else 1.0
    if world.recover > 25:
        world.recover = 0
        world.inventory[HEALTH] = max(0, world.inventory[HEALTH] + 1)
    if world.recover < -15:
        world.recover = 0
        world.inventory[HEALTH] = max(0, world.inventory[HEALTH] - 1)


@kernel
def _wake_up_when_hurt(world: World) -> None:
    """Wake the player if its health fell; mirrors `Player._wake_up_when_hurt`."""
    if world.inventory[HEALTH] < world.player_last_health:
        world.sleeping = False
    world.player_last_health = world.inventory[HEALTH]


@kernel
def _move_player(world: World, dx: int, dy: int) -> None:
    """Turn and move the player; mirrors `Player._move`. Lava kills after a blocked move, too."""
    world.facing_x[PLAYER_ROW] = dx
    world.facing_y[PLAYER_ROW] = dy
    _try_move(world, PLAYER_ROW, dx, dy, PLAYER_WALKABLE)
    if material_at(world, world.x[PLAYER_ROW], world.y[PLAYER_ROW]) == LAVA:
        world.inventory[HEALTH] = 0


@kernel
def _do_object(world: World, row: int) -> None:
    """Let the player eat or hit an object; mirrors `Player._do_object`."""
    damage = 1
    if world.inventory[WOOD_SWORD]:
        damage = 2
    if world.inventory[STONE_SWORD]:
        damage = 3
    if world.inventory[IRON_SWORD]:
        damage = 5
    kind = world.kind[row]
    if kind == PLANT:
        if world.timer[row] > RIPE:
            world.timer[row] = 0
            world.inventory[FOOD] += 4
            world.achievements[EAT_PLANT] += 1
    elif kind == ZOMBIE:
        _damage(world, row, damage)
        if world.health[row] <= 0:
            world.achievements[DEFEAT_ZOMBIE] += 1
    elif kind == SKELETON:
        _damage(world, row, damage)
        if world.health[row] <= 0:
            world.achievements[DEFEAT_SKELETON] += 1
    elif kind == COW:
        _damage(world, row, damage)
        if world.health[row] <= 0:
            world.inventory[FOOD] += 6
            world.achievements[EAT_COW] += 1
            world.hunger = 0


@kernel
def _do_material(world: World, x: int, y: int, material: int) -> None:
    """Let the player collect a material; mirrors `Player._do_material`."""
    if material == WATER:
        world.thirst = 0
    if not COLLECTABLE[material]:
        return
    for item in range(NUM_ITEMS):
        if world.inventory[item] < COLLECT_REQUIRES[material, item]:
            return
    set_material(world, x, y, COLLECT_LEAVES[material])
    # A number is drawn even where it is certain.
    if uniform(world) <= COLLECT_PROBABILITY[material]:
        for item in range(NUM_ITEMS):
            if COLLECT_RECEIVES[material, item]:
                world.inventory[item] += COLLECT_RECEIVES[material, item]
                world.achievements[ACHIEVED_ON_COLLECT[item]] += 1


@kernel
def _spend(world: World, uses: NDArray[np.int32]) -> bool:
    """Take items from the inventory if all are there, and tell whether they were."""
    for item in range(NUM_ITEMS):
        if world.inventory[item] < uses[item]:
            return False
    for item in range(NUM_ITEMS):
        world.inventory[item] -= uses[item]
    return True


@kernel
def _place(world: World, x: int, y: int, material: int, action: int) -> None:
    """Let the player place a material or a plant; mirrors `Player._place`."""
    if not PLACE_WHERE[action, material] or not _spend(world, PLACE_USES[action]):
        return
    if PLACE_MATERIAL[action]:
        set_material(world, x, y, PLACE_MATERIAL[action])
    else:
        add(world, PLANT, x, y, PLANT_HEALTH)
    world.achievements[PLACE_ACHIEVEMENT[action]] += 1


@kernel
def _make(world: World, action: int) -> None:
    """Let the player make a tool; mirrors `Player._make`."""
    x, y = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    for material in range(MAKE_NEARBY.shape[1]):
        if MAKE_NEARBY[action, material] and not nearby(world, x, y, material):
            return
    if not _spend(world, MAKE_USES[action]):
        return
    for item in range(NUM_ITEMS):
        world.inventory[item] += MAKE_GIVES[action, item]
    world.achievements[MAKE_ACHIEVEMENT[action]] += 1


@kernel
def _update_cow(world: World, row: int) -> None:
    """Let a cow act; mirrors `Cow.update`. As with all creatures, one that dies ends its turn."""
    if world.health[row] <= 0:
        remove(world, row)
    if uniform(world) < 0.5:
        _move_randomly(world, row)


@kernel
def _update_zombie(world: World, row: int) -> None:
    """Let a zombie act; mirrors `Zombie.update`."""
    if world.health[row] <= 0:
        remove(world, row)
    near = distance_to_player(world, world.x[row], world.y[row]) <= 8
    if near and uniform(world) < 0.9:
        dx, dy = _toward_player(world, row, uniform(world) < 0.8)
        _try_move(world, row, dx, dy, WALKABLE)
    else:
        _move_randomly(world, row)
    if distance_to_player(world, world.x[row], world.y[row]) <= 1:
        if world.timer[row]:
            world.timer[row] -= 1
        else:
            _damage(world, PLAYER_ROW, 7 if world.sleeping else 2)
            world.timer[row] = 5


@kernel
def _update_skeleton(world: World, row: int) -> None:
    """Let a skeleton act; mirrors `Skeleton.update`."""
    if world.health[row] <= 0:
        remove(world, row)
    world.timer[row] = max(0, world.timer[row] - 1)
    distance = distance_to_player(world, world.x[row], world.y[row])
    if distance <= 3:
        dx, dy = _toward_player(world, row, uniform(world) < 0.6)
        if _try_move(world, row, -dx, -dy, WALKABLE):
            return
    if distance <= 5 and uniform(world) < 0.5:
        dx, dy = _toward_player(world, row, True)
        _shoot(world, row, dx, dy)
    elif distance <= 8 and uniform(world) < 0.3:
        dx, dy = _toward_player(world, row, uniform(world) < 0.6)
        _try_move(world, row, dx, dy, WALKABLE)
    elif uniform(world) < 0.2:
        _move_randomly(world, row)


@kernel
def _shoot(world: World, row: int, dx: int, dy: int) -> None:
    """Let a skeleton shoot an arrow, if it can; mirrors `Skeleton._shoot`."""
    if world.timer[row] > 0 or (dx == 0 and dy == 0):
        return
    x, y = world.x[row] + dx, world.y[row] + dy
    if _is_free(world, x, y, ARROW_WALKABLE):
        arrow = add(world, ARROW, x, y, 0)
        world.facing_x[arrow] = dx
        world.facing_y[arrow] = dy
        world.timer[row] = 4


@kernel
def _update_arrow(world: World, row: int) -> None:
    """Let an arrow fly; mirrors `Arrow.update`. It hurts whatever it meets."""
    x = world.x[row] + world.facing_x[row]
    y = world.y[row] + world.facing_y[row]
    target = object_at(world, x, y)
    if target:
        _damage(world, target, 2)
        remove(world, row)
    elif not ARROW_WALKABLE[material_at(world, x, y)]:
        remove(world, row)
        material = material_at(world, x, y)
        if material in (TABLE, FURNACE):
            set_material(world, x, y, PATH)
    else:
        move(world, row, x, y)


@kernel
def _update_plant(world: World, row: int) -> None:
    """Let a plant grow, and be eaten by creatures beside it; mirrors `Plant.update`."""
    world.timer[row] += 1
    for direction in range(4):
        x = world.x[row] + _DIRECTIONS_X[direction]
        y = world.y[row] + _DIRECTIONS_Y[direction]
        kind = world.kind[object_at(world, x, y)]
        if kind in (ZOMBIE, SKELETON, COW):
            _damage(world, row, 1)
            break
    if world.health[row] <= 0:
        remove(world, row)
