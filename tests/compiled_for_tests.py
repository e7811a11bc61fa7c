"""A compiled policy that a user might write; importing it imports the compiler."""

from __future__ import annotations

from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.engine.kernels import DO, MOVE_LEFT, below, kernel


@kernel
def choose(world, memory, random):
    memory.steps += 1
    return DO if memory.steps % 2 else MOVE_LEFT + below(random, 4)


def wanderer(num_envs):
    """Walks and does by turns."""
    return CompiledPolicy(choose, memory=[("steps", "i4")])
