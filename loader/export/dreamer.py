"""The replay of DreamerV3 (github.com/danijar/dreamerv3)."""

from __future__ import annotations

import hashlib
import json
import string
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.checks import FIELDS, check_dataset, check_final_frames
from crafter_dataset.loader.export.npz import save_npz

CHUNK = 1024
"""Steps per chunk, DreamerV3's `replay.chunksize`."""

_FIRST = datetime(2000, 1, 1)
_DIGITS = string.digits + string.ascii_letters


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write the episodes as one stream of DreamerV3's replay, to be its `<logdir>/replay`.

    The stream is cut into chunks of 1024 steps, regardless of episodes; the
    last chunk may be shorter. A chunk's file is `TIME-UUID-SUCCESSOR-STEPS.npz`:
    the time it was begun (`20000101T000000F000000`), its UUID and that of the
    chunk after it (22 base-62 digits, all 0 at the end), and its number of
    steps. It holds

    - `image`: uint8 (STEPS, H, W, 3)
    - `reward`: float32, the reward that came with the image; 0 on a first step
    - `is_first`, `is_last`: bool, first and last step of an episode
    - `is_terminal`: bool, the episode ended here in death
    - `action`: int32, taken after the image; 0 on a last step
    - `stepid`: uint8 (STEPS, 20), the chunk's UUID and the step's index in it,
      big-endian

    An episode of T actions has T + 1 steps. `is_last` is also set where an
    episode was cut, so that nothing is learned across two episodes.

    Names are chosen so that the same episodes make the same files: chunk n's
    time is n seconds after the year 2000, since DreamerV3 reads chunks from the
    latest name to the earliest, and needs a successor before what it succeeds;
    UUIDs are a hash of which episodes these are and of n, so that several
    exports can lie in one folder. All are older than chunks that DreamerV3 will
    add, and so the first to go when the replay is full.

    DreamerV3 loads a replay only together with a checkpoint of the run: start
    it once, stop it when it has saved, and put the chunks in place. Run with
    `--replay_context 0`, since these steps carry no state of an agent.

    Source: `embodied/core/chunk.py`, `embodied/core/replay.py`,
    `embodied/envs/crafter.py` and `embodied/run/train.py` at commit e3f0224,
    and the package elements 3.22.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export, in this order.
    path : Path
        Folder to make.

    Yields
    ------
    int
        Frames of each episode, once its last whole chunk is written.

    Raises
    ------
    ExportError
        If there are no episodes, or the final frame of one was not recorded:
        the last reward comes with it.
    """
    check_dataset(dataset, need_actions=False)
    check_final_frames(dataset, "which DreamerV3 needs for the last reward")
    path.mkdir()
    stream = _Stream(dataset, path)
    for episode in dataset:
        stream.write(_make_steps(episode))
        yield episode.length


def _make_steps(episode: Episode) -> dict[str, NDArray[Any]]:
    """Return an episode's steps: what an action caused goes with the image that followed it."""
    rows = episode.load(FIELDS)
    reward = np.zeros(episode.length, np.float32)
    reward[1:] = rows["rewards"][:-1]
    is_first, is_last, is_terminal = np.zeros((3, episode.length), np.bool_)
    is_first[0] = is_last[-1] = True
    is_terminal[1:] = rows["terminations"][:-1]
    return {
        "image": rows["frames"],
        "reward": reward,
        "is_first": is_first,
        "is_last": is_last,
        "is_terminal": is_terminal,
        "action": rows["actions"].astype(np.int32),
    }


class _Stream:
    """Chunks of a stream of steps, each written when it is full or holds the last step."""

    def __init__(self, dataset: Dataset, path: Path) -> None:
        self._path, self._left = path, dataset.frames
        self._seed = _identify(dataset)
        self._number = self._size = 0
        self._chunk: dict[str, NDArray[Any]] = {}

    def write(self, steps: dict[str, NDArray[Any]]) -> None:
        # Copied: a view would hold the whole episode in memory.
        for name, rows in steps.items():
            if name not in self._chunk:
                self._chunk[name] = np.empty((CHUNK, *rows.shape[1:]), rows.dtype)
        length, start = len(steps["action"]), 0
        while start < length:
            count = min(CHUNK - self._size, length - start)
            for name, rows in steps.items():
                self._chunk[name][self._size : self._size + count] = rows[start : start + count]
            self._size += count
            start += count
            if self._size in (CHUNK, self._left):
                self._save()

    def _save(self) -> None:
        self._left -= self._size
        uuid = self._uuid(self._number)
        succ = self._uuid(self._number + 1) if self._left else bytes(16)
        stepid = np.empty((self._size, 20), np.uint8)
        stepid[:, :16] = np.frombuffer(uuid, np.uint8)
        stepid[:, 16:] = np.arange(self._size, dtype=">u4")[:, None].view(np.uint8)
        begun = _FIRST + timedelta(seconds=self._number)
        name = f"{begun:%Y%m%dT%H%M%SF%f}-{_base62(uuid)}-{_base62(succ)}-{self._size}.npz"
        steps = {key: rows[: self._size] for key, rows in self._chunk.items()}
        save_npz(self._path / name, {**steps, "stepid": stepid})
        self._number, self._size = self._number + 1, 0

    def _uuid(self, number: int) -> bytes:
        return hashlib.sha256(self._seed + number.to_bytes(8, "big")).digest()[:16]


def _identify(dataset: Dataset) -> bytes:
    """Hash which episodes these are; the same for every container and chunk length."""
    header = json.dumps(dataset.metadata.header(), sort_keys=True)
    sha = hashlib.sha256(header.encode())
    for name in ("episode_ids", "lengths", "returns", "end_reasons", "world_seeds"):
        sha.update(dataset.episodes[name].tobytes())
    return sha.digest()


def _base62(uuid: bytes) -> str:
    number, digits = int.from_bytes(uuid, "big"), ""
    for _ in range(22):
        number, digit = divmod(number, 62)
        digits = _DIGITS[digit] + digits
    return digits
