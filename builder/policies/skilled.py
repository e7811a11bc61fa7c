"""The policies that see the whole state: an expert, and two that play less well."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from crafter_dataset.builder.errors import PolicyError
from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.builder.policies.expert import PRESETS
from crafter_dataset.builder.policies.expert.goals import with_steps
from crafter_dataset.engine.spec import ACHIEVEMENTS

_EXPERT = f"{__name__.rpartition('.')[0]}.expert"

EXPERT_FOLDER = Path(__file__).parent / "expert"
"""Sources of all three: what they play changes with these."""

SKILLED = tuple(PRESETS)
"""Names of the three."""


def expert(num_envs: int, goals: Sequence[str] | None = None, noise: float = 0.0) -> CompiledPolicy:
    """Make the policy that survives and goes for every achievement.

    Parameters
    ----------
    num_envs : int
        Number of lanes; not looked at.
    goals : sequence of str, optional
        Names of the achievements to go for, with what leads to them; by default all.
    noise : float
        Share of the steps from 0 to 1 that random actions take, which are repeated for a while.

    Raises
    ------
    PolicyError
        If there is no such achievement, or the share is none.
    """
    return _skilled("expert", goals, noise)


def medium(
    num_envs: int, goals: Sequence[str] | None = None, noise: float = PRESETS["medium"]["noise"]
) -> CompiledPolicy:
    """Make an expert that looks less far and does much at random.

    Parameters
    ----------
    num_envs : int
        Number of lanes; not looked at.
    goals : sequence of str, optional
        Names of the achievements to go for, with what leads to them; by default all.
    noise : float
        Share of the steps from 0 to 1 that random actions take.

    Raises
    ------
    PolicyError
        If there is no such achievement, or the share is none.
    """
    return _skilled("medium", goals, noise)


def novice(
    num_envs: int, goals: Sequence[str] | None = None, noise: float = PRESETS["novice"]["noise"]
) -> CompiledPolicy:
    """Make an expert that sees little more than the picture shows and does most at random.

    Parameters
    ----------
    num_envs : int
        Number of lanes; not looked at.
    goals : sequence of str, optional
        Names of the achievements to go for, with what leads to them; by default all.
    noise : float
        Share of the steps from 0 to 1 that random actions take.

    Raises
    ------
    PolicyError
        If there is no such achievement, or the share is none.
    """
    return _skilled("novice", goals, noise)


def _skilled(level: str, goals: Sequence[str] | None, noise: float) -> CompiledPolicy:
    is_number = isinstance(noise, int | float) and not isinstance(noise, bool)
    if not is_number or not 0 <= noise <= 1:
        raise PolicyError(
            "policy_args", f"expected noise to be a number from 0 to 1, found {noise!r}"
        )
    if goals is not None and (isinstance(goals, str) or not isinstance(goals, Sequence)):
        raise PolicyError(
            "policy_args",
            'expected goals to be a list of achievements, such as ["collect_diamond"] with double '
            f"quotes, found {goals!r}",
        )
    for goal in goals or ():
        if goal not in ACHIEVEMENTS:
            raise PolicyError(
                "policy_args", f"expected goals among {', '.join(ACHIEVEMENTS)}, found {goal!r}"
            )
    wanted = with_steps(ACHIEVEMENTS if goals is None else goals)
    start: dict[str, Any] = PRESETS[level] | {
        "goals": np.array([name in wanted for name in ACHIEVEMENTS], np.uint8),
        "noise": float(noise),
    }

    def memory(cells: int) -> np.dtype[Any]:
        from crafter_dataset.builder.policies.expert.memory import memory_dtype

        return memory_dtype(cells)

    return CompiledPolicy(f"{_EXPERT}.choose:choose", memory, start)
