"""What the engine's compiled code follows from."""

from __future__ import annotations

from crafter_dataset.engine.compiled.code import Code
from crafter_dataset.engine.crafter_constants import crafter_files

STEP = "crafter_dataset.engine.fast.step"
"""Module of the functions that Python calls."""

BRANCH = "crafter_dataset.engine.fast.branch"
"""Module of the function that plays an episode's actions, and others from its frames on."""

ENGINE = Code(
    "engine",
    modules=(
        STEP,
        BRANCH,
        "crafter_dataset.engine.fast.lane_parts",  # makes data that is kept beside the code
    ),
    packages=("crafter", "imageio", "opensimplex", "pillow"),
    files=crafter_files,
)
