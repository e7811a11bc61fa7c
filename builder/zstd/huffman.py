"""Huffman's code of the literals; RFC 8878, section 4.2."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.zstd.fse import build_table, first_state, share_states, write_shares
from crafter_dataset.builder.zstd.record import BYTES, LiteralCode
from crafter_dataset.builder.zstd.words import store_word
from crafter_dataset.engine.compiled.intrinsics import highest_bit
from crafter_dataset.engine.compiled.jit import inlined, kernel

MOST_BITS = 11
"""Bits of a symbol's code, at most."""

_WEIGHT_LOG = 6
_MOST_DESCRIBED = 127
"""Bytes of a description, at most."""

_u = np.uint64


@kernel
def build_code(code: LiteralCode) -> int:
    """Build the code of the bytes that were found.

    The lengths are those of D. Huffman's tree (1952), but no longer than `MOST_BITS`.

    Parameters
    ----------
    code : LiteralCode
        `found` is read; `length`, `entry` and `longest` are set.

    Returns
    -------
    int
        Number of different bytes that were found; with fewer than two there is
        no code, and `longest` is 0.
    """
    count = code.longest = 0
    for symbol in range(BYTES):
        code.length[symbol] = 0
        if code.found[symbol]:
            code.weight[count] = code.found[symbol] << 8 | symbol
            count += 1
    if count < 2:
        return count
    _sort(code, count)
    for i in range(count):
        code.order[i] = code.weight[i] & 255
        code.weight[i] >>= 8
    _grow_tree(code, count)
    _limit(code, count)
    for i in range(count):
        code.length[code.order[i]] = code.depth[i]
        code.longest = max(code.longest, code.depth[i])
    _number(code)
    return count


@kernel
def _sort(code: LiteralCode, count: int) -> None:
    """Sort the weights: first by their logarithm, then by insertion, which moves them little."""
    starts, sorted_weight = code.order, code.parent
    for i in range(65):
        starts[i] = 0
    for i in range(count):
        starts[highest_bit(_u(code.weight[i])) + _u(1)] += 1
    for i in range(64):
        starts[i + 1] += starts[i]
    for i in range(count):
        bucket = highest_bit(_u(code.weight[i]))
        sorted_weight[starts[bucket]] = code.weight[i]
        starts[bucket] += 1
    for i in range(count):
        value, place = sorted_weight[i], i
        while place > 0 and code.weight[place - 1] > value:
            code.weight[place] = code.weight[place - 1]
            place -= 1
        code.weight[place] = value


@kernel
def _grow_tree(code: LiteralCode, count: int) -> None:
    """Join the two lightest nodes until one is left; leaves and joined nodes are both in order."""
    leaf, joined, last = 0, count, 2 * count - 1
    for node in range(count, last):
        code.weight[node] = 0
        for _ in range(2):
            is_leaf = leaf < count and (joined >= node or code.weight[leaf] <= code.weight[joined])
            child = leaf if is_leaf else joined
            leaf += is_leaf
            joined += not is_leaf
            code.weight[node] += code.weight[child]
            code.parent[child] = node
    code.depth[last - 1] = 0
    for node in range(last - 2, -1, -1):
        code.depth[node] = code.depth[code.parent[node]] + 1


@kernel
def _limit(code: LiteralCode, count: int) -> None:
    """Shorten the codes that are too long at the cost of others, and leave no code unused."""
    room = 1 << MOST_BITS
    for i in range(count):
        code.depth[i] = min(code.depth[i], MOST_BITS)
        room -= 1 << (MOST_BITS - code.depth[i])
    # The rarest symbols come first.
    i = 0
    while room < 0:
        if code.depth[i] < MOST_BITS:
            code.depth[i] += 1
            room += 1 << (MOST_BITS - code.depth[i])
        else:
            i += 1
    while room > 0:
        for i in range(count - 1, -1, -1):
            gain = 1 << (MOST_BITS - code.depth[i])
            if gain <= room:
                code.depth[i] -= 1
                room -= gain


@kernel
def _number(code: LiteralCode) -> None:
    """Number the codes: the longest ones first, within a length by symbol."""
    following = code.parent
    for length in range(MOST_BITS + 1):
        following[length] = 0
    for symbol in range(BYTES):
        following[code.length[symbol]] += 1
    number = 0
    for length in range(MOST_BITS, 0, -1):
        number, following[length] = (number + following[length]) >> 1, number
    for symbol in range(BYTES):
        length = np.int64(code.length[symbol])
        if length:
            code.entry[symbol] = _u(following[length]) << _u(64 - length) | _u(length)
            following[length] += 1


@kernel
def write_code(code: LiteralCode, out: NDArray[np.uint8], at: int) -> int:
    """Write the description of a code (section 4.2.1).

    What is written are weights, `longest + 1 - length`, of all symbols but the
    last one, whose weight follows from them.

    Parameters
    ----------
    code : LiteralCode
        A code that was built; `weights` is overwritten.
    out : ndarray, shape (bytes,), uint8
        Where to write, with room for 8 bytes beyond the description.
    at : int
        Index in `out` of the first byte to write.

    Returns
    -------
    int
        The place after the description; 0 if the code cannot be described.
    """
    last = BYTES - 1
    while code.length[last] == 0:
        last -= 1
    weights = code.weights
    weights.found[:] = 0
    for symbol in range(last):
        weights.found[_weight(code, symbol)] += 1
    if last > 2 and share_states(weights, _WEIGHT_LOG) > 1:
        build_table(weights)
        end = _write_weights(code, last, out, write_shares(weights, out, at + 1))
        if end - at - 1 <= _MOST_DESCRIBED:
            out[at] = end - at - 1
            return end
    if last > 128:
        return 0
    # As they are, two in a byte.
    out[at] = 127 + last
    for symbol in range(0, last, 2):
        low = _weight(code, symbol + 1) if symbol + 1 < last else 0
        out[at + 1 + symbol // 2] = _weight(code, symbol) << 4 | low
    return at + 1 + (last + 1) // 2


@kernel
def _weight(code: LiteralCode, symbol: int) -> int:
    length = code.length[symbol]
    return code.longest + 1 - length if length else 0


@kernel
def _write_weights(code: LiteralCode, count: int, out: NDArray[np.uint8], at: int) -> int:
    """Encode the weights, the last one first, with one state for odd and another for even ones.

    Return the place after them.
    """
    weights = code.weights
    odd = even = np.int64(0)
    bits, held = _u(0), _u(0)
    for symbol in range(count - 1, -1, -1):
        weight = _weight(code, symbol)
        if symbol >= count - 2:
            state = first_state(weights, weight)
        else:
            state = odd if symbol & 1 else even
            width = (state + weights.bits[weight]) >> 16
            bits |= (_u(state) & ((_u(1) << _u(width)) - _u(1))) << held
            held += _u(width)
            state = weights.states[(state >> width) + weights.first[weight]]
        if symbol & 1:
            odd = state
        else:
            even = state
        at, bits, held = put_bits(out, at, bits, held)
    below = _u((1 << weights.log) - 1)
    bits |= (_u(odd) & below) << held
    held += _u(weights.log)
    bits |= (_u(even) & below) << held
    return close_bits(out, at, bits, held + _u(weights.log))


@kernel
def put_bits(out: NDArray[np.uint8], at: int, bits: int, held: int) -> tuple[int, int, int]:
    """Write the whole bytes of the bits that are held.

    Parameters
    ----------
    out : ndarray, shape (bytes,), uint8
        Where to write, with room for 8 bytes.
    at : int
        Index in `out` of the first byte to write.
    bits : int
        The bits, from the lowest one on.
    held : int
        Number of bits, fewer than 64.

    Returns
    -------
    at : int
        The place after the bytes.
    bits, held : int
        What is left, fewer than 8 bits, and how many.
    """
    store_word(out, _u(at), bits)
    return at + np.int64(held >> _u(3)), bits >> (held & ~_u(7)), held & _u(7)


@kernel
def close_bits(out: NDArray[np.uint8], at: int, bits: int, held: int) -> int:
    """End a stream, which is read backwards, with a one, and return the place after it.

    Parameters
    ----------
    out : ndarray, shape (bytes,), uint8
        Where to write, with room for 8 bytes.
    at : int
        Index in `out` of the first byte to write.
    bits : int
        The last bits of the stream, from the lowest one on.
    held : int
        Number of bits, fewer than 64.
    """
    at, bits, held = put_bits(out, at, bits, held)
    out[at] = bits | _u(1) << held
    return at + 1


@inlined
def _add(bits: int, held: int, entry: int) -> tuple[int, int]:
    """Put a code, or several, above the bits that are held, at the top of the word."""
    return bits >> (entry & _u(63)) | entry, held + entry


@inlined
def _put_highest(out: NDArray[np.uint8], at: int, bits: int, held: int) -> tuple[int, int]:
    """Write the whole bytes of the bits that are held; only the lowest byte of `held` counts."""
    store_word(out, _u(at), bits >> (-held & _u(63)))
    return at + np.int64((held & _u(0xFF)) >> _u(3)), held & _u(7)


@kernel
def write_stream(
    code: LiteralCode,
    symbols: NDArray[np.uint8],
    start: int,
    end: int,
    out: NDArray[np.uint8],
    at: int,
) -> int:
    """Encode symbols, the last one first, and return the place after them.

    Codes are held at the top of a word, so that no code has to be shifted up.
    Their lengths, in the 4 lowest bits, are shifted out. Four codes and what was
    left before end at bit 13 or above; only a fifth could reach the lengths, so
    it is added without its own.

    Parameters
    ----------
    code : LiteralCode
        A code that was built.
    symbols : ndarray, shape (literals,), uint8
        The literals of the chunk.
    start, end : int
        Indices of the first one to encode, and of the one after the last.
    out : ndarray, shape (bytes,), uint8
        Where to write, with room for 8 bytes beyond the stream.
    at : int
        Index in `out` of the first byte to write.
    """
    entry = code.entry
    bits, held = _u(0), _u(0)
    place = _u(end)
    for _ in range((end - start) // 5):
        # Two by two, since they need not wait for each other.
        first, second = entry[symbols[place - _u(1)]], entry[symbols[place - _u(2)]]
        third, fourth = entry[symbols[place - _u(3)]], entry[symbols[place - _u(4)]]
        low, low_held = _add(first, first, second)
        high, high_held = _add(third, third, fourth)
        bits, held = bits >> (low_held & _u(63)) | low, held + low_held
        bits, held = bits >> (high_held & _u(63)) | high, held + high_held
        fifth = entry[symbols[place - _u(5)]]
        bits, held = bits >> (fifth & _u(63)) | fifth & ~_u(0xFF), held + fifth
        at, held = _put_highest(out, at, bits, held)
        place -= _u(5)
    for _ in range((end - start) % 5):
        place -= _u(1)
        bits, held = _add(bits, held, entry[symbols[place]])
        at, held = _put_highest(out, at, bits, held)
    bits, held = _add(bits, held, _u(1) << _u(63) | _u(1))
    store_word(out, _u(at), bits >> (-held & _u(63)))
    return at + np.int64(((held & _u(0xFF)) + _u(7)) >> _u(3))
