"""Datasets that the minari package wrote, and our exporter with it, held to every value."""

from __future__ import annotations

import io
import json
import os
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image

import crafter_dataset
from crafter_dataset.builder.importing import checks
from crafter_dataset.builder.importing.detect import open_foreign
from crafter_dataset.builder.importing.foreign import ForeignError
from crafter_dataset.builder.importing.minari import MinariEpisodes
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine.spec import ITEMS
from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.layout import TERMINATED, UNKNOWN
from tests.building import build
from tests.conftest import SMALL_WORLD
from tests.importing.rows import read

minari = pytest.importorskip("minari")
h5py = pytest.importorskip("h5py")

SIZE = (40, 36)
LENGTHS = (4, 1, 11)
AREA = (9, 7)


def steps(number: int, length: int, terminated: bool = False, truncated: bool = False) -> dict:
    rng = np.random.default_rng(number)
    flags = np.zeros((2, length), bool)
    flags[:, -1] = terminated, truncated
    return {
        "observations": rng.integers(0, 256, (length + 1, SIZE[1], SIZE[0], 3), np.uint8),
        "actions": rng.integers(0, 17, length),
        "rewards": rng.normal(size=length).astype(np.float32),
        "terminations": flags[0],
        "truncations": flags[1],
        "infos": {
            "semantic": rng.integers(1, 19, (length + 1, *AREA), np.uint8),
            "position": rng.integers(0, 7, (length + 1, 2), np.int16),
            "inventory": {name: rng.integers(0, 10, length + 1) for name in reversed(ITEMS)},
            "achievements": rng.integers(0, 9, (length + 1, 22), np.uint16),
            "daylight": rng.random(length + 1, np.float32),
            "another": rng.random(length + 1),
        },
    }


EPISODES = (steps(0, 4, terminated=True), steps(1, 1), steps(2, 11, truncated=True))


def write(root: Path, episodes=EPISODES, **settings) -> Path:
    from minari.data_collector import EpisodeBuffer

    buffers = [EpisodeBuffer(seed=7, **episode) for episode in episodes]
    with (
        patch.dict(os.environ, {"MINARI_DATASETS_PATH": str(root)}),
        warnings.catch_warnings(action="ignore"),
    ):
        minari.create_dataset_from_buffers(
            "crafter-v0",
            buffers,
            observation_space=spaces.Box(0, 255, (SIZE[1], SIZE[0], 3), np.uint8),
            action_space=spaces.Discrete(17),
            **{"data_format": "hdf5", "jpeg_encoding": False, **settings},
        )
    return root / "crafter-v0"


def assert_same(rows: dict, episode: dict) -> None:
    for name in ("actions", "rewards", "terminations", "truncations"):
        np.testing.assert_array_equal(rows[name][:-1], episode[name])
    infos = episode["infos"]
    for name in ("semantic", "achievements", "daylight"):
        np.testing.assert_array_equal(rows[name], infos[name])
    np.testing.assert_array_equal(rows["positions"], infos["position"])
    for item, values in zip(ITEMS, rows["inventory"].T, strict=True):
        np.testing.assert_array_equal(values, infos["inventory"][item])


@pytest.mark.parametrize("folder", [".", "data"])
def test_minari(tmp_path, folder):
    source = open_foreign(write(tmp_path) / folder)
    assert isinstance(source, MinariEpisodes)
    read_back = read(source)
    for episode, original in zip(read_back, EPISODES, strict=True):
        assert_same(episode.rows, original)
        np.testing.assert_array_equal(episode.rows["frames"], original["observations"])
    assert [e.end_reason for e in read_back] == [TERMINATED, UNKNOWN, UNKNOWN]
    metadata = source.metadata
    assert metadata.env.size == SIZE
    assert metadata.env.area == AREA
    assert {"seed", "policy", "env.length", "env.view"} <= set(metadata.unknown)
    assert not {"world_seeds", "terrain", "final_frames"} & set(metadata.episode_fields)
    assert not source.notes


def test_jpeg_is_decoded_and_said(tmp_path):
    source = open_foreign(write(tmp_path, jpeg_encoding=True))
    assert any("lossy" in note for note in source.notes)
    theirs = minari.MinariDataset(tmp_path / "crafter-v0" / "data")
    for episode, decoded, original in zip(read(source), theirs, EPISODES, strict=True):
        np.testing.assert_array_equal(episode.rows["frames"], decoded.observations)
        assert (decoded.observations != original["observations"]).any()
        assert_same(episode.rows, original)


def test_jpegs_of_equal_length(tmp_path):
    """They are stored as a table of bytes, not as rows of different lengths."""
    episode = steps(0, 3)
    episode["observations"][:] = episode["observations"][0]
    path = write(tmp_path, [episode], jpeg_encoding=True)
    with h5py.File(path / "data" / "main_data.hdf5") as file:
        assert file["episode_0/observations"].ndim == 2
    (rows,) = (e.rows for e in read(open_foreign(path)))
    buffer = io.BytesIO()
    Image.fromarray(episode["observations"][0]).save(buffer, format="JPEG")
    np.testing.assert_array_equal(rows["frames"][0], np.asarray(Image.open(buffer)))


def test_more_than_ten_episodes_are_in_their_order(tmp_path):
    episodes = [steps(number, 2) for number in range(12)]
    for episode, original in zip(
        open_foreign(write(tmp_path, episodes)).episodes(), episodes, strict=True
    ):
        assert_same(episode.rows, original)


def test_without_infos(tmp_path):
    episodes = [{k: v for k, v in steps(0, 3).items() if k != "infos"}]
    source = open_foreign(write(tmp_path, episodes))
    read(source)
    assert len(source.metadata.fields) == 6
    assert "env.area" in source.metadata.unknown


def change(path: Path, name: str, values) -> None:
    with h5py.File(path / "data" / "main_data.hdf5", "a") as file:
        del file[name]
        if values is not None:
            file[name] = values


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("actions", np.full(4, 17), "actions: expected integers from 0 to 16, found 17"),
        ("actions", np.zeros((4, 2)), r"actions: expected shape \(4,\), found \(4, 2\)"),
        ("rewards", np.full(4, np.nan), "rewards: .*found nan"),
        ("truncations", np.array([1, 0, 0, 0]), "end at the last of 4 actions only"),
        ("observations", np.zeros((5, 36, 32, 3), np.uint8), r"expected shape .*32"),
        (
            "observations",
            np.zeros((4, 36, 40, 3), np.uint8),
            r"observations: expected 5 rows, found",
        ),
        ("observations", np.zeros((5, 3, 36, 40), np.uint8), r"expected shape .* found \(.*40\)"),
        ("observations", np.zeros((5, 36, 40, 3)), "expected uint8, found float64"),
        ("observations", np.zeros((5, 8), np.uint8), "found observations that are no JPEG"),
        ("infos/daylight", np.full(5, 2.0), "daylight: expected numbers from 0 to 1, found 2"),
        ("infos/achievements", np.full((5, 22), 65_536), "achievements: .*found 65536"),
        (
            "infos/achievements",
            np.zeros((4, 22)),
            r"achievements: expected 5 rows, found \(4, 22\)",
        ),
        ("infos/inventory", None, "expected inventory, as in episode_0, found none"),
        ("rewards", None, "rewards"),
    ],
)
def test_values_that_do_not_fit(tmp_path, name, values, message):
    path = write(tmp_path, [steps(0, 3), steps(1, 4)])
    change(path, f"episode_1/{name}", values)
    with pytest.raises(ForeignError, match=message) as error:
        list(open_foreign(path).episodes())
    assert "main_data.hdf5" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["d.zarr", "d.h5"])
def test_a_first_episode_that_does_not_fit_leaves_nothing(tmp_path, name):
    path = write(tmp_path / "source", [steps(0, 3), steps(1, 4)])
    change(path, "episode_0/actions", np.full(3, 17))
    with pytest.raises(ForeignError, match="actions: expected integers from 0 to 16"):
        crafter_dataset.convert(path, tmp_path / "new" / name)
    assert list(tmp_path.iterdir()) == [tmp_path / "source"]


def test_arrays_that_grow_are_refused_unread(tmp_path, monkeypatch):
    path = write(tmp_path, [steps(0, 3), steps(1, 4)])
    monkeypatch.setattr(checks, "MOST_BYTES", 30_000)
    change(path, "episode_1/rewards", np.zeros((4, 1000)))
    with pytest.raises(ForeignError, match=r"rewards: expected at most 30000 .* found 32000"):
        list(open_foreign(path).episodes())
    monkeypatch.setattr(checks, "MOST_BYTES", 20_000)
    with pytest.raises(ForeignError, match="pictures: expected at most 20000 bytes"):
        open_foreign(path)


def test_episodes_that_are_missing(tmp_path):
    path = write(tmp_path)
    change(path, "episode_1", None)
    with pytest.raises(ForeignError, match="expected groups episode_0 to episode_2, found 2"):
        open_foreign(path)


def test_truncated_and_damaged_files(tmp_path):
    path = write(tmp_path)
    main = path / "data" / "main_data.hdf5"
    whole = main.read_bytes()
    for keep in (0, 100, len(whole) // 2, len(whole) - 10):
        main.write_bytes(whole[:keep])
        with pytest.raises(ForeignError, match=str(main)) as error:
            list(open_foreign(path).episodes())
        assert "\n" not in str(error.value)
    main.write_bytes(whole)
    (path / "data" / "metadata.json").write_text("{")
    with pytest.raises(ForeignError, match=r"metadata\.json: expected JSON"):
        open_foreign(path)


def test_arrow_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    path = write(tmp_path, [EPISODES[0]], data_format="arrow")
    with pytest.raises(ForeignError, match="expected data_format hdf5, found arrow"):
        open_foreign(path)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """Build a dataset and export it with our own exporter."""
    from crafter_dataset.loader.export.minari import export

    folder = tmp_path_factory.mktemp("exported")
    settings = BuildSettings(seed=3, trajectories_per_world=2, size=(40, 40), **SMALL_WORLD)
    build(folder / "data.zarr", settings, Target(frames=300), workers=0)
    dataset = open_dataset(folder / "data.zarr")
    for _ in export(dataset, folder / "whole"):
        pass
    return dataset, folder


def test_round_trip(exported):
    dataset, folder = exported
    source = open_foreign(folder / "whole")
    episodes = read(source)
    assert len(episodes) == len(dataset) > 3
    for episode, original in zip(episodes, dataset, strict=True):
        for name, values in original.load().items():
            if name != "episode_ids":
                np.testing.assert_array_equal(episode.rows[name], values, err_msg=name)
        assert episode.world_seed == original.world_seed
        assert source.metadata.end_reasons[episode.end_reason] == original.end_reason
    found, wanted = source.metadata, dataset.metadata
    for name in ("env", "policy", "seed", "trajectories_per_world", "items", "fields"):
        assert getattr(found, name) == getattr(wanted, name), name
    assert not found.unknown
    assert set(wanted.episode_fields) - set(found.episode_fields) == {"terrain"}


def test_round_trip_of_some_episodes(exported, tmp_path):
    from crafter_dataset.loader.export.minari import export

    dataset, _ = exported
    list(export(dataset[1:3], tmp_path / "some"))
    source = open_foreign(tmp_path / "some")
    for episode, index in zip(read(source), (1, 2), strict=True):
        assert episode.world_seed == dataset[index].world_seed
    assert {"seed", "trajectories_per_world"} <= set(source.metadata.unknown)


def test_metadata_of_ours_that_is_wrong(exported, tmp_path):
    _, folder = exported
    (tmp_path / "data").mkdir()
    for name in ("metadata.json", "main_data.hdf5"):
        (tmp_path / "data" / name).write_bytes((folder / "whole" / "data" / name).read_bytes())
    path = tmp_path / "data" / "metadata.json"
    entries = json.loads(path.read_text())
    for key, value, message in (
        ("length", 0, "env.length: expected an integer"),
        ("length", 1, "time limit of 60 or more"),
        ("size", [64, 64], "expected pictures of"),
    ):
        env = entries["crafter_dataset"]["env"] | {key: value}
        wrong = entries | {"crafter_dataset": entries["crafter_dataset"] | {"env": env}}
        path.write_text(json.dumps(wrong))
        with pytest.raises(ForeignError, match=message):
            open_foreign(tmp_path)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("env_spec", json.dumps({"id": "ALE/Breakout-v5"}), "expected Crafter, found ALE/Breakout"),
        ("env_spec", json.dumps({"id": "x", "entry_point": "craftax:Env"}), "found x"),
        ("action_space", json.dumps({"type": "Discrete", "n": 4}), r"found Discrete\(4\)"),
        ("action_space", json.dumps({"type": "Discrete", "n": 17, "start": 1}), "action_space"),
        ("action_space", json.dumps({"type": "Box", "shape": [2]}), "found Box"),
    ],
)  # fmt: skip
def test_what_says_that_it_is_something_else_is_refused(tmp_path, key, value, message):
    path = write(tmp_path)
    document = path / "data" / "metadata.json"
    document.write_text(json.dumps(json.loads(document.read_text()) | {key: value}))
    with pytest.raises(ForeignError, match=message):
        MinariEpisodes(path)


@pytest.mark.parametrize("spec", [
    None, "", "no JSON", json.dumps({"id": "CrafterReward-v1"}), json.dumps(["Breakout"]),
    json.dumps({"id": "mine", "entry_point": "crafter:Env"}),
])  # fmt: skip
def test_what_says_that_it_is_crafter_or_nothing_is_taken(tmp_path, spec):
    path = write(tmp_path)
    document = path / "data" / "metadata.json"
    document.write_text(json.dumps(json.loads(document.read_text()) | {"env_spec": spec}))
    assert MinariEpisodes(path).count == len(LENGTHS)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((5, 17), np.float32), r"expected shape \(T \+ 1, H, W, 3\), found \(1, 17\)"),
        (np.zeros((5, 17), np.uint8), "found observations that are no JPEG"),
    ],
)
def test_vectors_are_no_pictures(tmp_path, values, message):
    path = write(tmp_path)
    change(path, "episode_0/observations", values)
    with pytest.raises(ForeignError, match=message) as caught:
        MinariEpisodes(path)
    assert " at 0x" not in str(caught.value)


def test_pictures_that_claim_much_and_other_formats_are_refused():
    from crafter_dataset.builder.importing.minari import _decoded

    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "JPEG")
    data = bytearray(buffer.getvalue())
    start = data.find(b"\xff\xc0") + 5
    data[start : start + 4] = (9000).to_bytes(2, "big") * 2
    with pytest.raises(ValueError, match="a picture of 9000 x 9000 pixels"):
        _decoded(bytes(data))
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8)).save(buffer, "PNG")
    with pytest.raises(ValueError, match="no JPEG"):
        _decoded(buffer.getvalue())
