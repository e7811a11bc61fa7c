"""Validation finds every way of breaking the format, and names the place."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import zarr

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import (
    CorruptDataError,
    NotADatasetError,
    VersionError,
    find_violations,
)
from crafter_dataset.schemas.codecs import crc32c

FRAME_ARRAYS = ("frames", "actions", "rewards", "terminations", "truncations", "semantic",
                "positions", "inventory", "achievements", "daylight", "episode_ids")  # fmt: skip


@pytest.fixture
def broken(small_path, tmp_path):
    """Copy a valid dataset, to be broken."""
    path = tmp_path / "d"
    shutil.copytree(small_path, path)
    return path


def violations(path, deep=True):
    return [str(v) for v in find_violations(open_container(path), deep=deep)]


def edit_json(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def edit_metadata(path, change):
    edit_json(path / "zarr.json", lambda d: change(d["attributes"]["crafter_dataset"]))


def edit_array(path, name, **entries):
    """Change an array's metadata in both of its places."""
    edit_json(path / name / "zarr.json", lambda d: d.update(entries))
    edit_json(
        path / "zarr.json",
        lambda d: d["consolidated_metadata"]["metadata"][name].update(entries),
    )


def test_valid_datasets_have_no_violations(small_path, dataset_path):
    for path in (small_path, dataset_path):
        assert violations(path) == []


def test_validation_looks_at_every_episode(small_path):
    seen = []
    list(find_violations(open_container(small_path), deep=True, on_episode=seen.append))
    assert seen == list(range(12))


@pytest.mark.parametrize("name", FRAME_ARRAYS)
def test_a_missing_array(broken, name):
    shutil.rmtree(broken / name)
    edit_json(broken / "zarr.json", lambda d: d["consolidated_metadata"]["metadata"].pop(name))
    assert f"{name}: expected an array, found nothing that can be read" in violations(broken)


@pytest.mark.parametrize(
    ("name", "entries", "expected"),
    [
        ("actions", {"data_type": "int8"}, "actions: expected dtype uint8, found int8"),
        ("daylight", {"shape": [5]}, "daylight: expected shape ("),
        ("frames", {"dimension_names": ["a", "b", "c", "d"]}, "frames: expected dimension names"),
        ("rewards", {"codecs": [{"name": "bytes", "configuration": {"endian": "little"}}]},
         "rewards: expected codecs bytes, at most one of zstd and blosc, crc32c, found bytes"),
        ("episodes/starts", {"shape": [3]}, "episodes/starts: expected shape (12,), found (3,)"),
        ("actions", {"fill_value": 7}, "actions: expected fill_value 0, found 7"),
        ("actions", {"chunk_key_encoding": {"name": "default", "configuration":
         {"separator": "/"}}}, "actions: expected chunk_key_encoding"),
        ("frames", {"codecs": [{"name": "bytes"}, {"name": "crc32c"}]},
         "frames: expected the codec sharding_indexed alone, found bytes, crc32c"),
    ],
)  # fmt: skip
def test_wrong_structure(broken, name, entries, expected):
    edit_array(broken, name, **entries)
    assert any(v.startswith(expected) for v in violations(broken, deep=False))


def test_every_violation_is_reported(broken):
    edit_array(broken, "actions", data_type="int8")
    edit_array(broken, "daylight", data_type="float64")
    edit_array(broken, "episodes/lengths", data_type="int32")
    assert len(violations(broken)) == 3
    edit_metadata(broken, lambda m: m.update(seed=-1, chunk_frames="x", items=[]))
    assert [v.split(":")[0] for v in violations(broken)] == [
        "crafter_dataset.chunk_frames", "crafter_dataset.seed", "crafter_dataset.items",
    ]  # fmt: skip


def set_value(name, row, value):
    def change(path):
        zarr.open_group(path, mode="r+")[name][row] = value

    return change


def row_of(path, episode, row):
    table = open_dataset(path).episodes
    start, length = int(table["starts"][episode]), int(table["lengths"][episode])
    return start + (row if row >= 0 else length + row)


@pytest.mark.parametrize(
    ("name", "row", "value", "expected"),
    [
        ("actions", 2, 17, "expected 0 to 16, found 17"),
        ("actions", -1, 3, "expected 0 on the final frame, found 3"),
        ("rewards", 4, np.nan, "expected finite numbers, found nan"),
        ("rewards", 4, 0.7, "episodes/returns[3]: expected"),
        ("rewards", -1, 0.5, "expected 0 on the final frame, found 0.5"),
        ("terminations", 1, True, "terminations["),
        ("truncations", 0, True, "truncations["),
        ("truncations", -1, True, "expected 0 on the final frame, found True"),
        ("semantic", 5, 0, "expected 1 to 18, found 0"),
        ("semantic", 5, 19, "expected 1 to 18, found 19"),
        ("semantic", 5, 2, "expected the player's id 13 at"),
        ("positions", 5, (1, -1), "expected at least 0, found -1"),
        ("positions", 5, (24, 1), "expected inside (24, 20), found [24  1]"),
        ("inventory", 5, 10, "expected 0 to 9, found 10"),
        ("achievements", 0, 9, "expected counts that never fall"),
        ("daylight", 5, 1.5, "expected 0 to 1, found 1.5"),
        ("episode_ids", 5, 4, "expected 3, found 4"),
        ("frames", 5, 255, "episodes/digests[3]: expected"),
    ],
)
def test_wrong_values_are_named_with_their_episode(broken, name, row, value, expected):
    set_value(name, row_of(broken, 3, row), value)(broken)
    found = violations(broken)
    assert any(expected in v for v in found), found
    assert all("episode 3" in v or "[3]" in v or "digest:" in v for v in found), found
    assert violations(broken, deep=False) == []


@pytest.mark.parametrize("name", FRAME_ARRAYS)
def test_padding_holds_fill_values(broken, name):
    row = row_of(broken, 3, -1) + 1
    fill = -1 if name == "episode_ids" else 0
    set_value(name, row, 1)(broken)
    expected = f"{name}[{row}] (padding after episode 3): expected the fill value {fill}"
    assert any(v.startswith(expected.replace("value 0", "value ")) for v in violations(broken))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("starts", 17, "episodes/starts[3]: expected a multiple of 16, found 17"),
        ("lengths", 0, "episodes/lengths[3]: expected at least 1, found 0"),
        ("lengths", 62, "episodes/lengths[3]: expected 1 to 61, found 62"),
        ("lengths", 10**15, "episodes/lengths[3]: expected 1 to 61, found 1000000000000000"),
        ("end_reasons", 4, "episodes/end_reasons[3]: expected 0 to 3, found 4"),
        ("world_seeds", -5, "episodes/world_seeds[3]: expected 0 to"),
        ("returns", np.inf, "episodes/returns[3]: expected finite numbers, found inf"),
    ],
)
def test_wrong_table(broken, name, value, expected):
    set_value(f"episodes/{name}", 3, value)(broken)
    found = violations(broken, deep=False)
    assert any(v.startswith(expected) for v in found), found


@pytest.mark.parametrize("name", ["end_reasons", "lengths", "digests", "returns"])
def test_a_table_that_lies_is_found_by_deep_validation(broken, name):
    table = zarr.open_group(broken, mode="r+")["episodes"]
    table[name][3] = table[name][4 if name != "end_reasons" else 3] + (name == "end_reasons")
    if name == "lengths" and table[name][3] == open_dataset(broken).episodes["lengths"][4]:
        table[name][3] = 5
    found = violations(broken)
    assert any(f"{name}[3]" in v or "(episode 3)" in v or "starts[4]" in v for v in found), found


def test_arrays_own_documents_are_checked(broken):
    """TensorStore reads these, and not the root's consolidated metadata."""
    edit_json(broken / "frames" / "zarr.json", lambda d: d.update(shape=[16, 64, 64, 3]))
    (broken / "actions" / "zarr.json").unlink()
    found = violations(broken, deep=False)
    assert len(found) == 2
    assert found[0].startswith("frames/zarr.json: expected what the root's consolidated")
    assert found[1] == "actions/zarr.json: expected a JSON document, found none"


def test_missing_files_are_found_without_reading(broken):
    (broken / "semantic" / "c.0.0.0").unlink()
    assert violations(broken, deep=False) == [
        "semantic: expected a file for every chunk, found expected a file c.0.0.0, found none"
    ]


def test_one_violation_does_not_hide_another(broken):
    table = zarr.open_group(broken, mode="r+")["episodes"]
    table["returns"][3] = np.inf
    shutil.rmtree(broken / "daylight")
    edit_json(
        broken / "zarr.json", lambda d: d["consolidated_metadata"]["metadata"].pop("daylight")
    )
    damage(broken / "frames" / "c.0.0.0.0", 100)
    found = " ".join(violations(broken))
    for text in ("daylight: expected an array", "returns[3]: expected finite", "(episode 0)"):
        assert text in found


def test_a_chunk_that_the_index_leaves_out(broken):
    file = broken / "frames" / "c.0.0.0.0"
    data = bytearray(file.read_bytes())
    index = np.frombuffer(data[-16 * 1024 - 4 : -4], "<u8").reshape(1024, 2).copy()
    index[0] = 2**64 - 1
    data[-16 * 1024 - 4 :] = index.tobytes() + crc32c(index.tobytes())
    file.write_bytes(bytes(data))
    assert any("a chunk is missing" in v and "(episode 0)" in v for v in violations(broken))
    with pytest.raises(CorruptDataError, match=r"episode 0, frames\[0:2\]: .*a chunk is missing"):
        open_dataset(broken)[0]["frames"][:2]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"status": "building"}, "digest: expected null while building"),
        ({"digest": None}, "digest: expected a digest of a complete dataset"),
        ({"codec": "gzip"}, "codec: expected one of zstd"),
    ],
)
def test_entries_that_contradict_each_other(broken, changes, expected):
    edit_metadata(broken, lambda m: m.update(changes))
    assert any(expected in v for v in violations(broken, deep=False))


def test_fields_of_a_later_minor_version_are_ignored(broken):
    edit_metadata(broken, lambda m: m.update(version="1.9", fields=[*m["fields"], "depth"]))
    assert all("digest" in v for v in violations(broken))  # which covers the list of fields
    dataset = open_dataset(broken)
    assert "depth" not in dataset[0].load()


@pytest.mark.parametrize("key", ["seed", "trajectories_per_world"])
def test_the_digest_covers_the_settings(broken, key):
    edit_metadata(broken, lambda m: m.update({key: m[key] + 1}))
    assert violations(broken, deep=False) == []
    assert any(v.startswith("crafter_dataset.digest: expected") for v in violations(broken))


def damage(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("name", ["frames", "semantic"])
def test_a_flipped_byte_is_named_with_its_episode(broken, name):
    file = broken / name / ("c.0" + ".0" * (3 if name == "frames" else 2))
    damage(file, 100)
    found = violations(broken)
    assert len(found) == 1
    assert f"{name}[0:" in found[0]
    assert "(episode 0): expected readable chunks" in found[0]


@pytest.mark.parametrize("name", FRAME_ARRAYS)
@pytest.mark.parametrize("keep", [0, 10, -1, None])
def test_truncated_and_missing_files_are_named(broken, name, keep):
    file = next((broken / name).glob("c.0*"))
    if keep is None:
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:keep])
    found = violations(broken)
    assert any(v.startswith(f"{name}[") and "(episode 0)" in v for v in found), found
    assert any("(episode 11)" in v for v in found)


@pytest.mark.parametrize("name", ["starts", "terrain"])
def test_a_damaged_table_file_is_named(broken, name):
    damage(next((broken / "episodes" / name).glob("c.0*")), 20)
    found = violations(broken)
    assert any("episodes" in v and "checksum" in v.lower() for v in found), found


def test_what_is_no_dataset_is_refused(tmp_path, broken):
    with pytest.raises(NotADatasetError, match="found nothing"):
        open_container(tmp_path / "none")
    zarr.open_group(tmp_path / "foreign", mode="w", attributes={"a": 1})
    with pytest.raises(NotADatasetError, match="no attribute"):
        violations(tmp_path / "foreign")
    (broken / "zarr.json").write_text("{")
    with pytest.raises(NotADatasetError, match="cannot be read"):
        open_container(broken)


def test_a_newer_version_is_refused(broken):
    edit_metadata(broken, lambda m: m.update(version="2.0"))
    with pytest.raises(VersionError, match=r"found 2.0, which is newer; upgrade"):
        violations(broken)
