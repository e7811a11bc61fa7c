"""Crafter as Gymnasium environments, single and vectorised, on either engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from crafter_dataset.engine.engines import ENGINES, EngineError, LaneError

if TYPE_CHECKING:
    from crafter_dataset.envs.single import CrafterEnv
    from crafter_dataset.envs.vector import CrafterVectorEnv

__all__ = ["ENGINES", "CrafterEnv", "CrafterVectorEnv", "EngineError", "LaneError"]


def __getattr__(name: str) -> Any:
    """Import what needs Gymnasium when it is asked for."""
    if name == "CrafterEnv":
        from crafter_dataset.envs.single import CrafterEnv

        return CrafterEnv
    if name == "CrafterVectorEnv":
        from crafter_dataset.envs.vector import CrafterVectorEnv

        return CrafterVectorEnv
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
