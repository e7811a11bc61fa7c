"""What the encoder's compiled code depends on."""

from __future__ import annotations

from crafter_dataset.engine.compiled.code import Code

FRAME = "crafter_dataset.builder.zstd.frame"
"""Module of the function that Python calls."""

ENCODER = Code("zstd", modules=(FRAME,))
