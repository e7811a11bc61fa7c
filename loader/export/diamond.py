"""The static datasets of DIAMOND (github.com/eloialonso/diamond)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.checks import FIELDS, check_dataset
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.loader.export.torch_files import require_torch, save


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write the episodes as DIAMOND's training data.

    Episode n is `train/HHH/TT/O/n.pt`, in folders of its hundreds, tens and
    ones (episode 1057 is `train/000/50/7/1057.pt`): a dict of

    - `obs`: uint8 (T, 3, H, W)
    - `act`: int64 (T,)
    - `rew`: float32 (T,)
    - `end`, `trunc`: uint8 (T,)
    - `info`: a dict, empty or with `final_observation`: float32 (3, H, W), from
      -1 to 1, if `end` or `trunc` is set in the episode

    Row t holds a frame, the action taken there and what that action caused.
    `train/info.pt` holds `is_static` (true, so that DIAMOND refuses to add
    episodes), `num_episodes`, `num_steps`, `start_idx` and `lengths` (int64),
    and `collections.Counter` of the rewards' signs (`counter_rew`) and of `end`
    (`counter_end`). DIAMOND itself keeps `start_idx` and `lengths` as NumPy
    arrays; here they are tensors, which its samplers take as well. A pickle of
    a NumPy 2 array does not load under the NumPy 1.26.0 that DIAMOND asks for,
    and no pickled array loads with `weights_only=True`, PyTorch's default since
    2.6; all files here do.

    Set `static_dataset.path` to the folder. DIAMOND also looks for a `test`
    folder, and evaluates on no episodes if there is none, as here. Export the
    episodes for testing to a folder of their own, and move its `train` here as
    `test`. DIAMOND rewrites the `info.pt` of both as it trains.

    Source: `src/data/dataset.py`, `src/data/episode.py` and
    `src/models/rew_end_model.py` at commit 5bcd159.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export; they are numbered from 0 in their order.
    path : Path
        Folder to make.

    Yields
    ------
    int
        Frames of each episode, once it is written.

    Raises
    ------
    ExportError
        If there are no episodes, one has no action, or one ended in death and
        its final frame was not recorded, which DIAMOND's reward model needs.
    MissingPackageError
        If PyTorch is not installed.
    """
    check_dataset(dataset, need_actions=True)
    _check_final_frames(dataset)
    require_torch()
    folder = path / "train"
    counter_rew: Counter[float] = Counter()
    counter_end: Counter[int] = Counter()
    for number, episode in enumerate(dataset):
        content = _make_content(episode)
        save(folder / _file_of(number), content)
        counter_rew.update(np.sign(content["rew"]).tolist())
        counter_end.update(content["end"].tolist())
        yield episode.length
    lengths = dataset.episodes["lengths"] - 1
    info = {
        "is_static": True,
        "num_episodes": len(dataset),
        "num_steps": int(lengths.sum()),
        "start_idx": np.cumsum(lengths) - lengths,
        "lengths": lengths,
        "counter_rew": counter_rew,
        "counter_end": counter_end,
    }
    save(folder / "info.pt", info)


def _check_final_frames(dataset: Dataset) -> None:
    """Refuse a death whose frame is missing: DIAMOND looks it up wherever `end` is set."""
    for episode in dataset:
        if not episode.has_final_frame and episode["terminations"][:].any():
            raise ExportError(
                f"episode {episode.id}: expected its final frame, which DIAMOND needs of an "
                f"episode that ended in death, found none recorded ({dataset.path})"
            )


def _make_content(episode: Episode) -> dict[str, Any]:
    rows = episode.load(FIELDS)
    frames = rows["frames"].transpose(0, 3, 1, 2)
    over = rows["terminations"].any() or rows["truncations"].any()
    shown = {"final_observation": _scale(frames[-1])} if over and episode.has_final_frame else {}
    return {
        "obs": frames[:-1],
        "act": rows["actions"][:-1].astype(np.int64),
        "rew": rows["rewards"][:-1],
        "end": rows["terminations"][:-1].astype(np.uint8),
        "trunc": rows["truncations"][:-1].astype(np.uint8),
        "info": shown,
    }


def _scale(frame: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scale as DIAMOND does when it loads: the same operations, so the same values."""
    return frame.astype(np.float32) / np.float32(255) * np.float32(2) - np.float32(1)


def _file_of(number: int) -> str:
    tens, hundreds = number % 100 // 10 * 10, number % 1000 // 100 * 100
    return f"{hundreds:03d}/{tens:02d}/{number % 10}/{number}.pt"
