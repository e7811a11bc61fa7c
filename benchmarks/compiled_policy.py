"""A compiled policy for `benchmarks.policy_speed`: it walks about, and works on what it faces."""

from __future__ import annotations

from typing import Any

from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.engine.kernels import DO, MOVE_LEFT, below, kernel, uniform


@kernel
def choose(world: Any, memory: Any, random: Any) -> int:
    """Go on in a direction for a while, with a `do` now and then."""
    if uniform(random) < 0.2:
        memory.move = below(random, 4)
    return DO if uniform(random) < 0.3 else MOVE_LEFT + memory.move


def wanderer(num_envs: int) -> CompiledPolicy:
    """Make the policy."""
    return CompiledPolicy(choose, memory=[("move", "i8")])
