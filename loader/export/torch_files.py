"""Files that PyTorch reads. Only this module of the exporters imports PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from crafter_dataset.schemas.errors import MissingPackageError


def require_torch() -> ModuleType:
    """Import PyTorch and return it, or say how to install it.

    Raises
    ------
    MissingPackageError
        If it is not there.
    """
    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingPackageError("PyTorch", "torch") from error
    return torch


def save(path: Path, content: Mapping[str, Any]) -> None:
    """Write a dict with `torch.save`, its arrays as tensors.

    Arrays inside dicts become tensors too. A pickle of a tensor does not depend
    on NumPy's version, and PyTorch reads it without running foreign code.

    Parameters
    ----------
    path : Path
        The file; its folder is made if it is not there.
    content : mapping of str to object
        What to write.

    Raises
    ------
    MissingPackageError
        If PyTorch is not installed.
    """
    torch = require_torch()
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(_with_tensors(torch, content), path)


def _with_tensors(torch: ModuleType, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return torch.from_numpy(np.ascontiguousarray(value))
    if type(value) is dict:  # not a Counter
        return {key: _with_tensors(torch, item) for key, item in value.items()}
    return value
