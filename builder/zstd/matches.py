"""Repeats in a chunk of images, found by comparing it with itself at a few distances.

Crafter's pictures are made of cells. Most of a picture equals the frame
before, perhaps moved by a cell, or copies the cell to the left or above. So a
repeat can come from a few known distances only. Each is compared with the
whole image, 64 bytes at a time, instead of searching a hash table as general
compressors do. The lines of a row of cells are compared together: a repeat
must be one in each of them. Cells that are left over are looked up among those
left over before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.zstd.record import (
    ABOVE,
    CELL_BITS,
    LANES,
    LEAST,
    LEFT,
    MOVED,
    STILL,
    Work,
)
from crafter_dataset.builder.zstd.words import equal_64, load_word, longest_run, run_starts
from crafter_dataset.engine.compiled.intrinsics import ones, trailing_zeros
from crafter_dataset.engine.compiled.jit import kernel

_SAMPLED = 512
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# For a hash: the first two 64-bit primes of xxHash.
_FIRST, _LAST = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)

_u = np.uint64


@kernel
def find_repeats(work: Work, start: int, shifts: NDArray[np.int64]) -> None:
    """Add an image's sequences: number of literals, then length and distance of a repeat.

    Parameters
    ----------
    work : Work
        The record of the chunk.
    start : int
        Index in the chunk of the image's first byte.
    shifts : ndarray, shape (distances,), int64
        Distance in bytes to the same place in the image before, then to where it
        would be if the picture had moved each way; 2 or more.
    """
    work.distances[STILL] = shifts[0]
    work.distances[MOVED] = _best_shift(work, start, shifts)
    furthest = 0
    for lane in range(LANES):
        furthest = max(furthest, work.distances[lane])
    line = 0
    while line < work.lines:
        height = work.border_lines if line < work.border_lines else work.band_lines
        lines = min(height, work.lines - line)
        first = start + line * work.line_bytes
        # Whole blocks of 64 bytes are read, which reach beyond the last line's end.
        end = first + (lines - 1) * work.line_bytes + 64 * work.words
        if first >= furthest and end <= work.chunk_bytes:
            _compare(work, first, lines)
        else:
            _compare_with_care(work, first, lines)
        _take_runs(work, first, lines)
        _add_runs(work, first, lines)
        line += lines


@kernel
def _best_shift(work: Work, start: int, shifts: NDArray[np.int64]) -> int:
    """Return the distance of the move that fits a sample of the image best."""
    best, most = shifts[1], np.int64(-1)
    if len(shifts) == 2:
        return best
    for shift in shifts[1:]:
        count = np.int64(0)
        if start >= shift:
            for at in range(start, start + work.image_bytes - 63, _SAMPLED):
                here = _u(work.chunk + at)
                count += np.int64(ones(equal_64(here, here - _u(shift))))
        if count > most:
            best, most = shift, count
    return best


@kernel
def _compare(work: Work, start: int, lines: int) -> None:
    """Set bit i of a lane's word w if byte 64 w + i equals the one at its distance in all lines."""
    left, above = _u(work.distances[LEFT]), _u(work.distances[ABOVE])
    still, moved = _u(work.distances[STILL]), _u(work.distances[MOVED])
    line_bytes = _u(work.line_bytes)
    if still == moved and still == above:  # as in maps
        _compare_still(work, start, lines)
        return
    for word in range(_u(work.words)):
        at = _u(work.chunk + start) + _u(64) * word
        is_left = is_above = is_still = is_moved = _ALL
        for _ in range(lines):
            is_left &= equal_64(at, at - left)
            is_above &= equal_64(at, at - above)
            is_still &= equal_64(at, at - still)
            is_moved &= equal_64(at, at - moved)
            at += line_bytes
        work.masks[word, LEFT], work.masks[word, ABOVE] = is_left, is_above
        work.masks[word, STILL], work.masks[word, MOVED] = is_still, is_moved


@kernel
def _compare_still(work: Work, start: int, lines: int) -> None:
    """Do what `_compare` does, where three lanes have the same distance."""
    left, still = _u(work.distances[LEFT]), _u(work.distances[STILL])
    line_bytes = _u(work.line_bytes)
    for word in range(_u(work.words)):
        at = _u(work.chunk + start) + _u(64) * word
        is_left = is_still = _ALL
        for _ in range(lines):
            is_left &= equal_64(at, at - left)
            is_still &= equal_64(at, at - still)
            at += line_bytes
        work.masks[word, LEFT] = is_left
        work.masks[word, ABOVE] = work.masks[word, STILL] = work.masks[word, MOVED] = is_still


@kernel
def _compare_with_care(work: Work, start: int, lines: int) -> None:
    """Do what `_compare` does, where some bytes would lie before or after the chunk."""
    for word in range(work.words):
        for lane in range(LANES):
            distance = work.distances[lane]
            mask = _ALL
            for line in range(lines):
                at = start + line * work.line_bytes + 64 * word
                if at >= distance and at + 64 <= work.chunk_bytes:
                    mask &= equal_64(_u(work.chunk + at), _u(work.chunk + at - distance))
                else:
                    mask = _u(0)
            work.masks[word, lane] = mask


@kernel
def _take_runs(work: Work, start: int, lines: int) -> None:
    """Cover the lines of a band with runs of repeats, the longest one at each place."""
    at, covered, end, lane = 0, 0, work.line_bytes, LANES - 1
    work.run_count = 0
    while at < end:
        best = longest_run(work.masks, _u(at), _u(lane))
        run, lane = np.int64(best >> _u(8) & _u(0xFF)), np.int64(best & _u(0xFF))
        if run < LEAST:
            skip = np.int64(trailing_zeros(run_starts(work.masks, _u(at))))
            at += max(min(skip, 65 - LEAST), 1)
            continue
        if run == 64:
            run = _run_length(work.masks, at, lane)
        run = min(run, end - at)
        if run < LEAST:
            break  # it ends in another line
        _recall_cells(work, start, lines, covered, at)
        _add_run(work, at, run, work.distances[lane])
        at += run
        covered = at
    _recall_cells(work, start, lines, covered, end)


@kernel
def _run_length(masks: NDArray[np.uint64], at: int, lane: int) -> int:
    """Count the bytes that a lane's repeat goes on for; the masks end with a row of zeros."""
    word, lane = _u(at >> 6) + _u(1), _u(lane)
    while masks[word, lane] == _ALL:
        word += _u(1)
    return np.int64(word << _u(6) | trailing_zeros(~masks[word, lane])) - at


@kernel
def _add_run(work: Work, at: int, run: int, distance: int) -> None:
    count = _u(work.run_count)
    work.runs[count, 0], work.runs[count, 1], work.runs[count, 2] = at, run, distance
    work.run_count += 1


@kernel
def _recall_cells(work: Work, start: int, lines: int, at: int, end: int) -> None:
    """Look up the cells of a gap among those that were in gaps before."""
    size, border = work.cell_bytes, work.border_bytes
    if end - at < size or start + (lines - 1) * work.line_bytes + end + 64 > work.chunk_bytes:
        return
    first = border + max(at - border + size - 1, 0) // size * size
    for place in range(first, end - size + 1, size):
        here = start + place
        key = load_word(_u(work.chunk + here)) * _FIRST
        key += load_word(_u(work.chunk + here + size - 8)) * _LAST
        key = ((key ^ (key >> _u(29))) * _FIRST) >> _u(64 - CELL_BITS)
        # One more than the place, so that 0 is none.
        earlier = work.cells[key]
        work.cells[key] = here + 1
        if earlier and _is_same_cell(work, here, earlier - 1, lines):
            _add_run(work, place, size, here + 1 - earlier)


@kernel
def _is_same_cell(work: Work, here: int, there: int, lines: int) -> bool:
    for line in range(lines):
        for piece in range(0, work.cell_bytes, 64):
            further = work.chunk + line * work.line_bytes + piece
            same = equal_64(_u(here + further), _u(there + further))
            if trailing_zeros(~same) < _u(min(work.cell_bytes - piece, 64)):
                return False
    return True


@kernel
def _add_runs(work: Work, start: int, lines: int) -> None:
    """Add the runs of a band to the sequences, once for each of its lines."""
    if work.run_count == 0:
        return
    count, covered, first = _u(work.count), work.covered, _u(work.block_first)
    distance = np.int64(work.sequences[count - _u(1), 2]) if count > first else 0
    for line in range(lines):
        begin = start + line * work.line_bytes
        for i in range(_u(work.run_count)):
            place, run = begin + work.runs[i, 0], work.runs[i, 1]
            if place == covered and work.runs[i, 2] == distance:
                work.sequences[count - _u(1), 1] += run
            else:
                distance = work.runs[i, 2]
                work.sequences[count, 0] = place - covered
                work.sequences[count, 1] = run
                work.sequences[count, 2] = distance
                count += _u(1)
            covered = place + run
    work.count, work.covered = np.int64(count), covered
