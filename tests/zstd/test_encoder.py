"""What the encoder writes, read back by libzstd."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crafter_dataset.builder.zstd.encoder import MOST_CHUNK, ImageEncoder
from crafter_dataset.builder.zstd.frame import MOST_BLOCK

LIBZSTD = numcodecs.Zstd(level=1)


def no_mark(data):
    return b""


def decoded(data, chunk):
    return np.frombuffer(LIBZSTD.decode(data), chunk.dtype).reshape(chunk.shape)


def assert_comes_back(encode, chunk):
    data = encode(chunk, no_mark)
    assert data is not None
    np.testing.assert_array_equal(decoded(data, chunk), chunk)
    return data


def moving_cells(rng, images, lines, line_bytes, cell, border, kinds, noise, colors):
    """Draw a map of cells that is looked at from places a cell apart, its light changing."""
    high, wide = -(-lines // cell[0]), -(-line_bytes // cell[1])
    tiles = rng.integers(0, colors, (kinds, *cell), dtype=np.uint8)
    world = rng.integers(0, kinds, (high + images + 2, wide + images + 2))
    chunk = np.zeros((images, lines, line_bytes), np.uint8)
    x = y = images // 2
    for image in chunk:
        x, y = (np.clip(at + rng.integers(-1, 2), 0, images) for at in (x, y))
        if rng.random() < 0.3:
            tiles[rng.integers(kinds)] ^= rng.random(cell) < 0.3
        seen = tiles[world[y : y + high, x : x + wide]]
        whole = seen.transpose(0, 2, 1, 3).reshape(high * cell[0], wide * cell[1])
        top, left = border
        image[top:, left:] = whole[: lines - top, : line_bytes - left]
        spoilt = rng.random(image.shape) < noise
        image[spoilt] = rng.integers(0, 256, spoilt.sum(), dtype=np.uint8)
    return chunk


@st.composite
def chunks(draw):
    cell = draw(st.integers(1, 9)), draw(st.integers(1, 70))
    shape = draw(st.integers(1, 70)), draw(st.integers(1, 300))
    border = draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    images = draw(st.integers(1, 24))
    noise = draw(st.sampled_from([0, 0, 0.001, 0.05, 0.5]))
    kinds, colors = draw(st.integers(1, 20)), draw(st.sampled_from([1, 2, 5, 256]))
    chunk = moving_cells(rng, images, *shape, cell, border, kinds, noise, colors)
    return ImageEncoder(shape, images, cell, border, draw(st.booleans())), chunk


@given(chunks())
def test_any_images_come_back(case):
    encode, chunk = case
    data = encode(chunk, no_mark)
    if data is not None:
        np.testing.assert_array_equal(decoded(data, chunk), chunk)


@given(st.data())
def test_any_bytes_come_back(data):
    """Sparse, skewed or constant bytes: codes of one symbol, of few, and of all 256."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    lines, line_bytes = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 200))
    images = data.draw(st.integers(1, 40))
    power = data.draw(st.sampled_from([1, 3, 10, 40, 200]))
    highest = data.draw(st.sampled_from([0, 1, 2, 127, 128, 129, 255]))
    chunk = (rng.random((images, lines, line_bytes)) ** power * (highest + 0.999)).astype(np.uint8)
    encode = ImageEncoder((lines, line_bytes), images, (3, 9))
    encoded = encode(chunk, no_mark)
    if encoded is not None:
        np.testing.assert_array_equal(decoded(encoded, chunk), chunk)


@pytest.mark.parametrize("value", [0, 1, 255])
def test_equal_bytes(value):
    chunk = np.full((32, 64, 192), value, np.uint8)
    data = assert_comes_back(ImageEncoder((64, 192), 32, (7, 21)), chunk)
    assert len(data) < 300


def test_noise_is_left_to_others():
    chunk = np.random.default_rng(0).integers(0, 256, (32, 64, 192), dtype=np.uint8)
    assert ImageEncoder((64, 192), 32, (7, 21))(chunk, no_mark) is None


def test_one_noisy_block_among_others():
    chunk = np.zeros((32, 64, 192), np.uint8)
    chunk[12:20] = np.random.default_rng(0).integers(0, 200, (8, 64, 192), dtype=np.uint8)
    assert_comes_back(ImageEncoder((64, 192), 32, (7, 21)), chunk)


def test_rare_symbols_have_long_codes():
    """Frequencies of Fibonacci make Huffman's tree deeper than codes may be."""
    counts = [1, 1]
    while len(counts) < 24:
        counts.append(counts[-1] + counts[-2])
    values = np.repeat(np.arange(24, dtype=np.uint8) * 10, counts)
    chunk = np.zeros((16, 64, 192), np.uint8).reshape(-1)
    chunk[: len(values)] = np.random.default_rng(0).permutation(values)
    assert_comes_back(ImageEncoder((64, 192), 16, (7, 21)), chunk.reshape(16, 64, 192))


def test_largest_images_and_chunks():
    encode = ImageEncoder((1, MOST_BLOCK), 3, (1, 1), moves=False)
    rng = np.random.default_rng(0)
    chunk = np.repeat(rng.integers(0, 9, (3, 1, MOST_BLOCK // 8), dtype=np.uint8), 8, axis=2)
    assert_comes_back(encode, chunk)
    assert not ImageEncoder.fits(MOST_BLOCK + 1, 1)
    assert not ImageEncoder.fits(2**12, MOST_CHUNK // 2**12 + 1)
    with pytest.raises(ValueError, match="images: expected smaller ones"):
        ImageEncoder((1, MOST_BLOCK + 1), 1, (1, 1))


def test_what_came_before_does_not_matter():
    rng = np.random.default_rng(1)
    shape = 32, 64, 192, (7, 21), (0, 0)
    first, second = (moving_cells(rng, *shape, kinds, 0.01, 256) for kinds in (3, 12))
    used, fresh = (ImageEncoder((64, 192), 32, (7, 21)) for _ in range(2))
    used(first, no_mark)
    used(np.random.default_rng(2).integers(0, 256, first.shape, dtype=np.uint8), no_mark)
    assert used(second, no_mark) == fresh(second, no_mark)
    # Nor where in memory it lies.
    moved = np.zeros(second.size + 1, np.uint8)[1:].reshape(second.shape)
    moved[:] = second
    assert used(moved, no_mark) == fresh(second, no_mark)


def test_a_checksum_follows():
    chunk = np.zeros((32, 64, 192), np.uint8)
    encode = ImageEncoder((64, 192), 32, (7, 21))
    data = encode(chunk, lambda body: bytes([len(body) % 256, 2, 3]))
    body = encode(chunk, no_mark)
    assert data == body + bytes([len(body) % 256, 2, 3])
