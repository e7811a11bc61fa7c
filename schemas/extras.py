"""Fields that a policy adds to each frame: what they may be, and how they are stored."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from crafter_dataset.schemas.layout import FIELDS, GROUPS, Field
from crafter_dataset.schemas.wording import short_repr

EXTRA_DTYPES = (
    "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    "float16", "float32", "float64",
)  # fmt: skip
"""NumPy names of the types that such a field may have."""

MOST_EXTRAS = 32
"""Such fields of a dataset, at most."""

MOST_EXTRA_BYTES = 4096
"""Bytes of a row of such a field, at most."""

MOST_EXTRA_AXES = 4
"""Axes of such a field beside that of the frames, at most."""

TAKEN = frozenset(
    {*GROUPS, *(field.name for field in FIELDS)}
    | {"id", "length", "return", "end", "policy", "end_reason", "final_frame", "world_seed"}
    | {"is_first", "mask_padding", "obs", "act", "rew", "trunc", "info", "infos"}
)
"""Names of fields and groups, of columns of episodes, and of arrays of windows and exports."""

NAMES = "a small letter, then up to 47 small letters, digits and _"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")


@dataclass(frozen=True)
class ExtraSpec:
    """A field that a policy adds to each frame.

    Parameters
    ----------
    name : str
        Name of the array.
    dtype : str
        NumPy name of its element type.
    shape : tuple of int
        Shape of a row.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] = ()

    @property
    def dims(self) -> dict[str, int]:
        """Names and sizes of the dimensions of a row."""
        return {f"{self.name}_{axis}": size for axis, size in enumerate(self.shape)}

    def field(self) -> Field:
        """Return the array that it is stored as."""
        return Field(
            self.name,
            self.dtype,
            ("frame", *self.dims),
            "stated by the policy with the action at this frame; 0 on an episode's last row",
            extra=True,
        )


def extra_fault(name: Any, dtype: Any, shape: Any) -> tuple[str, str] | None:
    """Return what is wrong with a field that a policy declares.

    Parameters
    ----------
    name, dtype, shape : object
        What should be a name, the NumPy name of a type, and the shape of a row.

    Returns
    -------
    tuple of str, or None
        What is expected and what was found; None if nothing is wrong.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        return f"a name of {NAMES}", short_repr(name)
    if name in TAKEN:
        return "a name that is free", f"{name!r}, which is taken"
    if not isinstance(dtype, str) or dtype not in EXTRA_DTYPES:
        return f"a type of {', '.join(EXTRA_DTYPES)} for {name!r}", short_repr(dtype)
    sides = list(shape) if isinstance(shape, list | tuple) else None
    if sides is None or not all(type(side) is int and side > 0 for side in sides):
        return f"a shape such as () or (17,) for {name!r}", short_repr(shape)
    size = math.prod(sides) * np.dtype(dtype).itemsize
    if len(sides) > MOST_EXTRA_AXES or size > MOST_EXTRA_BYTES:
        return (
            f"at most {MOST_EXTRA_BYTES} bytes a row and {MOST_EXTRA_AXES} axes for {name!r}",
            f"{short_repr(shape)} of {dtype}",
        )
    return None


def is_extras(value: Any) -> bool:
    """Tell whether a JSON value is a list of what `ExtraSpec` holds, of distinct names.

    Parameters
    ----------
    value : object
        A JSON value.
    """
    if not isinstance(value, list | tuple) or not 0 < len(value) <= MOST_EXTRAS:
        return False
    names = set()
    for each in value:
        if not isinstance(each, Mapping):
            return False
        if extra_fault(each.get("name"), each.get("dtype"), each.get("shape")) is not None:
            return False
        names.add(each["name"])
    return len(names) == len(value)
