"""Build trajectory datasets of Crafter.

Importing the package registers the environment with Gymnasium as
`crafter-dataset/Crafter-v1`, single and vectorised.
"""

from __future__ import annotations

import gymnasium

from builder.seeding import policy_generator, world_seed

ENV_ID = "crafter-dataset/Crafter-v1"

__all__ = ["ENV_ID", "policy_generator", "world_seed"]

if ENV_ID not in gymnasium.registry:
    gymnasium.register(
        ENV_ID,
        entry_point="builder.envs.single:CrafterEnv",
        vector_entry_point="builder.envs.vector:CrafterVectorEnv",
    )
