"""Rows of an episode: what is seen, and what is done there.

Environments write into these, and storage takes them from there, so that a
frame is copied no more than once on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.layout import FRAME_FIELDS


class Seen(NamedTuple):
    """What there is to see, one row a frame or a lane; an array without rows is left out.

    Parameters
    ----------
    frames : ndarray, shape (rows, height * width * 3), uint8
    semantic : ndarray, shape (rows, cells), uint8
    positions : ndarray, shape (rows, 2), int16
    inventory : ndarray, shape (rows, items), uint8
    achievements : ndarray, shape (rows, achievements), uint16
    daylight : ndarray, shape (rows,), float32
    """

    frames: NDArray[np.uint8]
    semantic: NDArray[np.uint8]
    positions: NDArray[np.int16]
    inventory: NDArray[np.uint8]
    achievements: NDArray[np.uint16]
    daylight: NDArray[np.float32]

    @classmethod
    def over(cls, arrays: Mapping[str, NDArray[Any]]) -> Seen:
        """Take arrays by their names, an image's axes as one; what is missing has no rows."""
        fields = [FRAME_FIELDS[name] for name in cls._fields]
        return cls(
            *(
                np.zeros((0,) * min(len(field.dims), 2), field.dtype)
                if field.name not in arrays
                else arrays[field.name].reshape(len(arrays[field.name]), -1)
                if len(field.dims) > 2
                else arrays[field.name]
                for field in fields
            )
        )


class Done(NamedTuple):
    """What was done and what came of it, each an array of shape (rows,)."""

    actions: NDArray[np.uint8]
    rewards: NDArray[np.float32]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
