"""Tools: what is needed for the next one, and where to make it."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.policies.expert.ground import (
    ARRIVED,
    FIRST_MOVE,
    LOST,
    NOOP,
    ahead,
    beside,
    enter,
    here,
    is_free,
)
from crafter_dataset.builder.policies.expert.memory import Memory
from crafter_dataset.builder.policies.expert.ways import FAR, MATERIAL, go, go_do
from crafter_dataset.engine.compiled.jit import kernel
from crafter_dataset.engine.fast.generator import Random, below
from crafter_dataset.engine.fast.kinds import World
from crafter_dataset.engine.fast.rules import (
    COAL,
    DO,
    FURNACE,
    IRON,
    LAVA,
    MAKE_ACHIEVEMENT,
    MAKE_GIVES,
    MAKE_NEARBY,
    MAKE_USES,
    NUM_ITEMS,
    PLACE_USES,
    PLACE_WHERE,
    STONE,
    TABLE,
    TREE,
)
from crafter_dataset.engine.fast.world import PLAYER_ROW, nearby
from crafter_dataset.engine.spec import ACTIONS, ITEMS

MAKE_TOOLS = np.array(
    [
        ACTIONS.index(f"make_{name}")
        for name in (
            "wood_pickaxe", "wood_sword", "stone_pickaxe", "stone_sword",
            "iron_pickaxe", "iron_sword",
        )
    ]
)  # fmt: skip
"""Actions that make tools, in pairs that need the same."""

PLACE_TABLE = ACTIONS.index("place_table")
PLACE_FURNACE = ACTIONS.index("place_furnace")

_WOOD, _STONE, _COAL, _IRON = (ITEMS.index(n) for n in ("wood", "stone", "coal", "iron"))
_TOOL_ITEM = np.array([int(np.argmax(MAKE_GIVES[action])) for action in MAKE_TOOLS])
_FROM = np.zeros(NUM_ITEMS, np.int64)
for _item, _material in ((_WOOD, TREE), (_STONE, STONE), (_COAL, COAL), (_IRON, IRON)):
    _FROM[_item] = _material
_ORDER = np.array([_WOOD, _STONE, _COAL, _IRON])
_TABLE_NEAR = 25


@kernel
def next_tool(world: World, memory: Memory) -> int:
    """Return the index of the next tool to make, -1 if there is none.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        Says which tools to go for, and whether swords come before pickaxes.
    """
    for i in range(len(MAKE_TOOLS)):
        tool = i ^ 1 if memory.swords_first and i < 4 else i
        wanted = memory.goals[MAKE_ACHIEVEMENT[MAKE_TOOLS[tool]]]
        if wanted and world.inventory[_TOOL_ITEM[tool]] == 0:
            return np.int64(tool)
    return np.int64(-1)


@kernel
def craft(world: World, memory: Memory, random: Random) -> int:
    """Return the next action toward the next tool.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        What is remembered.
    random : Random
        For what may be done either way.

    Returns
    -------
    int
        An action, or `LOST` if something is missing and cannot be had, or no tool is wanted.
    """
    tool = next_tool(world, memory)
    if tool < 0:
        return LOST
    action = MAKE_TOOLS[tool]
    x, y = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    table = x > 0 and y > 0 and nearby(world, x, y, TABLE)
    furnace = x > 0 and y > 0 and nearby(world, x, y, FURNACE)
    needs_furnace = MAKE_NEARBY[action, FURNACE] and not furnace
    for i in range(len(_ORDER)):
        item = _ORDER[i]
        amount = MAKE_USES[action, item]
        if tool >= 4 or (tool < 4 and world.inventory[_TOOL_ITEM[tool ^ 1]] == 0):
            amount *= 1 + (world.inventory[_TOOL_ITEM[tool ^ 1]] == 0)
        if not table:
            amount += PLACE_USES[PLACE_TABLE, item]
        if needs_furnace:
            amount += PLACE_USES[PLACE_FURNACE, item]
        if world.inventory[item] >= amount:
            continue
        step = go_do(world, memory, random, MATERIAL, _FROM[item], FAR)
        if step != LOST:
            return step
        if world.inventory[item] < MAKE_USES[action, item]:
            return LOST
    if table and not needs_furnace:
        return action
    if table:
        return place_here(world, memory, random, PLACE_FURNACE)
    step = go(world, memory, random, MATERIAL, TABLE, _TABLE_NEAR)
    if step != LOST and step != ARRIVED:
        return step
    return place_here(world, memory, random, PLACE_TABLE)


@kernel
def place_here(world: World, memory: Memory, random: Random, action: int) -> int:
    """Return the action to place something in front of the player, or to make it possible.

    Parameters
    ----------
    world : World
        State of the environment.
    memory : Memory
        With `dig` as `look` has left it.
    random : Random
        For where to turn.
    action : int
        The action that places it.
    """
    front = ahead(world)
    x, y = world.x[PLAYER_ROW], world.y[PLAYER_ROW]
    # Beside these edges Crafter finds nothing nearby.
    if x == 0:
        return enter(world, memory, 1)
    if y == 0:
        return enter(world, memory, 3)
    if front >= 0 and world.object_at[front] == 0 and not memory.fence[front]:
        material = world.materials[front]
        if PLACE_WHERE[action, material]:
            return action
        if memory.dig[material]:
            return DO
    first = below(random, 4)
    for turn in range(4):
        direction = (first + turn) & 3
        to = beside(world, here(world), direction)
        if to < 0 or world.materials[to] == LAVA:
            continue
        if is_free(world, to) or memory.dig[world.materials[to]]:
            return FIRST_MOVE + direction
    return NOOP
