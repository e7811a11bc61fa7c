"""Episodes that the real crafter.Recorder wrote, held to what stock Crafter gave."""

from __future__ import annotations

import shutil
from pathlib import Path

import crafter
import numpy as np
import pytest
from crafter.recorder import EpisodeRecorder

from crafter_dataset.builder.importing import checks
from crafter_dataset.builder.importing.detect import open_foreign
from crafter_dataset.builder.importing.foreign import ForeignError
from crafter_dataset.builder.importing.recorder import RecorderEpisodes
from crafter_dataset.engine.spec import ACHIEVEMENTS, ITEMS
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT, UNKNOWN
from tests.importing.rows import read

AREA = (24, 20)
LENGTH = 12


def play(folder: Path, seed: int, length: int | None = LENGTH, die: bool = False) -> dict:
    """Record one episode, named by its seed, and return our rows, laid out by hand."""
    env = crafter.Env(area=AREA, length=length, seed=seed)
    recorder = EpisodeRecorder(env, folder / "new")
    frames = [recorder.reset()]
    rows: dict[str, list] = {name: [] for name in ("actions", "rewards", "infos")}
    rng = np.random.default_rng(seed)
    done = False
    while not done:
        action = int(rng.integers(17))
        if die and len(frames) == 8:
            env._player.health = 0
        frame, reward, done, info = recorder.step(action)
        frames.append(frame)
        rows["actions"].append(action)
        rows["rewards"].append(reward)
        rows["infos"].append(info)
    (file,) = (folder / "new").glob("*.npz")
    file.rename(folder / f"20240101T00000{seed}-ach0-len{len(frames) - 1}.npz")
    return {"frames": frames, **rows}


def assert_same(rows: dict, played: dict, area=AREA) -> None:
    """Compare every value; the first row has but its picture and achievements of 0."""
    np.testing.assert_array_equal(rows["frames"], played["frames"])
    np.testing.assert_array_equal(rows["actions"], [*played["actions"], 0])
    np.testing.assert_array_equal(rows["rewards"], np.float32([*played["rewards"], 0]))
    infos = played["infos"]
    if "semantic" in rows:
        np.testing.assert_array_equal(rows["semantic"][1:], [info["semantic"] for info in infos])
        assert not rows["semantic"][0].any()
        np.testing.assert_array_equal(rows["positions"][1:], [info["player_pos"] for info in infos])
        np.testing.assert_array_equal(rows["positions"][0], np.array(area) // 2)
    if "inventory" in rows:
        wanted = [[info["inventory"][item] for item in ITEMS] for info in infos]
        np.testing.assert_array_equal(rows["inventory"][1:], wanted)
        np.testing.assert_array_equal(rows["inventory"][0], [9] * 4 + [0] * 12)
    wanted = [[info["achievements"][name] for name in ACHIEVEMENTS] for info in infos]
    np.testing.assert_array_equal(rows["achievements"], [[0] * 22, *wanted])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Record two episodes up to the time limit and one that ends in death. Never written to."""
    folder = tmp_path_factory.mktemp("recorded")
    return folder, [play(folder, 1), play(folder, 2, die=True), play(folder, 3)]


def copy(folder: Path, name: str, to: Path, drop=(), **changes) -> Path:
    """Copy an episode, with arrays changed, left out, or under other names."""
    with np.load(folder / name) as archive:
        kept = (key for key in archive.files if not key.startswith(drop or "-"))
        arrays = {key: archive[key] for key in kept}
    path = to / name
    np.savez_compressed(path, **arrays | changes)
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.npz"))


def test_recorder(recorded):
    folder, played = recorded
    source = open_foreign(folder)
    assert isinstance(source, RecorderEpisodes)
    episodes = read(source)
    for episode, original in zip(episodes, played, strict=True):
        assert_same(episode.rows, original)
    assert [e.end_reason for e in episodes] == [TIME_LIMIT, TERMINATED, TIME_LIMIT]
    assert [e.rows["terminations"][-2] for e in episodes] == [False, True, False]
    assert [e.rows["truncations"][-2] for e in episodes] == [True, False, True]
    metadata = source.metadata
    assert metadata.env.area == AREA
    assert metadata.env.length == LENGTH
    assert "daylight" not in metadata.fields
    assert {"semantic", "positions", "inventory", "achievements"} <= set(metadata.fields)
    assert {"semantic[0]", "positions[0]", "inventory[0]", "seed"} <= set(metadata.unknown)
    assert not {"env.length", "env.area", "truncations"} & set(metadata.unknown)
    assert "final_frames" not in metadata.episode_fields
    assert len(source.notes) == 1


def test_the_player_is_where_the_map_has_it(recorded):
    """The recorder keeps positions of their own: Crafter makes a new one for each move."""
    for episode in open_foreign(recorded[0]).episodes():
        rows = episode.rows
        cells = rows["semantic"][np.arange(len(rows["actions"])), *rows["positions"].T]
        assert (cells[1:] == 13).all()


def test_first_position_is_one_that_crafter_has(recorded):
    env = crafter.Env(area=AREA, seed=1)
    env.reset()
    (rows, *_) = (episode.rows for episode in open_foreign(recorded[0]).episodes())
    assert tuple(env._player.pos) == tuple(rows["positions"][0])
    assert [env._player.inventory[item] for item in ITEMS] == rows["inventory"][0].tolist()


def test_deaths_alone_leave_the_time_limit_open(recorded, tmp_path):
    shutil.copy(recorded[0] / names(recorded[0])[1], tmp_path)
    source = open_foreign(tmp_path)
    assert [e.end_reason for e in read(source)] == [TERMINATED]
    assert source.metadata.env.length == 10_000
    assert "env.length" in source.metadata.unknown


def test_ends_at_several_lengths(recorded, tmp_path):
    folder, _ = recorded
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    play(tmp_path, 4, length=9)
    source = open_foreign(tmp_path)
    episodes = read(source)
    assert [e.end_reason for e in episodes] == [UNKNOWN, TERMINATED, UNKNOWN, UNKNOWN]
    assert [bool(e.rows["truncations"][-2]) for e in episodes] == [True, False, True, True]
    assert "env.length" in source.metadata.unknown


def test_without_a_time_limit(tmp_path):
    """`done` is then None or True, as Crafter's GUI records it by default: Python objects."""
    played = play(tmp_path, 1, length=None, die=True)
    with (
        np.load(next(tmp_path.glob("*.npz"))) as archive,
        pytest.raises(ValueError, match="Object arrays"),
    ):
        archive["done"]
    for allow_pickle in (False, True):
        source = open_foreign(tmp_path, allow_pickle=allow_pickle)
        (episode,) = read(source)
        assert_same(episode.rows, played)
        assert episode.end_reason == TERMINATED


def test_other_spellings(recorded, tmp_path):
    folder, played = recorded
    name = names(folder)[0]
    with np.load(folder / name) as archive:
        arrays = {
            key.replace("ainventory_", "inventory_").replace("achievement_", "achivement_"): values
            for key, values in sorted(((k, archive[k]) for k in archive.files), reverse=True)
        }
    np.savez(tmp_path / name, **arrays)
    (episode,) = read(open_foreign(tmp_path))
    assert_same(episode.rows, played[0])


@pytest.mark.parametrize(
    ("drop", "absent"),
    [
        (("semantic",), {"semantic"}),
        (("ainventory_sapling",), {"inventory"}),
        (("semantic", "player_pos", "ainventory_"), {"semantic", "positions", "inventory"}),
    ],
)
def test_what_is_lacking_is_absent(recorded, tmp_path, drop, absent):
    folder, played = recorded
    copy(folder, names(folder)[0], tmp_path, drop=drop)
    source = open_foreign(tmp_path)
    (episode,) = read(source)
    assert not absent & set(source.metadata.fields)
    assert not {f"{name}[0]" for name in absent} & set(source.metadata.unknown)
    rows = episode.rows
    np.testing.assert_array_equal(rows["frames"], played[0]["frames"])
    if "semantic" in absent:
        assert "env.area" in source.metadata.unknown
    assert episode.end_reason == TIME_LIMIT


def test_death_by_health_or_not_at_all(recorded, tmp_path):
    folder, _ = recorded
    dead = names(folder)[1]
    copy(folder, dead, tmp_path, drop=("discount",))
    assert [e.end_reason for e in read(open_foreign(tmp_path))] == [TERMINATED]
    copy(folder, dead, tmp_path, drop=("discount", "ainventory_"))
    source = open_foreign(tmp_path)
    (episode,) = read(source)
    assert episode.end_reason == UNKNOWN
    assert episode.rows["terminations"][-2]
    assert "truncations" in source.metadata.unknown


def test_not_done(recorded, tmp_path):
    folder, _ = recorded
    copy(folder, names(folder)[0], tmp_path, done=np.zeros(LENGTH + 1, bool))
    (episode,) = read(open_foreign(tmp_path))
    assert episode.end_reason == UNKNOWN
    assert not episode.rows["truncations"].any()
    assert not episode.rows["terminations"].any()


def test_a_first_row_that_was_recorded_is_kept(recorded, tmp_path):
    folder, _ = recorded
    name = names(folder)[0]
    with np.load(folder / name) as archive:
        told = {key: archive[key] for key in ("player_pos", "semantic", "ainventory_health")}
    for values in told.values():
        values[0] = values[1]
    copy(folder, name, tmp_path, **told)
    source = open_foreign(tmp_path)
    (episode,) = read(source)
    np.testing.assert_array_equal(episode.rows["semantic"], told["semantic"])
    np.testing.assert_array_equal(episode.rows["positions"], told["player_pos"])
    np.testing.assert_array_equal(episode.rows["inventory"][0], [9] + [0] * 15)
    assert not any("[0]" in name for name in source.metadata.unknown)
    assert not source.notes


def column(value, at: int = 3, dtype=np.int64) -> np.ndarray:
    values = np.zeros(LENGTH + 1, dtype)
    values[at] = value
    return values


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"action": column(17)}, "action: expected integers from 0 to 16, found 17"),
        ({"achievement_wake_up": column(65_536)}, "achievements: .*found 65536"),
        ({"ainventory_wood": column(10)}, "inventory: expected integers from 0 to 9, found 10"),
        ({"player_pos": np.full((LENGTH + 1, 2), 20)}, "from 0 to 23 x 0 to 19, found 20"),
        ({"semantic": np.zeros((LENGTH + 1, *AREA), np.uint8)}, "from 1 to 18, found 0"),
        ({"reward": column(np.inf, dtype=np.float64)}, "reward: .*found inf"),
        ({"image": np.zeros((LENGTH + 1, 64, 64, 3))}, "image: expected uint8, found float64"),
        ({"image": np.zeros((LENGTH + 1, 3, 64, 64), np.uint8)}, r"image: expected shape"),
        ({"done": column(True, dtype=bool)}, "end at the last of 12 actions only, found trunc"),
        ({"done": np.zeros(4, bool)}, "done, discount: expected 13 rows"),
    ],
)
def test_values_that_do_not_fit(recorded, tmp_path, changes, message):
    folder, _ = recorded
    path = copy(folder, names(folder)[0], tmp_path, **changes)
    with pytest.raises(ForeignError, match=message) as error:
        list(open_foreign(tmp_path).episodes())
    assert str(path) in str(error.value)


def test_episodes_that_differ(recorded, tmp_path):
    folder, _ = recorded
    first, second, _ = names(folder)
    copy(folder, first, tmp_path)
    path = copy(folder, second, tmp_path, drop=("semantic",))
    with pytest.raises(ForeignError, match=rf"{path}: expected semantic, positions, .*found posi"):
        open_foreign(tmp_path)
    copy(folder, second, tmp_path, image=np.zeros((9, 32, 32, 3), np.uint8))
    with pytest.raises(ForeignError, match=r"image: expected shape \(9, 64, 64, 3\), found"):
        list(open_foreign(tmp_path).episodes())


def test_arrays_that_grow_are_refused_unread(recorded, tmp_path, monkeypatch):
    """A kilobyte that is deflated can hold a megabyte, and a shape can claim anything."""
    folder, _ = recorded
    path = copy(folder, names(folder)[0], tmp_path)
    monkeypatch.setattr(checks, "MOST_BYTES", 100_000)
    with pytest.raises(ForeignError, match=rf"{path}: image: expected at most 100000 bytes"):
        open_foreign(tmp_path)


@pytest.mark.parametrize("keep", [0, 10, 5000, -40])
def test_truncated_files(recorded, tmp_path, keep):
    folder, _ = recorded
    path = copy(folder, names(folder)[0], tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ForeignError, match=str(path)) as error:
        list(open_foreign(tmp_path).episodes())
    assert "\n" not in str(error.value)


def test_damaged_bytes(recorded, tmp_path):
    folder, _ = recorded
    path = copy(folder, names(folder)[0], tmp_path)
    data = bytearray(path.read_bytes())
    for at in range(1000, len(data) - 5000, 997):
        data[at] ^= 255
    path.write_bytes(data)
    with pytest.raises(ForeignError, match=f"{path}: expected sound bytes"):
        list(open_foreign(tmp_path).episodes())


def test_pickles_are_not_run_unasked(recorded, tmp_path):
    folder, _ = recorded
    rewards = np.array([0.5] * (LENGTH + 1), object)
    copy(folder, names(folder)[0], tmp_path, reward=rewards)
    with pytest.raises(ForeignError, match=r"reward: .*with allow_pickle=True"):
        open_foreign(tmp_path)
    with pytest.raises(ForeignError, match="reward: expected numbers, found object"):
        list(open_foreign(tmp_path, allow_pickle=True).episodes())
