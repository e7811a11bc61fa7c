"""Episodes written as the seed, DIAMOND and IRIS write them, held to every value."""

from __future__ import annotations

import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.builder.importing.detect import open_foreign
from crafter_dataset.builder.importing.foreign import ForeignError
from crafter_dataset.builder.importing.torch_episodes import _array, load_file
from crafter_dataset.schemas.layout import TERMINATED, UNKNOWN
from tests.importing.rows import read

torch = pytest.importorskip("torch")

LENGTHS = (5, 1, 9)
SIZE = (20, 24)  # width, height


def content(episode: int, length: int, end: bool = False, trunc: bool = False) -> dict:
    rng = np.random.default_rng(episode)
    flags = torch.zeros(2, length, dtype=torch.uint8)
    flags[0, -1], flags[1, -1] = end, trunc
    return {
        "obs": torch.from_numpy(rng.integers(0, 256, (length, 3, SIZE[1], SIZE[0]), np.uint8)),
        "act": torch.from_numpy(rng.integers(0, 17, length)),
        "rew": torch.from_numpy(rng.normal(size=length).astype(np.float32)),
        "end": flags[0],
        "trunc": flags[1],
    }


def file_of(episode: int) -> str:
    return f"{episode % 1000 // 100 * 100:03d}/{episode % 100 // 10 * 10:02d}/{episode % 10}/{episode}.pt"  # fmt: skip  # noqa: E501


def write(root: Path, episodes: dict[int, dict], numpy: bool, **more) -> Path:
    lengths = np.array([len(episode["act"]) for episode in episodes.values()])
    starts = np.cumsum(lengths) - lengths
    counter_rew: Counter = Counter()
    counter_end: Counter = Counter()
    for number, episode in episodes.items():
        path = root / file_of(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(episode, path)
        counter_rew.update(episode["rew"].sign().tolist())
        counter_end.update(episode["end"].tolist())
    info = {
        "num_episodes": len(lengths),
        "num_steps": int(lengths.sum()),
        "start_idx": starts if numpy else torch.from_numpy(starts),
        "lengths": lengths if numpy else torch.from_numpy(lengths),
        "counter_rew": counter_rew,
        "counter_end": counter_end,
        **more,
    }
    torch.save(info, root / "info.pt")
    return root


def assert_same(rows: dict, source: dict, keys=("obs", "act", "rew", "end", "trunc")) -> None:
    """Compare all values of the T rows, with DIAMOND's channels first."""
    frames, actions, rewards, end, trunc = keys
    np.testing.assert_array_equal(rows["frames"][:-1].transpose(0, 3, 1, 2), source[frames].numpy())
    for name, key in (("actions", actions), ("rewards", rewards), ("terminations", end)):
        np.testing.assert_array_equal(rows[name][:-1], source[key].numpy())
    wanted = source[trunc].numpy() if trunc else np.zeros(len(rows["actions"]) - 1)
    np.testing.assert_array_equal(rows["truncations"][:-1], wanted)


@pytest.mark.parametrize("numpy", [True, False])
def test_seed(tmp_path, numpy):
    episodes = {i: content(i, n, end=i == 0) for i, n in enumerate(LENGTHS)}
    source = open_foreign(write(tmp_path / "recent", episodes, numpy))
    read_back = read(source)
    for episode, original in zip(read_back, episodes.values(), strict=True):
        assert_same(episode.rows, original)
        assert not episode.has_final_frame
        assert not episode.rows["frames"][-1].any()
    assert [e.end_reason for e in read_back] == [TERMINATED, UNKNOWN, UNKNOWN]
    metadata = source.metadata
    assert metadata.env.size == SIZE
    assert "final_frames" in metadata.episode_fields
    assert not {"terrain", "world_seeds"} & set(metadata.episode_fields)
    assert {"truncations", "policy", "seed", "env.length", "env.area"} <= set(metadata.unknown)
    assert any("63 of the 256" in note for note in source.notes)


def test_order_is_of_the_numbers(tmp_path):
    episodes = {i: content(i, 1 + i % 3) for i in range(101)}
    source = open_foreign(write(tmp_path, episodes, True))
    for episode, original in zip(source.episodes(), episodes.values(), strict=True):
        assert_same(episode.rows, original)


def final(pixels: np.ndarray):
    """Return a picture as DIAMOND's TorchEnv does."""
    return torch.tensor(pixels).div(255).mul(2).sub(1).permute(2, 0, 1).contiguous()


def test_diamond(tmp_path):
    pixels = np.resize(np.arange(256, dtype=np.uint8), (SIZE[1], SIZE[0], 3))  # every level
    blurred = final(pixels).add(0.002)
    episodes = {
        0: content(0, 5, end=True) | {"info": {"final_observation": final(pixels)}},
        1: content(1, 4, trunc=True) | {"info": {"final_observation": final(pixels[::-1].copy())}},
        2: content(2, 3) | {"info": {}},
        3: content(3, 2, end=True) | {"info": {"final_observation": blurred}},
        4: content(4, 2, end=True, trunc=True) | {"info": {}},
    }
    root = write(tmp_path / "train", episodes, True, is_static=False)
    source = open_foreign(root)
    read_back = read(source)
    for episode, original in zip(read_back, episodes.values(), strict=True):
        assert_same(episode.rows, original)
    assert [e.end_reason for e in read_back] == [TERMINATED, UNKNOWN, UNKNOWN, TERMINATED, UNKNOWN]
    assert [e.has_final_frame for e in read_back] == [True, True, False, False, False]
    np.testing.assert_array_equal(read_back[0].rows["frames"][-1], pixels)
    np.testing.assert_array_equal(read_back[1].rows["frames"][-1], pixels[::-1])
    assert not read_back[3].rows["frames"][-1].any()
    assert "truncations" not in source.metadata.unknown


def test_diamond_root_of_two(tmp_path):
    for name in ("train", "test"):
        episode = content(0, 3) | {"info": {}}
        write(tmp_path / name, {0: episode}, True, is_static=True)
    with pytest.raises(ForeignError, match=r"test and .*train; give one of them"):
        open_foreign(tmp_path)
    assert open_foreign(tmp_path / "test").count == 1


KEYS = ("observations", "actions", "rewards", "ends", None)


def test_iris(tmp_path):
    episodes = {}
    for number, length in ((9, 4), (10, 7), (12, 1)):
        old = content(number, length, end=number == 10)
        episodes[number] = {
            "observations": old["obs"],
            "actions": old["act"],
            "rewards": old["rew"],
            "ends": old["end"].long(),
            "mask_padding": torch.ones(length, dtype=torch.bool),
        }
        torch.save(episodes[number], tmp_path / f"{number}.pt")
    source = open_foreign(tmp_path)
    read_back = read(source)
    for episode, original in zip(read_back, episodes.values(), strict=True):
        assert_same(episode.rows, original, KEYS)
        assert episode.end_reason == UNKNOWN
        assert not episode.has_final_frame
    assert read_back[1].rows["terminations"][-2]
    assert "truncations" in source.metadata.unknown
    assert not source.notes
    episodes[12]["mask_padding"][0] = False
    torch.save(episodes[12], tmp_path / "12.pt")
    with pytest.raises(ForeignError, match=r"12\.pt: mask_padding"):
        list(open_foreign(tmp_path).episodes())


def test_longer_than_the_default_limit(tmp_path):
    long = content(0, 10_001)
    long["obs"] = torch.zeros(10_001, 3, 18, 18, dtype=torch.uint8)
    source = open_foreign(write(tmp_path, {0: long}, True))
    assert source.metadata.env.length == 10_001
    assert "env.length" in source.metadata.unknown
    next(iter(source.episodes()))


def test_legacy_files(tmp_path):
    original = content(0, 3)
    torch.save(original, tmp_path / "0.pt", _use_new_zipfile_serialization=False)
    assert_same(read(open_foreign(tmp_path))[0].rows, original)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("act", torch.tensor([0, 17, 0]), "expected integers from 0 to 16, found 17"),
        ("act", torch.tensor([0.0, 0.5, 0]), "expected integers from 0 to 16, found 0.5"),
        ("rew", torch.tensor([0, float("nan"), 0]), "expected numbers .*, found nan"),
        ("rew", torch.tensor([0, 1e300, 0], dtype=torch.float64), "found 1e\\+300"),
        ("rew", torch.zeros(2), r"expected shape \(3,\), found \(2,\)"),
        ("end", torch.tensor([0, 1, 0]), "end at the last of 3 actions only, found terminations"),
        ("obs", torch.zeros(3, 3, *SIZE[::-1]), "expected uint8, found float32"),
        ("obs", torch.zeros(3, 3, 8, 8, dtype=torch.uint8), r"expected shape \(3, 3, 24, 20\)"),
        ("obs", "picture", "expected a tensor, found str"),
        ("act", torch.zeros(3, dtype=torch.bfloat16), "expected numbers, found torch.bfloat16"),
    ],
)
def test_values_that_do_not_fit(tmp_path, key, value, message):
    episodes = {0: content(0, 3), 1: content(1, 3)}
    root = write(tmp_path, episodes, True)
    episodes[1][key] = value
    torch.save(episodes[1], root / file_of(1))
    with pytest.raises(
        ForeignError, match=rf"1\.pt: {key}: .*{message}|1\.pt: .*{message}"
    ) as error:
        list(open_foreign(root).episodes())
    assert "\n" not in str(error.value)


def test_disagreement_with_the_info(tmp_path):
    episodes = {i: content(i, 3) for i in range(3)}
    root = write(tmp_path, episodes, True)
    torch.save(content(2, 4), root / file_of(2))
    with pytest.raises(
        ForeignError, match=r"2\.pt: expected 3 actions, as info\.pt has it, found 4"
    ):
        list(open_foreign(root).episodes())
    (root / file_of(1)).unlink()
    with pytest.raises(
        ForeignError, match=r"expected episodes 0 to 2, as info\.pt has it, found 2"
    ):
        open_foreign(root)


@pytest.mark.parametrize("keep", [0, 10, 300, 2000, -30])
def test_truncated_files(tmp_path, keep):
    root = write(tmp_path, {i: content(i, 3) for i in range(2)}, True)
    path = root / file_of(1)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ForeignError, match=r"1\.pt: expected a file of torch\.save") as error:
        list(open_foreign(root).episodes())
    assert "allow_pickle" not in str(error.value)


def test_damaged_bytes(tmp_path):
    """PyTorch itself would read them."""
    root = write(tmp_path, {0: content(0, 3)}, True)
    path = root / file_of(0)
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda info: info.file_size)
    data = bytearray(path.read_bytes())
    data[largest.header_offset + 500] ^= 1
    path.write_bytes(data)
    torch.load(path)
    with pytest.raises(ForeignError, match=r"0\.pt: expected sound bytes, found .*data/0 damaged"):
        list(open_foreign(root).episodes())


class Odd:
    """What no plain file may hold."""


@pytest.mark.parametrize("zipped", [True, False])
def test_pickles_are_not_run_unasked(tmp_path, zipped):
    original = content(0, 3) | {"info": {"odd": Odd()}}
    torch.save(original, tmp_path / "0.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(ForeignError, match=r"0\.pt: .*with allow_pickle=True"):
        open_foreign(tmp_path)
    source = open_foreign(tmp_path, allow_pickle=True)
    assert_same(read(source)[0].rows, original)


class Says:
    """Is pickled as a call of something with arguments, and a state."""

    def __init__(self, *said):
        self.said = said

    def __reduce__(self):
        return self.said


BYTES = np.dtype("u1")
RECONSTRUCT = np.zeros(1).__reduce__()[0]


def array(kind, shape, data, order=False):
    """Is pickled as an array of a type, a shape and bytes."""
    return Says(RECONSTRUCT, (np.ndarray, (0,), b"b"), (1, shape, kind, order, data))


def kind(code, *state):
    return Says(np.dtype, (code, False, True), state)


LONG = kind("i8", 3, "<", None, None, None, -1, -1, 0)
DOUBLE = kind("f8", 3, "<", None, None, None, -1, -1, 0)
PARTS = kind("i8", 4, "<", (BYTES, (1,)), None, None, -1, -1, 0, None)
FIELDS = kind("V8", 4, "|", None, ("a",), {"a": (BYTES, 0)}, 8, 1, 0)
LIES = {
    # The memory of 9 numbers of 8 bytes, in which NumPy would take each for one of a byte.
    "subarray": array(PARTS, (9,), b"\0" * 72),
    "fields": array(FIELDS, (9,), b"\0" * 72),
    "objects": array(kind("O8", 3, "|", None, None, None, -1, -1, 63), (9,), [print] * 9),
    "short": array(LONG, (9,), b"\0" * 71),
    "huge": array(LONG, (2**62, 4), b""),
    "negative": array(LONG, (-9,), b"\0" * 72),
    "no type": array(3, (9,), b"\0" * 72),
    "number": Says(np.float64(0).__reduce__()[0], (DOUBLE, b"")),
}


def test_a_picture_that_stands_for_many_is_refused_unread(tmp_path):
    """A tensor of stride 0 takes the bytes of one row in the file, and those of all in memory."""
    path = tmp_path / file_of(0)
    path.parent.mkdir(parents=True)
    one = torch.zeros((1, 3, 512, 512), dtype=torch.uint8)
    rest = {key: torch.zeros(60_000, dtype=torch.uint8) for key in ("act", "rew", "end", "trunc")}
    torch.save({"obs": one.expand(60_000, -1, -1, -1), **rest}, path)
    assert path.stat().st_size < 2**21
    with pytest.raises(ForeignError, match=r"pictures: expected at most .* found 47"):
        open_foreign(tmp_path)


@pytest.mark.parametrize("name", LIES)
def test_arrays_that_are_not_what_they_say_are_refused(tmp_path, name):
    episode = content(0, 9) | {"act": LIES[name]}
    path = tmp_path / file_of(0)
    path.parent.mkdir(parents=True)
    torch.save(episode, path)
    with pytest.raises(ForeignError, match=r"0\.pt"):
        read(open_foreign(tmp_path))


@pytest.mark.parametrize("code", ["?", "u1", "i2", ">i4", "<u8", "f4", ">f8"])
def test_numpys_own_arrays_are_read(tmp_path, code):
    path = tmp_path / "a.pt"
    wanted = np.arange(12).astype(code).reshape(3, 4)
    torch.save({"rows": wanted, "columns": np.asfortranarray(wanted), "one": wanted[1, 2]}, path)
    found = load_file(path, allow_pickle=False)
    for key in ("rows", "columns"):
        np.testing.assert_array_equal(_array(found[key], "a"), wanted, strict=True)
    assert found["one"] == wanted[1, 2]
