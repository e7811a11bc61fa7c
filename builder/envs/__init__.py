"""Crafter as Gymnasium environments, single and vectorised."""

from __future__ import annotations

from builder.envs.single import CrafterEnv
from builder.envs.vector import CrafterVectorEnv, LaneError

__all__ = ["CrafterEnv", "CrafterVectorEnv", "LaneError"]
