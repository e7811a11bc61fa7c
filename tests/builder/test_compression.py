"""Which encoder the builder takes, and what becomes of the chunks."""

from __future__ import annotations

import os
import subprocess
import sys

import numcodecs
import numpy as np
import pytest

from crafter_dataset.builder.compression import image_encoder
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.validate import validate
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.layout import FRAME_FIELDS
from crafter_dataset.schemas.shards import read_chunks
from tests.building import build

LIBZSTD = numcodecs.Zstd(level=1)


def built(path, codec, frames=600, **settings):
    result = build(path, BuildSettings(codec=codec, **settings), Target(frames=frames), workers=0)
    return result.metadata


@pytest.mark.parametrize("settings", [
    {},
    {"size": (96, 80), "chunk_frames": 5},
    {"size": (45, 63), "view": (5, 7), "area": (30, 20)},
    {"size": (18, 18), "chunk_frames": 1},
    {"size": (200, 180), "chunk_frames": 3},
    {"size": (256, 256)},  # larger than a block
], ids=["default", "wide", "odd", "two-pixel-cells", "two-in-a-block", "too-large"])  # fmt: skip
def test_same_dataset_as_with_libzstd(tmp_path, settings):
    own, other = tmp_path / "own.zarr", tmp_path / "other.zarr"
    frames = 120 if settings else 600
    metadata = built(own, "zstd:1", frames, **settings)
    assert metadata.digest == built(other, "zstd:3", frames, **settings).digest
    assert validate(own, deep=True)
    one, two = open_dataset(own), open_dataset(other)
    for mine, theirs in zip(one, two, strict=True):
        np.testing.assert_array_equal(mine.load()["frames"], theirs.load()["frames"])


def test_it_is_not_much_larger_than_libzstd(tmp_path):
    """By night nearly all is noise, and by day a seventh more."""
    path = tmp_path / "own.zarr"
    metadata = built(path, "zstd:1", 3000)
    for name, most in (("frames", 1.3), ("semantic", 1.15)):
        field = FRAME_FIELDS[name]
        codec, shape = ChunkCodec.parse("zstd:1"), field.row_shape(metadata.sizes())
        slots = field.file_rows(metadata.sizes(), metadata.chunk_frames) // metadata.chunk_frames
        stored = ours = theirs = 0
        for file in sorted((path / name).glob("c.*")):
            left = -(-metadata.counts.rows // metadata.chunk_frames) - stored
            for chunk in read_chunks(file.read_bytes(), slots, min(slots, left)):
                whole = codec.decode(chunk, np.dtype("u1"), (metadata.chunk_frames, *shape))
                ours += len(chunk)
                stored += 1
                theirs += len(LIBZSTD.encode(whole))
        assert ours < most * theirs


@pytest.mark.parametrize("codec", ["zstd:2", "blosc-lz4:5", "none"])
def test_other_codecs_are_their_libraries(codec):
    metadata = BuildSettings(codec=codec).metadata()
    encode = image_encoder(FRAME_FIELDS["frames"], metadata)
    assert encode.__self__ == ChunkCodec.parse(codec)


def test_without_numba_libzstd_takes_its_place(tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("crafter_dataset.builder.zstd")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "crafter_dataset.builder.zstd.encoder", None)
    metadata = BuildSettings(codec="zstd:1").metadata()
    encode = image_encoder(FRAME_FIELDS["frames"], metadata)
    assert encode.__self__ == ChunkCodec.parse("zstd:1")


def test_noise_is_stored_by_libzstd():
    metadata = BuildSettings(codec="zstd:1").metadata()
    chunk = np.random.default_rng(0).integers(0, 256, (32, 64, 64, 3), dtype=np.uint8)
    data = image_encoder(FRAME_FIELDS["frames"], metadata)(chunk)
    assert data == ChunkCodec.parse("zstd:1").encode(chunk)


BROKEN = """
import crafter_dataset.engine.compiled.jit as jit

def compile_entry(*arguments):
    raise LookupError("no such instruction")

jit.compile_entry = compile_entry
from crafter_dataset.commands.build import main
main()
"""


def build_with_a_broken_compiler(folder, *options):
    settings = "--out", "d", "--episodes", "1", "--length", "5", "--area", "8x8", "--quiet"
    return subprocess.run(
        [sys.executable, "-c", BROKEN, *settings, "--workers", "0", *options],
        capture_output=True, text=True, cwd=folder,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache"), "NUMBA_OPT": "3"},
    )  # fmt: skip


def test_an_engine_that_cannot_be_compiled_gets_a_line(tmp_path):
    done = build_with_a_broken_compiler(tmp_path)
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "expected numba to compile the fast one, found LookupError: no such instruction" in line
    assert "unset NUMBA_OPT; use --engine crafter" in line
    assert "Traceback" not in done.stderr


def test_a_broken_compiler_is_told_of(tmp_path):
    done = build_with_a_broken_compiler(tmp_path, "--engine", "crafter")
    assert done.returncode == 0
    assert "codec zstd:1: encoded by libzstd instead, as " in done.stderr
