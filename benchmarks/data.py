"""The dataset that a benchmark reads."""

from __future__ import annotations

from pathlib import Path

from crafter_dataset import build


def given_or_built(given: Path | None, folder: Path, frames: int) -> Path:
    """Return the dataset that was asked for, or build one of the default policy in a folder."""
    if given is not None:
        return given
    return Path(build(folder / "data.zarr", frames=frames, progress=False).path)
