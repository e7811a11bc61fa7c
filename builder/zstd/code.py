"""What the encoder's compiled code follows from."""

from __future__ import annotations

from crafter_dataset.engine.compiled.code import Code

FRAME = "crafter_dataset.builder.zstd.frame"
"""Where the function is that Python calls."""

ENCODER = Code("zstd", modules=(FRAME,))
