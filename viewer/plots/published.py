"""Success rates from Crafter's paper, for comparison.

Source: Hafner, Benchmarking the Spectrum of Agent Capabilities, 2021
(arXiv:2109.06780v2): human experts, 100 episodes of five people, from table
C.1; a random policy from table B.1; the scores from the tables and the
README's scoreboard, where they are means over people or runs.
"""

from __future__ import annotations

from typing import NamedTuple


class Published(NamedTuple):
    """Success rates of one kind of player.

    Parameters
    ----------
    name : str
        Who played.
    score : float
        Crafter score, in percent.
    rates : dict of str to float
        Percent of the episodes in which each achievement was reached.
    """

    name: str
    score: float
    rates: dict[str, float]


HUMAN = Published(
    "human experts",
    50.5,
    {
        "collect_coal": 86,
        "collect_diamond": 12,
        "collect_drink": 92,
        "collect_iron": 53,
        "collect_sapling": 67,
        "collect_stone": 100,
        "collect_wood": 100,
        "defeat_skeleton": 31,
        "defeat_zombie": 84,
        "eat_cow": 89,
        "eat_plant": 8,
        "make_iron_pickaxe": 26,
        "make_iron_sword": 22,
        "make_stone_pickaxe": 78,
        "make_stone_sword": 78,
        "make_wood_pickaxe": 100,
        "make_wood_sword": 45,
        "place_furnace": 32,
        "place_plant": 24,
        "place_stone": 90,
        "place_table": 100,
        "wake_up": 73,
    },
)

RANDOM = Published(
    "random policy",
    1.6,
    {
        "collect_coal": 0.0,
        "collect_diamond": 0.0,
        "collect_drink": 9.3,
        "collect_iron": 0.0,
        "collect_sapling": 50.2,
        "collect_stone": 0.0,
        "collect_wood": 24.4,
        "defeat_skeleton": 0.0,
        "defeat_zombie": 0.1,
        "eat_cow": 0.4,
        "eat_plant": 0.0,
        "make_iron_pickaxe": 0.0,
        "make_iron_sword": 0.0,
        "make_stone_pickaxe": 0.0,
        "make_stone_sword": 0.0,
        "make_wood_pickaxe": 0.3,
        "make_wood_sword": 0.3,
        "place_furnace": 0.0,
        "place_plant": 44.6,
        "place_stone": 0.0,
        "place_table": 4.4,
        "wake_up": 93.6,
    },
)
