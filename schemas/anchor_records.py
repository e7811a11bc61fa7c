"""What is wrong with records in `anchors`: all but the places of states follows from others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.anchors import HEAD_WORDS, LEAST_WORDS, Anchors, checksum_of
from crafter_dataset.schemas.layout import ANCHOR_WORDS

FindStates = Callable[[NDArray[np.intp]], NDArray[np.uint32]]


def wrong_records(
    found: NDArray[np.uint32],
    words: NDArray[np.int64],
    frames: NDArray[np.uint8],
    find_states: FindStates,
) -> Iterator[tuple[int, str, str]]:
    """Yield what is wrong with the records of an episode, one of each kind.

    Parameters
    ----------
    found : ndarray, shape (chunks, chunk_frames, words), uint32
        Its rows of the array.
    words : ndarray, shape (chunks,), int64
        Random words that had been taken before each chunk's first picture, ascending.
    frames : ndarray, shape (rows, height, width, 3), uint8
        Its frames.
    find_states : callable
        Takes numbers of chunks; returns the state of the random numbers before each,
        shape (chunks, 624), uint32.

    Yields
    ------
    number : int
        Number of the chunk.
    expected, given : str
        What its record is to hold, and what is there.
    """
    chunk = found.shape[1]
    back = Anchors.gathered(found).back
    is_own = back == 0
    at = np.arange(len(back)) - back
    exists = (at == -1) | ((at >= 0) & is_own[np.maximum(at, 0)])
    for number in np.flatnonzero(~exists | (is_own & (words < 1)))[:1].tolist():
        yield number, "the place of a state of the episode, or of its seed", str(back[number])
    # Words up to the last chunk before each that has a state.
    last = np.maximum.accumulate(np.where(is_own, words, 0))
    for number in np.flatnonzero(words - last > LEAST_WORDS)[:1].tolist():
        yield number, "a state", "none"
    states = np.zeros((len(back), ANCHOR_WORDS - HEAD_WORDS), np.uint32)
    states[is_own] = find_states(np.flatnonzero(is_own))
    pieces = [frames[first : first + chunk] for first in range(0, len(frames), chunk)]
    checksums = [checksum_of(np.ascontiguousarray(piece)) for piece in pieces]
    due = Anchors(back, np.array(checksums, np.uint64), np.where(is_own, words, 0), states)
    differs = (due.spread(chunk) != found).any(axis=(1, 2))
    for number in np.flatnonzero(differs)[:1].tolist():
        yield number, "the checksum, words and state that follow from the other arrays", "others"
