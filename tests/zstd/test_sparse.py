"""Frames of chunks that end in zeros are read by any decoder."""

from __future__ import annotations

import numcodecs
import numpy as np
import pytest

from crafter_dataset.builder.zstd.sparse import MOST_BYTES, encode_sparse
from crafter_dataset.schemas.zstd_frames import stated_bytes


@pytest.mark.parametrize(
    ("size", "filled"),
    [(1, 0), (1, 1), (255, 3), (256, 256), (2560, 12), (2560, 2516), (70_000, 69_999)],
)
def test_any_decoder_reads_it(size, filled):
    content = np.zeros(size, np.uint8)
    content[:filled] = np.random.default_rng(size).integers(1, 256, filled)
    frame = encode_sparse(content)
    assert numcodecs.Zstd().decode(frame) == content.tobytes()
    assert stated_bytes(frame[:18]) == size
    assert len(frame) <= filled + 16


def test_the_largest_of_numbers():
    content = np.zeros((2**10, 2**5), np.uint32)
    content[900, 3] = 2**31
    assert content.nbytes == MOST_BYTES
    assert numcodecs.Zstd().decode(encode_sparse(content)) == content.tobytes()
