"""What the engine's compiled code follows from."""

from __future__ import annotations

from crafter_dataset.engine.compiled.code import Code
from crafter_dataset.engine.crafter_constants import crafter_files

STEP = "crafter_dataset.engine.fast.step"
"""Module of the functions that Python calls."""

ENGINE = Code(
    "engine",
    modules=(
        STEP,
        # These make the data that lanes start from, which is kept beside the code.
        "crafter_dataset.engine.fast.textures",
        "crafter_dataset.engine.fast.world",
        "crafter_dataset.engine.fast.worldgen",
    ),
    packages=("crafter", "imageio", "opensimplex", "pillow"),
    files=crafter_files,
)
