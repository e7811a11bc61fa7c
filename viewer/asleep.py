"""Whether the player was asleep, derived from what is stored, since Crafter does not tell."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FULL_ENERGY = 9
"""Upper limit of every item, in `data.yaml`."""

_RECOVERED, _STARVED = 25, -15
"""Limits of the counter by which health grows and shrinks (`Player._degen_or_regen_health`)."""


def asleep(
    actions: NDArray[np.integer],
    health: NDArray[np.integer],
    food: NDArray[np.integer],
    drink: NDArray[np.integer],
    energy: NDArray[np.integer],
    sleep_action: int,
) -> NDArray[np.bool_]:
    """Follow `crafter.objects.Player` through an episode, as far as sleep depends on it.

    The player falls asleep by the action `sleep` with less than full energy,
    and wakes when the energy is full, or when hurt since the last update.
    Creatures change the health after the player's own update, so the two are
    kept apart here: health at a frame, and what the player's own update makes
    of it.

    Parameters
    ----------
    actions, health, food, drink, energy : ndarray, shape (frames,), integer
        Fields of a whole episode, from its first frame on.
    sleep_action : int
        Number of the action `sleep`.

    Returns
    -------
    ndarray, shape (frames,), bool
        Asleep at each frame, as `crafter.Env._player.sleeping` is there.
    """
    sleeps = np.zeros(len(actions), np.bool_)
    if not (actions == sleep_action).any():
        return sleeps
    fed = ((food > 0) & (drink > 0)).tolist()
    acted, lives, powers = (column.tolist() for column in (actions, health, energy))
    most = FULL_ENERGY
    sleeping, recover, last = False, 0.0, most
    for step in range(len(actions) - 1):
        if sleeping:
            sleeping = powers[step] < most
        elif acted[step] == sleep_action and powers[step] < most:
            sleeping = True
        if fed[step + 1] and (powers[step + 1] > 0 or sleeping):
            recover += 2 if sleeping else 1
        else:
            recover -= 0.5 if sleeping else 1
        own = lives[step]
        if recover > _RECOVERED:
            recover, own = 0.0, own + 1
        if recover < _STARVED:
            recover, own = 0.0, own - 1
        own = max(0, min(own, most))
        sleeping = sleeping and own >= last
        last = own
        sleeps[step + 1] = sleeping
    return sleeps
