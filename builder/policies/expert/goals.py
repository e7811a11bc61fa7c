"""What has to be reached for something else to be reached."""

from __future__ import annotations

from collections.abc import Iterable

_STEPS = {
    "collect_coal": ("make_wood_pickaxe",),
    "collect_diamond": ("make_iron_pickaxe",),
    "collect_iron": ("make_iron_pickaxe",),
    "collect_stone": ("make_wood_pickaxe",),
    "collect_wood": ("make_wood_pickaxe",),
    "defeat_skeleton": ("make_stone_sword",),
    "defeat_zombie": ("make_wood_sword",),
    "eat_plant": ("place_plant", "make_wood_pickaxe"),
    "make_iron_pickaxe": ("make_stone_pickaxe",),
    "make_iron_sword": ("make_stone_pickaxe",),
    "make_stone_pickaxe": ("make_wood_pickaxe",),
    "make_stone_sword": ("make_wood_pickaxe",),
    "place_furnace": ("make_iron_pickaxe",),
    "place_plant": ("collect_sapling",),
    "place_stone": ("make_wood_pickaxe",),
    "place_table": ("make_wood_pickaxe",),
    "wake_up": ("make_wood_pickaxe",),
}
"""By achievement, those that it is reached after, or on the way to; others need none.

Nobody goes for wood, iron, a table or a furnace for its own sake, but for the tools that they make;
stones, which a pickaxe gives, fence plants and wall in sleepers.
"""


def with_steps(goals: Iterable[str]) -> set[str]:
    """Return goals with all that has to be reached for them.

    Parameters
    ----------
    goals : iterable of str
        Names of achievements.
    """
    wanted = set[str]()
    waiting = list(goals)
    while waiting:
        goal = waiting.pop()
        if goal not in wanted:
            wanted.add(goal)
            waiting.extend(_STEPS.get(goal, ()))
    return wanted
