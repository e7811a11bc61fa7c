"""How sequences are written: literals to copy, then a length and distance that repeat.

Source: RFC 8878, section 3.1.1.3.2. Lengths and distances are written as codes,
with Finite State Entropy, and further bits that tell apart what shares a code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.zstd.fse import build_table, first_state, share_states, write_shares
from crafter_dataset.builder.zstd.huffman import close_bits, put_bits
from crafter_dataset.builder.zstd.record import SequenceCodes, StateTable, Work
from crafter_dataset.builder.zstd.words import copy_64, load_byte
from crafter_dataset.engine.compiled.intrinsics import highest_bit
from crafter_dataset.engine.compiled.jit import kernel

LITERALS, DISTANCE, LENGTH = range(3)
"""The three codes, in the order of their descriptions."""

_LOGS = np.array([7, 6, 7])
"""Base-2 logarithms of their numbers of states; more would not make chunks of pictures smaller."""
_RLE, _COMPRESSED, _REPEAT = 1, 2, 3
_LEAST_LENGTH = 3
_CODE_SHIFT = 24
"""Bits for a count of literals or a length, which stay below 2**17; their code is above them."""
_BELOW_CODE = np.uint64(2**_CODE_SHIFT - 1)
_MOST_HELD = np.uint64(57)
"""Bits up to which more may be added: 64, less the 7 that may be left from before."""
_EARLIER = 3
"""Distances that have codes of their own: the last ones used."""

# Codes of small values; those of larger ones are the logarithm plus a constant (tables of that
# section).
_LITERAL_CODES = np.array(
    [*range(16), 16, 16, 17, 17, 18, 18, 19, 19, *[20] * 4, *[21] * 4, *[22] * 8, *[23] * 8,
     *[24] * 16]
)  # fmt: skip
_LENGTH_CODES = np.array(
    [*range(32), 32, 32, 33, 33, 34, 34, 35, 35, *[36] * 4, *[37] * 4, *[38] * 8, *[39] * 8,
     *[40] * 16, *[41] * 16, *[42] * 32]
)  # fmt: skip
_LITERAL_LOG, _LENGTH_LOG = 19, 36
_LITERAL_BITS = np.array([*[0] * 16, 1, 1, 1, 1, 2, 2, 3, 3, 4, *range(6, 17)])
_LENGTH_BITS = np.array([*[0] * 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, *range(7, 17)])

_u = np.uint64


@kernel
def _literal_code(count: int) -> int:
    if count < 64:
        return _LITERAL_CODES[count]
    return np.int64(highest_bit(_u(count))) + _LITERAL_LOG


@kernel
def _length_code(length: int) -> int:
    if length < 128:
        return _LENGTH_CODES[length]
    return np.int64(highest_bit(_u(length))) + _LENGTH_LOG


@kernel
def gather_literals(work: Work) -> None:
    """Copy the literals of all blocks one after the other, and note where each block's end.

    Parameters
    ----------
    work : Work
        The record of the chunk, its sequences found.
    """
    at = count = first = _u(0)
    chunk, chunk_bytes = _u(work.chunk), _u(work.chunk_bytes)
    for block in range(work.block_count):
        end = min(_u((block + 1) * work.block_bytes), chunk_bytes)
        last = _u(work.blocks[block, 0])
        for i in range(first, last + _u(1)):
            # After the last sequence comes what is left of the block.
            literals = _u(work.sequences[i, 0]) if i < last else end - at
            if at + literals + _u(64) <= chunk_bytes:
                # The first 64 bytes untested: a test whether there are any could not be predicted.
                copy_64(work.literals, count, chunk + at)
                for done in range(_u(64), literals, _u(64)):
                    copy_64(work.literals, count + done, chunk + at + done)
            else:
                for done in range(literals):
                    work.literals[count + done] = load_byte(chunk + at + done)
            count += literals
            at += literals
            if i < last:
                at += _u(work.sequences[i, 1])
        work.blocks[block, 1] = np.int64(count)
        first = last
    work.literal_count = np.int64(count)


@kernel
def encode_values(codes: SequenceCodes, sequences: NDArray[np.int32], count: int) -> None:
    """Turn sequences into the values that are written, in place, and count the codes.

    A distance that is one of the last three used becomes 1 to 3, any other 3
    larger; lengths become 3 smaller. Counts of literals and lengths get their
    codes above them, from bit `_CODE_SHIFT` on.

    Parameters
    ----------
    codes : SequenceCodes
        `found` of each table is set.
    sequences : ndarray, shape (room, 3), int32
        Number of literals, length and distance of each.
    count : int
        Number of sequences.
    """
    first, second, third = 1, 4, 8
    literal_codes, distance_codes = codes.tables[LITERALS], codes.tables[DISTANCE]
    length_codes = codes.tables[LENGTH]
    literal_codes.found[:] = 0
    distance_codes.found[:] = 0
    length_codes.found[:] = 0
    for i in range(_u(count)):
        literals, length, distance = sequences[i, 0], sequences[i, 1], sequences[i, 2]
        if distance == first and literals:
            value = 1
        elif distance == second:
            value = 2 if literals else 1
            first, second = distance, first
        elif distance == third:
            value = 3 if literals else 2
            first, second, third = distance, first, second
        else:
            value = distance + _EARLIER
            first, second, third = distance, first, second
        literal_code, length_code = _literal_code(literals), _length_code(length - _LEAST_LENGTH)
        sequences[i, 0] = literals | literal_code << _CODE_SHIFT
        sequences[i, 1] = (length - _LEAST_LENGTH) | length_code << _CODE_SHIFT
        sequences[i, 2] = value
        literal_codes.found[literal_code] += 1
        length_codes.found[length_code] += 1
        distance_codes.found[highest_bit(_u(value))] += 1


@kernel
def build_codes(codes: SequenceCodes) -> None:
    """Build the three codes from what was counted.

    Parameters
    ----------
    codes : SequenceCodes
        `found` of each table is read, the rest is set.
    """
    for kind in range(3):
        table = codes.tables[kind]
        codes.symbols[kind] = share_states(table, _LOGS[kind])
        if codes.symbols[kind] > 1:
            build_table(table)


@kernel
def write_sequences(
    codes: SequenceCodes,
    sequences: NDArray[np.int32],
    start: int,
    stop: int,
    is_first: bool,
    out: NDArray[np.uint8],
    at: int,
) -> int:
    """Write a block's sequences, and return the place after them.

    The first block that has any describes the codes, the others refer to them.

    Parameters
    ----------
    codes : SequenceCodes
        Codes that were built.
    sequences : ndarray, shape (room, 3), int32
        Those of the chunk, as `encode_values` leaves them.
    start, stop : int
        Indices of the block's first one, and of the one after its last.
    is_first : bool
        Whether no block before has any.
    out : ndarray, shape (bytes,), uint8
        Where to write, with room for 8 bytes beyond the sequences.
    at : int
        Index in `out` of the first byte to write.
    """
    count = stop - start
    if count < 128:
        out[at] = count
        at += 1
    elif count < 0x7F00:
        out[at] = (count >> 8) + 128
        out[at + 1] = count & 255
        at += 2
    else:
        out[at] = 255
        out[at + 1] = (count - 0x7F00) & 255
        out[at + 2] = (count - 0x7F00) >> 8
        at += 3
    if count == 0:
        return at
    modes, place = 0, at
    at += 1
    for kind in range(3):
        mode = _REPEAT
        table = codes.tables[kind]
        if is_first and codes.symbols[kind] > 1:
            mode = _COMPRESSED
            at = write_shares(table, out, at)
        elif is_first:
            mode = _RLE
            symbol = 0
            while table.found[symbol] == 0:
                symbol += 1
            out[at] = symbol
            at += 1
        modes = modes << 2 | mode
    out[place] = modes << 2
    return _write_bits(codes, sequences, start, stop, out, at)


@kernel
def _step(table: StateTable, state: int, symbol: int, bits: int, held: int) -> tuple[int, int, int]:
    """Encode a symbol; return the next state, the bits that are held and their number."""
    width = (state + table.bits[symbol]) >> 16
    bits |= (_u(state) & ((_u(1) << _u(width)) - _u(1))) << held
    return table.states[(state >> width) + table.first[symbol]], bits, held + _u(width)


@kernel
def _write_bits(
    codes: SequenceCodes,
    sequences: NDArray[np.int32],
    start: int,
    stop: int,
    out: NDArray[np.uint8],
    at: int,
) -> int:
    """Encode the sequences, the last one first, and return the place after them.

    A code of one symbol has no states and outputs nothing.
    """
    literal_codes, distance_codes = codes.tables[LITERALS], codes.tables[DISTANCE]
    length_codes = codes.tables[LENGTH]
    has_literals, has_distances = codes.symbols[LITERALS] > 1, codes.symbols[DISTANCE] > 1
    has_lengths = codes.symbols[LENGTH] > 1
    by_literals = by_distance = by_length = np.int64(0)
    bits, held = _u(0), _u(0)
    for i in range(stop - 1, start - 1, -1):
        literals, length = _u(sequences[_u(i), 0]), _u(sequences[_u(i), 1])
        distance = _u(sequences[_u(i), 2])
        literal_code, length_code = literals >> _u(_CODE_SHIFT), length >> _u(_CODE_SHIFT)
        distance_code = highest_bit(distance)
        if i == stop - 1:
            by_literals = first_state(literal_codes, literal_code) if has_literals else 0
            by_distance = first_state(distance_codes, distance_code) if has_distances else 0
            by_length = first_state(length_codes, length_code) if has_lengths else 0
        else:
            if has_distances:
                by_distance, bits, held = _step(
                    distance_codes, by_distance, distance_code, bits, held
                )
            if has_lengths:
                by_length, bits, held = _step(length_codes, by_length, length_code, bits, held)
            if has_literals:
                by_literals, bits, held = _step(
                    literal_codes, by_literals, literal_code, bits, held
                )
        width = _u(_LITERAL_BITS[literal_code])
        bits |= (literals & _BELOW_CODE & ((_u(1) << width) - _u(1))) << held
        held += width
        width = _u(_LENGTH_BITS[length_code])
        if held + width + distance_code > _MOST_HELD:
            at, bits, held = put_bits(out, at, bits, held)
        bits |= (length & _BELOW_CODE & ((_u(1) << width) - _u(1))) << held
        held += width
        bits |= (distance & ((_u(1) << distance_code) - _u(1))) << held
        at, bits, held = put_bits(out, at, bits, held + distance_code)
    if has_lengths:
        at, bits, held = _write_state(length_codes, by_length, out, at, bits, held)
    if has_distances:
        at, bits, held = _write_state(distance_codes, by_distance, out, at, bits, held)
    if has_literals:
        at, bits, held = _write_state(literal_codes, by_literals, out, at, bits, held)
    return close_bits(out, at, bits, held)


@kernel
def _write_state(
    table: StateTable, state: int, out: NDArray[np.uint8], at: int, bits: int, held: int
) -> tuple[int, int, int]:
    bits |= (_u(state) & _u((1 << table.log) - 1)) << held
    return put_bits(out, at, bits, held + _u(table.log))
