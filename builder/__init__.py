"""Build trajectory datasets of Crafter.

Once the package is imported, Gymnasium knows the environment
`crafter-dataset/Crafter-v1`, single and vectorised.
"""

from __future__ import annotations

from builder.registration import ENV_ID, register
from builder.seeding import policy_generator, world_seed

__all__ = ["ENV_ID", "policy_generator", "world_seed"]

register()
