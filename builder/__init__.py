"""Build trajectory datasets of Crafter.

Once the package is imported, Gymnasium knows the environment
`crafter-dataset/Crafter-v1`, single and vectorised.
"""

from __future__ import annotations

from crafter_dataset.engine.seeding import policy_generator, world_seed
from crafter_dataset.envs.registration import ENV_ID, register

__all__ = ["ENV_ID", "policy_generator", "world_seed"]

register()
