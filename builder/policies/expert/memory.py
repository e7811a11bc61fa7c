"""What the policy remembers, and the room that its searches work in."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np

from crafter_dataset.engine.spec import ACHIEVEMENTS, MATERIALS

Memory: TypeAlias = Any
"""A record of the type `memory_dtype`; kernels read and write its fields as attributes."""

BUCKETS = 32
"""Queues of a search, one for each cost it may find next: more than any cell's cost."""

WAY = 256
"""Cells of a way that are kept; a longer one is sought again at its end."""

PLANTS = 4
"""Plants that are remembered."""

TASKS = 17
"""More than there are tasks, see `tasks`."""


def memory_dtype(cells: int) -> np.dtype[Any]:
    """Return the record type of the policy's memory.

    Everything is 0 when an episode begins, but what parameters set.

    Parameters
    ----------
    cells : int
        Cells that it has room for, as many as the world's record has.
    """
    return np.dtype(
        [
            # Parameters
            ("goals", "u1", (len(ACHIEVEMENTS),)),  # which achievements to go for
            ("noise", "f8"),  # share of steps that random actions take
            ("sight", "i4"),  # how far it looks, in steps, 0 for all of the map
            # How it is in this episode
            ("begun", "u1"),
            ("salt", "i8"),  # of the unevenness that makes its ways its own
            ("swords_first", "u1"),
            ("hungry", "i4"),  # eats, drinks and sleeps at these levels
            ("thirsty", "i4"),
            ("tired", "i4"),
            ("hurt", "i4"),
            ("idling", "f8"),  # share of steps in which it begins to pause
            ("pause", "i4"),  # steps of a pause still to come
            ("roaming", "i4"),  # how far from its home it lives, in cells
            ("home", "i4"),  # a cell plus 1, or 0 for none
            # Random actions
            ("noise_action", "i4"),
            ("noise_left", "i4"),
            # What it is at
            ("task", "i4"),
            ("task_age", "i4"),
            ("task_count", "i4"),  # how many more
            ("task_what", "i4"),
            ("barred", "i8", (TASKS,)),  # steps until which tasks are not to be had
            ("still", "i4"),  # steps spent in a cell
            ("still_at", "i4"),
            ("shake", "i4"),  # random steps still to take, to get unstuck
            ("plants", "i4", (PLANTS,)),  # cells plus 1, or 0 for none
            ("wall", "i4"),  # a stone set against an enemy, to be left: a cell plus 1, or 0
            ("hunts", "u1"),  # whether it is after skeletons
            ("wall_until", "i8"),
            ("den", "i4"),  # cell to enter a place to sleep from, plus 1, or 0 for none
            ("den_direction", "i4"),
            ("homed", "u1"),  # whether it has been near its plant before it went to sleep
            ("den_age", "i4"),  # steps since it was reached, 0 while it is not
            # The way it goes
            ("way_kind", "i4"),
            ("way_what", "i4"),
            ("way_length", "i4"),
            ("way_at", "i4"),  # the next cell
            ("way_age", "i4"),
            ("way", "i4", (WAY,)),
            # Searches
            ("searches", "i4"),
            ("by_night", "u1"),  # whether to keep off grass, where zombies are
            ("entry", "i4", (len(MATERIALS) + 1,)),  # cost by material, 0 for none
            ("dig", "u1", (len(MATERIALS) + 1,)),
            ("heads", "i4", (BUCKETS,)),
            ("following", "i4", (cells,)),
            ("seen", "i4", (cells,)),  # number of the search that saw the cell
            ("near_enemy", "i4", (cells,)),
            ("cost", "i4", (cells,)),
            ("came", "u1", (cells,)),  # direction
            ("fence", "u1", (cells,)),  # cells beside plants
        ],
        align=True,
    )
