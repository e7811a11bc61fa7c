"""A chunk of images as one frame of Zstandard; RFC 8878, section 3.1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.zstd.huffman import build_code, write_code, write_stream
from crafter_dataset.builder.zstd.matches import find_repeats
from crafter_dataset.builder.zstd.record import MOST_BLOCK, Work
from crafter_dataset.builder.zstd.sequences import (
    build_codes,
    encode_values,
    gather_literals,
    write_sequences,
)
from crafter_dataset.engine.compiled.jit import kernel

_MAGIC = 0xFD2FB528
_ONE_SEGMENT_OF_4_SIZE_BYTES = 0xA0
_COMPRESSED_BLOCK = 2
_RAW, _COMPRESSED, _TREELESS = 0, 2, 3
_LONG_SIZES = 3
_LEAST_CODED = 256
"""Literals that are enough for a code to be worth its description."""
_ENOUGH_LITERALS = 2**11

_u = np.uint64


@kernel
def encode_frame(
    works: NDArray[np.void], shifts: NDArray[np.int64], chunk: int, chunk_bytes: int
) -> int:
    """Compress a chunk of images.

    Parameters
    ----------
    works : ndarray, shape (1,), dtype of `builder.zstd.record.work_dtype`
        The shape of an image and the distances within it are set; the frame is
        written into `out`.
    shifts : ndarray, shape (distances,), int64
        Distance in bytes to the same place in the image before, then to where it
        would be if the picture had moved each way; 2 or more.
    chunk : int
        Address of the images.
    chunk_bytes : int
        Bytes of the images, which are whole and at most `MOST_BLOCK` bytes each.

    Returns
    -------
    int
        Bytes of the frame; 0 if some block would not get smaller.
    """
    work = works[0]
    work.chunk, work.chunk_bytes = chunk, chunk_bytes
    _find_sequences(work, shifts)
    gather_literals(work)
    encode_values(work.codes, work.sequences, work.count)
    build_codes(work.codes)
    _count_literals(work)
    build_code(work.literal_code)
    return _write_frame(work)


@kernel
def _find_sequences(work: Work, shifts: NDArray[np.int64]) -> None:
    """Find the sequences of all blocks, each of which holds whole images."""
    work.block_bytes = MOST_BLOCK // work.image_bytes * work.image_bytes
    work.count = work.covered = work.block_count = 0
    work.cells[:] = 0
    for start in range(0, work.chunk_bytes, work.block_bytes):
        work.block_first = work.count
        end = min(start + work.block_bytes, work.chunk_bytes)
        for image in range(start, end, work.image_bytes):
            find_repeats(work, image, shifts)
        work.covered = end
        work.blocks[work.block_count, 0] = work.count
        work.block_count += 1


@kernel
def _count_literals(work: Work) -> None:
    """Count the literals; of many, a sample, and every symbol once so that each gets a code."""
    found, count = work.literal_code.found, _u(work.literal_count)
    step = max(count // _u(_ENOUGH_LITERALS), _u(1))
    found[:] = step > _u(1)
    # No multiple of 3, which would sample only one of the three colors.
    step += step % _u(3) == _u(0)
    for i in range(_u(0), count, step):
        found[work.literals[i]] += 1


@kernel
def _write_frame(work: Work) -> int:
    out = work.out
    at = _write_number(out, 0, _MAGIC, 4)
    at = _write_number(out, at, _ONE_SEGMENT_OF_4_SIZE_BYTES, 1)
    at = _write_number(out, at, work.chunk_bytes, 4)
    sequence = literal = 0
    has_code = has_codes = False
    for block in range(work.block_count):
        last_sequence, last_literal = work.blocks[block, 0], work.blocks[block, 1]
        start = at + 3
        at, coded = _write_literals(work, literal, last_literal, not has_code, out, start)
        at = write_sequences(
            work.codes, work.sequences, sequence, last_sequence, not has_codes, out, at
        )
        has_code = has_code or coded
        has_codes = has_codes or last_sequence > sequence
        sequence, literal = last_sequence, last_literal
        if at - start >= min(work.block_bytes, work.chunk_bytes - block * work.block_bytes):
            return 0  # A block may not become larger.
        is_last = block == work.block_count - 1
        header = (at - start) << 3 | _COMPRESSED_BLOCK << 1 | is_last
        _write_number(out, start - 3, header, 3)
    return at


@kernel
def _write_number(out: NDArray[np.uint8], at: int, value: int, count: int) -> int:
    for i in range(count):
        out[at + i] = (value >> (8 * i)) & 255
    return at + count


@kernel
def _write_literals(
    work: Work, start: int, end: int, is_first: bool, out: NDArray[np.uint8], at: int
) -> tuple[int, bool]:
    """Write a block's literals (section 3.1.1.3.1).

    The first block that uses the code describes it, the others refer to it.
    Return the place after the literals, and whether they are written with the code.
    """
    count, code = end - start, work.literal_code
    if count < _LEAST_CODED or code.longest == 0:
        return _write_raw(work, start, end, out, at), False
    place = at + 5
    body = write_code(code, out, place) if is_first else place
    if body == 0:
        return _write_raw(work, start, end, out, at), False
    # Four streams, and before them the sizes of the first three.
    part, stop = (count + 3) // 4, body + 6
    for stream in range(4):
        first, begun = start + stream * part, stop
        stop = write_stream(code, work.literals, first, min(first + part, end), out, stop)
        if stream < 3:
            _write_number(out, body + 2 * stream, stop - begun, 2)
    if stop - at >= count:
        return _write_raw(work, start, end, out, at), False
    kind = _COMPRESSED if is_first else _TREELESS
    header = (stop - place) << 22 | count << 4 | _LONG_SIZES << 2 | kind
    _write_number(out, at, header, 5)
    return stop, True


@kernel
def _write_raw(work: Work, start: int, end: int, out: NDArray[np.uint8], at: int) -> int:
    """Write literals as they are, and return the place after them."""
    at = _write_number(out, at, (end - start) << 4 | _LONG_SIZES << 2 | _RAW, 3)
    for i in range(_u(end - start)):
        out[_u(at) + i] = work.literals[_u(start) + i]
    return at + end - start
