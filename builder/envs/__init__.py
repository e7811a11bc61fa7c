"""Crafter as Gymnasium environments, single and vectorised, on either engine."""

from __future__ import annotations

from builder.envs.lanes import ENGINES, EngineError, LaneError
from builder.envs.single import CrafterEnv
from builder.envs.vector import CrafterVectorEnv

__all__ = ["ENGINES", "CrafterEnv", "CrafterVectorEnv", "EngineError", "LaneError"]
