"""Arrays that batches are drawn from, kept from one batch to the next.

Compiled code is handed addresses: those of the same arrays need not be found again.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from crafter_dataset.engine.fast.scenes import WORDS, Cuts, Records
from crafter_dataset.schemas.layout import FRAME_FIELDS

_LEAST_ROWS, _LEAST_PIECES = 512, 16
_MOST_KEPT = 2**17
"""Rows of the largest room that is kept."""


class Room:
    """Room for a batch.

    Parameters
    ----------
    rows, pieces : int
        Rows that it has room for, at least, and pieces.
    row_shapes : mapping of str to tuple of int
        Shape of a row of each field that a frame is drawn from.
    """

    def __init__(self, rows: int, pieces: int, row_shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.rows, self.pieces = max(rows, _LEAST_ROWS), max(pieces, _LEAST_PIECES)
        self.read = {
            name: np.zeros((self.rows, *shape), FRAME_FIELDS[name].dtype)
            for name, shape in row_shapes.items()
        }
        flat = {
            name: values.reshape(self.rows, -1) if values.ndim > 1 else values
            for name, values in self.read.items()
        }
        self.records = Records(**flat, light=np.zeros(self.rows))
        number = np.zeros((4, self.pieces), np.int64)
        states = np.zeros((self.pieces, WORDS), np.uint32)
        self.cuts = Cuts(number[0], number[1], number[2], states, number[3])

    def holds(self, rows: int, pieces: int) -> bool:
        """Tell whether a batch has room.

        Parameters
        ----------
        rows, pieces : int
            Its rows and pieces.
        """
        return rows <= self.rows and pieces <= self.pieces


class Rooms:
    """Rooms that are not in use; threads may share them.

    Parameters
    ----------
    row_shapes : mapping of str to tuple of int
        As for `Room`.
    """

    def __init__(self, row_shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._row_shapes = row_shapes
        self._free: list[Room] = []

    def take(self, rows: int, pieces: int) -> Room:
        """Return room for a batch, which nobody else has.

        Parameters
        ----------
        rows, pieces : int
            Rows and pieces of the batch.
        """
        try:
            room = self._free.pop()
        except IndexError:
            return Room(rows, pieces, self._row_shapes)
        if room.holds(rows, pieces):
            return room
        return Room(max(rows, room.rows), max(pieces, room.pieces), self._row_shapes)

    def give_back(self, room: Room) -> None:
        """Keep a room for the next batch, unless it is very large.

        Parameters
        ----------
        room : Room
            The room, which is not used any more.
        """
        if room.rows <= _MOST_KEPT:
            self._free.append(room)
