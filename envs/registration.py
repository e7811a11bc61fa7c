"""The environment's place in Gymnasium's registry."""

from __future__ import annotations

ENV_ID = "crafter-dataset/Crafter-v1"
"""Id of the environment, for `gymnasium.make` and `gymnasium.make_vec`."""

ENTRY_POINT = "crafter_dataset.envs.single:CrafterEnv"
VECTOR_ENTRY_POINT = "crafter_dataset.envs.vector:CrafterVectorEnv"


def register() -> None:
    """Register the environment with Gymnasium, unless it is registered already."""
    from gymnasium.envs import registration

    if ENV_ID not in registration.registry:
        registration.register(
            ENV_ID, entry_point=ENTRY_POINT, vector_entry_point=VECTOR_ENTRY_POINT
        )
