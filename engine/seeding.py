"""Where every random number comes from: pure functions of (dataset seed, episode)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def world_seed(seed: int, world: int) -> int:
    """Return the seed of the RandomState behind a world.

    It is the one that `crafter.Env(seed=seed)` uses at its (world + 1)-th
    `reset()` (crafter 1.8.3, `env.py`). Hashes of integers do not depend on
    PYTHONHASHSEED.

    Parameters
    ----------
    seed : int
        Seed of the dataset.
    world : int
        Number of the world, from 0.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.open_dataset("data.zarr")
    >>> int(dataset.episodes["world_seed"][2]) == crafter_dataset.world_seed(7, 2)
    True
    """
    return hash((seed, world + 1)) % (2**31 - 1)


def policy_generator(seed: int, episode: int) -> np.random.Generator:
    """Return the random generator of one episode's policy, of `SeedSequence((seed, episode))`.

    Parameters
    ----------
    seed : int
        Seed of the dataset.
    episode : int
        Number of the episode, from 0.

    Examples
    --------
    >>> import crafter_dataset
    >>> int(crafter_dataset.policy_generator(7, 2).integers(17)) in range(17)
    True
    """
    import numpy as np  # here, since `world_seed` does not need it

    return np.random.default_rng(np.random.SeedSequence((seed, episode)))
