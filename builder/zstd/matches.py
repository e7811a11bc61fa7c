"""What in a chunk of images repeats, found by comparing it with itself at a few distances.

Crafter's pictures are made of cells. By far the most of a picture is that of
the frame before, perhaps moved by a cell, or a copy of the cell beside or
above. So the places where a repeat can come from are few and known, and each
is compared with the whole image at once, 64 bytes at a time, in the stead of
a search through a hash table as general compressors do it. The lines of a
row of cells are taken together: what repeats is what repeats in each of them.
What is left, cell by cell, is looked for among the cells left before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from crafter_dataset.builder.zstd.record import ABOVE, CELL_BITS, LANES, LEAST, LEFT, MOVED, STILL
from crafter_dataset.builder.zstd.words import equal_64, load_word, longest_run, run_starts
from crafter_dataset.engine.compiled.intrinsics import ones, trailing_zeros
from crafter_dataset.engine.compiled.jit import kernel

_SAMPLED = 512
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
# Odd numbers whose bits are even halves, for a hash.
_FIRST, _LAST = np.uint64(0x9E3779B185EBCA87), np.uint64(0xC2B2AE3D27D4EB4F)

_u = np.uint64


@kernel
def find_repeats(work: Any, start: int, shifts: Any) -> None:
    """Add an image's sequences: bytes that come as they are, then length and distance of a repeat.

    Parameters
    ----------
    work : record
        See `builder.zstd.record.work_dtype`.
    start : int
        The image's first byte in the chunk.
    shifts : ndarray, int64
        Distances to the same in the image before, then to that moved.
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
def _best_shift(work: Any, start: int, shifts: Any) -> int:
    """Tell which of the moves fits best, by a sample of the image."""
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
def _compare(work: Any, start: int, lines: int) -> None:
    """Set bit i of word w of a lane if byte 64 w + i of all lines equals that so far before it."""
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
def _compare_still(work: Any, start: int, lines: int) -> None:
    """Do the same where three lanes are one."""
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
def _compare_with_care(work: Any, start: int, lines: int) -> None:
    """Do the same where some of it would be before the chunk or after it."""
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
def _take_runs(work: Any, start: int, lines: int) -> None:
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
def _run_length(masks: Any, at: int, lane: int) -> int:
    """Count the bytes that a lane goes on for; the masks end with a row of zeros."""
    word, lane = _u(at >> 6) + _u(1), _u(lane)
    while masks[word, lane] == _ALL:
        word += _u(1)
    return np.int64(word << _u(6) | trailing_zeros(~masks[word, lane])) - at


@kernel
def _add_run(work: Any, at: int, run: int, distance: int) -> None:
    count = _u(work.run_count)
    work.runs[count, 0], work.runs[count, 1], work.runs[count, 2] = at, run, distance
    work.run_count += 1


@kernel
def _recall_cells(work: Any, start: int, lines: int, at: int, end: int) -> None:
    """Look for the cells of a gap among those that were in gaps before."""
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
def _is_same_cell(work: Any, here: int, there: int, lines: int) -> bool:
    for line in range(lines):
        for piece in range(0, work.cell_bytes, 64):
            further = work.chunk + line * work.line_bytes + piece
            same = equal_64(_u(here + further), _u(there + further))
            if trailing_zeros(~same) < _u(min(work.cell_bytes - piece, 64)):
                return False
    return True


@kernel
def _add_runs(work: Any, start: int, lines: int) -> None:
    """Add the runs of a line, once for each of the lines."""
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
