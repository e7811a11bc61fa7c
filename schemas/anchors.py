"""The array `anchors`: of each chunk one record, spread over the chunk's rows.

A record holds, as unsigned numbers of 32 bits: how many chunks before this one the state is from
which its random numbers go on (0 for its own; one more than the episode has before it for the
seed); XXH3-64 of the pixels of its frames, padding left out, low half and high half; and, if the
state is its own, the words that had been taken by then, low half and high half, and the 624 words
of the state. The rest is 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.layout import ANCHOR_WORDS

LEAST_WORDS = 512 * 624
"""Words from the last state, or the seed, on for which a chunk has a state of its own."""

HEAD_WORDS = ANCHOR_WORDS - 624
"""Numbers of a record before the words of its state."""

_HALF = 32
_LOW = 2**_HALF - 1


class Anchors(NamedTuple):
    """The records of some chunks.

    Parameters
    ----------
    back : ndarray, shape (chunks,), int64
        How many chunks before each its state is.
    checksums : ndarray, shape (chunks,), uint64
        Of their pixels.
    words : ndarray, shape (chunks,), int64
        Words that had been taken in each state; 0 where there is none.
    states : ndarray, shape (chunks, 624), uint32
        The states; 0 where there is none.
    """

    back: NDArray[np.int64]
    checksums: NDArray[np.uint64]
    words: NDArray[np.int64]
    states: NDArray[np.uint32]

    def spread(self, chunk_frames: int) -> NDArray[np.uint32]:
        """Return rows of the array.

        Parameters
        ----------
        chunk_frames : int
            Rows of a chunk.

        Returns
        -------
        ndarray, shape (chunks, chunk_frames, words), uint32
            The rows of each chunk.
        """
        count, width = len(self.back), ceil_div(ANCHOR_WORDS, chunk_frames)
        rows = np.zeros((count, chunk_frames * width), np.uint32)
        words = self.words.astype(np.uint64)
        halves = (self.checksums & _LOW, self.checksums >> _HALF, words & _LOW, words >> _HALF)
        rows[:, 0] = self.back
        for place, half in enumerate(halves, 1):
            rows[:, place] = half
        rows[:, ANCHOR_WORDS - self.states.shape[1] : ANCHOR_WORDS] = self.states
        return rows.reshape(count, chunk_frames, width)

    @classmethod
    def gathered(cls, rows: NDArray[np.uint32]) -> Anchors:
        """Read the records of chunks from their rows.

        Parameters
        ----------
        rows : ndarray, shape (chunks, chunk_frames, words), uint32
            What `spread` returned, or anything.
        """
        flat = rows.reshape(len(rows), -1)
        back, checksums = heads_of(rows)
        words = flat[:, 3] | flat[:, 4].astype(np.int64) << _HALF
        return cls(back, checksums, words, np.ascontiguousarray(flat[:, HEAD_WORDS:ANCHOR_WORDS]))


def heads_of(rows: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Return how far back the states of some chunks are, and the checksums of their pictures.

    Parameters
    ----------
    rows : ndarray, shape (chunks, rows, words), uint32
        The first rows of each chunk: `HEAD_WORDS` numbers or more.
    """
    flat = rows.reshape(len(rows), -1)
    checksums = flat[:, 1] | flat[:, 2].astype(np.uint64) << np.uint64(_HALF)
    return flat[:, 0].astype(np.int64), checksums


def checksum_of(frames: NDArray[Any]) -> int:
    """Return the XXH3-64 of some pictures' pixels.

    Parameters
    ----------
    frames : ndarray, uint8
        The frames of a chunk, without padding; contiguous.
    """
    return xxhash.xxh3_64_intdigest(frames.data)
