"""Crafter for Gymnasium, single and vectorised, on either engine.

Once the package is imported, Gymnasium knows the environment as `ENV_ID`.
"""

from __future__ import annotations

from crafter_dataset.envs.registration import ENV_ID, register
from crafter_dataset.envs.single import CrafterEnv
from crafter_dataset.envs.vector import CrafterVectorEnv

__all__ = ["ENV_ID", "CrafterEnv", "CrafterVectorEnv"]

register()
