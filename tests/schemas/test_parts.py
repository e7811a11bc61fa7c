"""Codecs, shards, digests, metadata: the parts of the format, each by its specification."""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import replace

import google_crc32c
import numpy as np
import pytest
import xxhash
import zarr
from hypothesis import given
from hypothesis import strategies as st
from zarr.codecs import BytesCodec, Crc32cCodec, ZstdCodec

from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.schemas import (
    FIELDS,
    FRAME_FIELDS,
    CodecError,
    CorruptDataError,
    MetadataError,
    VersionError,
)
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.digests import EpisodeHasher, dataset_digest, digested_table
from crafter_dataset.schemas.entries import ATTRIBUTE, ENTRIES
from crafter_dataset.schemas.layout import BUILT_VERSION, FORMAT_VERSION, digested_fields
from crafter_dataset.schemas.metadata import Counts, Metadata, PolicySpec, SourceSpec
from crafter_dataset.schemas.shards import read_chunks, read_index, shard_parts
from crafter_dataset.schemas.violations import metadata_violations

CODECS = ["zstd", "zstd:1", "zstd:22", "blosc-zstd", "blosc-lz4:9", "none"]


@pytest.mark.parametrize("name", CODECS)
@given(data=st.data())
def test_codecs_give_back_what_they_took(name, data):
    dtype = data.draw(st.sampled_from([np.dtype(f.dtype) for f in FIELDS]))
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 5)))
    values = np.frombuffer(
        data.draw(st.binary(min_size=dtype.itemsize * math.prod(shape),
                            max_size=dtype.itemsize * math.prod(shape))), dtype
    ).reshape(shape)  # fmt: skip
    codec = ChunkCodec.parse(name)
    encoded = codec.encode(values)
    assert codec.decode(encoded, dtype, shape).tobytes() == values.tobytes()
    for wrong in ((shape[0] + 1, shape[1]), (shape[0], shape[1] + 1)):
        with pytest.raises(CorruptDataError, match="expected"):
            codec.decode(encoded, dtype, wrong)


@pytest.mark.parametrize("name", CODECS)
def test_a_flipped_byte_is_found(name):
    codec = ChunkCodec.parse(name)
    encoded = codec.encode(np.arange(200, dtype=np.int16))
    for place in range(len(encoded)):
        damaged = bytearray(encoded)
        damaged[place] ^= 4
        with pytest.raises(CorruptDataError):
            codec.decode(bytes(damaged), np.dtype(np.int16), (200,))
    for length in (0, 3, len(encoded) - 1):
        with pytest.raises(CorruptDataError):
            codec.decode(encoded[:length], np.dtype(np.int16), (200,))


@pytest.mark.parametrize(
    "name", ["lz77", "zstd:0", "zstd:23", "zstd:", "zstd:x", "none:1", "blosc-lz4:10", "", "ZSTD"]
)
def test_unknown_codecs_are_refused(name):
    with pytest.raises(CodecError, match=r"codec.*expected.*found"):
        ChunkCodec.parse(name)


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=8), st.integers(0, 4))
def test_shards_are_laid_out_as_specified(chunks, empty):
    slots = len(chunks) + empty
    shard = b"".join(shard_parts(chunks, slots))
    index, offset = b"", 0
    for chunk in chunks:
        index += struct.pack("<QQ", offset, len(chunk))
        offset += len(chunk)
    index += struct.pack("<QQ", 2**64 - 1, 2**64 - 1) * empty
    checksum = struct.pack("<I", google_crc32c.value(index))
    assert shard == b"".join(chunks) + index + checksum
    assert read_chunks(shard, slots, len(chunks)) == chunks
    if empty:
        with pytest.raises(CorruptDataError, match="found fewer"):
            read_chunks(shard, slots, len(chunks) + 1)


def test_shards_that_stock_zarr_writes_are_read(tmp_path):
    array = zarr.create_array(
        tmp_path / "a", shape=(20, 3), chunks=(4, 3), shards=(24, 3), dtype="u1", fill_value=0,
        serializer=BytesCodec(), compressors=[ZstdCodec(level=3), Crc32cCodec()],
    )  # fmt: skip
    values = np.arange(1, 61, dtype=np.uint8).reshape(20, 3)
    array[:] = values
    shard = (tmp_path / "a" / "c" / "0" / "0").read_bytes()
    codec = ChunkCodec.parse("zstd:3")
    index = read_index(shard, 6)
    for number in range(5):
        start, size = (int(v) for v in index[number])
        chunk = codec.decode(shard[start : start + size], np.dtype(np.uint8), (4, 3))
        np.testing.assert_array_equal(chunk, values[4 * number : 4 * number + 4])


@pytest.mark.parametrize("damage", [lambda s: s[:50], lambda s: s[:-1] + b"!", lambda s: b""])
def test_damaged_indexes_are_found(damage):
    shard = b"".join(shard_parts([b"abc", b"de"], 4))
    with pytest.raises(CorruptDataError, match="a shard"):
        read_index(damage(shard), 4)


def test_an_index_that_points_outside_is_found():
    index = struct.pack("<QQ", 0, 10**9)
    shard = b"abc" + index + struct.pack("<I", google_crc32c.value(index))
    with pytest.raises(CorruptDataError, match="outside"):
        read_index(shard, 1)


def example_rows(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = BuildSettings().metadata().sizes()
    rows = {}
    for name in digested_fields(tuple(FRAME_FIELDS)):
        field = FRAME_FIELDS[name]
        shape = (count, *field.row_shape(sizes))
        rows[field.name] = rng.integers(0, 2, shape).astype(field.dtype)
    return rows


def test_episode_digest_is_as_the_format_says():
    rows = example_rows(7)
    hasher = EpisodeHasher(digested_fields(tuple(FRAME_FIELDS)))
    for start in (0, 3, 5):
        hasher.update({n: v[start : {0: 3, 3: 5, 5: 7}[start]] for n, v in rows.items()})
    parts = b"".join(
        xxhash.xxh3_128_digest(rows[name].tobytes())
        for name, field in FRAME_FIELDS.items()
        if name != "episode_ids" and not field.drawn
    )
    assert hasher.digest().tobytes() == xxhash.xxh3_128_digest(parts)


def test_dataset_digest_is_as_the_format_says():
    table = {
        "lengths": np.array([3, 5]),
        "end_reasons": np.array([1, 2], np.uint8),
        "world_seeds": np.array([7, 8]),
        "terrain": np.arange(12, dtype=np.uint8).reshape(2, 2, 3),
        "digests": np.arange(32, dtype=np.uint8).reshape(2, 16),
    }
    metadata = replace(
        BuildSettings(policy_args={"sleep_probability": 0.5}).metadata(), counts=Counts(episodes=2)
    )
    metadata = replace(metadata, materials=("ü",))
    content = json.dumps(metadata.header(), sort_keys=True, separators=(",", ":")).encode()
    assert b'"materials":["\\u00fc"]' in content
    for e in range(2):
        content += struct.pack("<qBq", table["lengths"][e], table["end_reasons"][e],
                               table["world_seeds"][e])  # fmt: skip
        content += table["terrain"][e].tobytes() + table["digests"][e].tobytes()
    digest = dataset_digest(metadata, lambda name, start, stop: table[name][start:stop])
    assert digest == hashlib.sha256(content).hexdigest()


def test_metadata_survives_json():
    metadata = BuildSettings(seed=2**63 - 1, policy_args={"sleep_probability": 0.2}).metadata()
    attributes = {ATTRIBUTE: json.loads(json.dumps(metadata.to_json()))}
    assert Metadata.from_attributes(attributes, "x") == metadata
    assert not list(metadata_violations(attributes))


def test_header_leaves_out_what_may_differ():
    header = BuildSettings().metadata().header()
    assert set(header) == {
        "fields", "env", "policy", "seed", "trajectories_per_world", "actions", "materials",
        "objects", "items", "achievements", "end_reasons",
    }  # fmt: skip


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.path)
@pytest.mark.parametrize("value", ["absent", "", -1, 10**30, 1.5, None, [], {}, [1, 2, 3]])
def test_broken_entries_are_named(entry, value):
    if entry.path == "version" or entry.check(value) or (entry.optional and value == "absent"):
        return
    document = json.loads(json.dumps(BuildSettings().metadata().to_json()))
    *parents, key = entry.path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    if value == "absent":
        del place[key]
    else:
        place[key] = value
    violations = list(metadata_violations({ATTRIBUTE: document}))
    assert [v.path for v in violations] == [f"{ATTRIBUTE}.{entry.path}"]
    with pytest.raises(MetadataError, match=rf"{entry.path}: expected .*, found"):
        Metadata.from_attributes({ATTRIBUTE: document}, "x")


def test_what_only_other_datasets_have_is_kept_and_changes_the_digest():
    built = BuildSettings().metadata()
    policy = PolicySpec("random", {"a": 1})
    other = replace(
        built,
        version=FORMAT_VERSION,
        episode_fields=("starts", "lengths", "returns", "end_reasons", "digests", "final_frames"),
        unknown=("seed", "env.length"),
        sources=(SourceSpec(1, policy, 2), SourceSpec(2, policy, 1)),
    )
    attributes = {ATTRIBUTE: json.loads(json.dumps(other.to_json()))}
    assert Metadata.from_attributes(attributes, "x") == other
    assert {"episode_fields", "unknown", "sources"} <= set(other.header())
    assert [f.name for f in other.table_fields()] == list(other.episode_fields)
    assert digested_table(other) == ("lengths", "end_reasons", "digests", "final_frames")
    assert not {"episode_fields", "unknown", "sources"} & set(built.to_json())
    assert built.version == BUILT_VERSION


@pytest.mark.parametrize("version", ["2.0", "10.1", "0.9", "1", "one", 1.0, None])
def test_other_versions_are_refused(version):
    document = BuildSettings().metadata().to_json() | {"version": version}
    with pytest.raises(VersionError, match=r"x: expected (format version 1.x|a format version)"):
        Metadata.from_attributes({ATTRIBUTE: document}, "x")


def test_a_newer_minor_version_is_read():
    document = BuildSettings().metadata().to_json() | {"version": "1.7", "extra": 1}
    assert Metadata.from_attributes({ATTRIBUTE: document}, "x").version == "1.7"
