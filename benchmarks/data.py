"""The dataset that a benchmark reads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def given_or_built(given: Path | None, folder: Path, frames: int) -> Path:
    """Return the dataset that was asked for, or build one of the default policy in a folder."""
    if given is not None:
        return given
    path = folder / "data.zarr"
    script = Path(sys.executable).with_name("build-dataset")
    command = [script, "--out", path, "--frames", str(frames), "--quiet"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return path
