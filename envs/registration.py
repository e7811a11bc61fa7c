"""The environment's place in Gymnasium's registry.

A build has no use for Gymnasium, and every worker process would wait for it. So
the environment is registered when somebody else imports it, now or later.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

ENV_ID = "crafter-dataset/Crafter-v1"


def register() -> None:
    """Register the environment, as soon as Gymnasium is imported."""
    if "gymnasium" in sys.modules:
        _register()
    elif not any(isinstance(finder, _AfterGymnasium) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterGymnasium())


def _register() -> None:
    import gymnasium

    if ENV_ID not in gymnasium.registry:
        gymnasium.register(
            ENV_ID,
            entry_point="crafter_dataset.envs.single:CrafterEnv",
            vector_entry_point="crafter_dataset.envs.vector:CrafterVectorEnv",
        )


class _AfterGymnasium:
    """Finds Gymnasium as the other finders do, to register once it is loaded."""

    def __init__(self) -> None:
        self._asking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "gymnasium" or self._asking:
            return None
        self._asking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._asking = False
        if spec is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def load_and_register(module: ModuleType) -> None:
            load(module)
            _register()
            # Not before: to look for Gymnasium is not yet to load it.
            if self in sys.meta_path:
                sys.meta_path.remove(self)

        spec.loader.exec_module = load_and_register  # type: ignore[method-assign]
        return spec
