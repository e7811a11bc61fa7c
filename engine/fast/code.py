"""What the compiled code of the engine, and that which draws, follows from."""

from __future__ import annotations

from crafter_dataset.engine.compiled.code import Code
from crafter_dataset.engine.crafter_constants import crafter_files

STEP = "crafter_dataset.engine.fast.step"
"""Module of the functions that Python calls."""

BRANCH = "crafter_dataset.engine.fast.branch"
"""Module of the function that plays an episode's actions, and others from its frames on."""

DRAWING = "crafter_dataset.engine.fast.drawing"
"""Module of the functions that draw pictures without a world."""

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

PICTURES = Code("pictures", modules=(DRAWING,))
"""All that drawing needs, which is neither crafter nor what plays it."""
