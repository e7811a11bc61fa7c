"""Rows of an episode: what is seen, and what is done.

Environments write into these, and storage takes them from there, so that a
frame is copied no more than once on its way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.layout import FRAME_FIELDS

MISCHOSEN = -(2**62)
"""What filling rows returns if what chooses actions returned a number that is none."""


class Seen(NamedTuple):
    """What is seen, one row per frame or lane; an array with no rows stands for one left out.

    Parameters
    ----------
    frames : ndarray, shape (rows, height * width * 3), uint8
        Pictures, in the order [y, x, channel], RGB.
    semantic : ndarray, shape (rows, cells), uint8
        Ids of materials and objects, in the order [x, y].
    positions : ndarray, shape (rows, 2), int16
        Cell of the player (x, y).
    inventory : ndarray, shape (rows, items), uint8
        Number of each item, in the order of `engine.spec.ITEMS`.
    achievements : ndarray, shape (rows, achievements), uint16
        Times each achievement was reached so far, in the order of `engine.spec.ACHIEVEMENTS`.
    daylight : ndarray, shape (rows,), float32
        0 is night, 1 is day.
    tiles : ndarray, shape (rows, columns * lines of the local view), uint8
        What each cell shows, in the order [x, y]; see `engine.tiles`.
    sleeping : ndarray, shape (rows,), bool
        Whether the player sleeps.
    random_words : ndarray, shape (rows,), int64
        Words that were taken from the world's random numbers, since they were seeded and before
        the picture was drawn, or `engine.fast.scenes.UNKNOWN_WORDS`.
    """

    frames: NDArray[np.uint8]
    semantic: NDArray[np.uint8]
    positions: NDArray[np.int16]
    inventory: NDArray[np.uint8]
    achievements: NDArray[np.uint16]
    daylight: NDArray[np.float32]
    tiles: NDArray[np.uint8]
    sleeping: NDArray[np.bool_]
    random_words: NDArray[np.int64]

    @classmethod
    def over(cls, arrays: Mapping[str, NDArray[Any]]) -> Seen:
        """Make views of arrays, with the axes of pictures and maps flattened into one.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            Arrays by field name, of shape (rows, ...) and the types above; those missing get no
            rows, and other names are ignored.

        Returns
        -------
        Seen
            Sharing the memory of the arrays.
        """
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
    """What was done and what came of it, one row per frame.

    Parameters
    ----------
    actions : ndarray, shape (rows,), uint8
        Actions, as indices into `engine.spec.ACTIONS`; 0 on an episode's last row.
    rewards : ndarray, shape (rows,), float32
        Rewards that the actions caused.
    terminations : ndarray, shape (rows,), bool
        Whether the player died of the action.
    truncations : ndarray, shape (rows,), bool
        Whether the action reached the time limit, or the episode was cut after it.
    """

    actions: NDArray[np.uint8]
    rewards: NDArray[np.float32]
    terminations: NDArray[np.bool_]
    truncations: NDArray[np.bool_]
