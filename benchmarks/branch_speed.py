"""Frames a second of branches from random frames of a dataset, beside the engine's own.

`python -m benchmarks.branch_speed` plays, in turn: the dataset's episodes again by the engine's
`play`, which draws each frame, as many frames as branches return; and, by `Dataset.branch`, other
actions from random frames on. What the second takes longer for a frame is worlds and frames that
lead to the starts, and copies of worlds. Both write into new arrays, and into those of the last
call; new memory can cost more than drawing does.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.data import given_or_built
from crafter_dataset import Dataset, open_dataset
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.rows import Done, Seen


class Engine:
    """Plays a dataset's episodes again, drawing all frames, in one thread."""

    def __init__(self, dataset: Dataset, frames: int) -> None:
        env = self._env = dataset.metadata.env
        self._lanes = FastLanes(1, env.area, env.view, env.size, env.length, env.reward)
        self._rows = frames
        self._done = Done(*(np.zeros(frames, dtype) for dtype in ("u1", "f4", "?", "?")))
        self._episodes = [(each.world_seed, each["actions"][:]) for each in dataset]
        self._kept = self._new()

    def _new(self) -> Seen:
        width, height = self._env.size
        return Seen.over({"frames": np.zeros((self._rows, height, width, 3), np.uint8)})

    def frames_per_second(self, new: bool) -> float:
        """Measure."""
        begun = time.perf_counter()
        seen, row = self._new() if new else self._kept, 0
        for seed, actions in itertools.cycle(self._episodes):
            stop = min(len(actions), self._rows - row)
            self._lanes.start(0, seed)
            row += abs(self._lanes.play(0, actions, 0, stop, seen, self._done, row, row, stop))
            if row == self._rows:
                return row / (time.perf_counter() - begun)
        raise ValueError("dataset: expected episodes, found none")


def random_starts(dataset: Dataset, count: int, rng: np.random.Generator) -> NDArray[Any]:
    """Draw frames of a dataset, each as likely as any other: episodes and frames in these."""
    lengths = dataset.episodes["length"]
    ends = np.cumsum(lengths)
    frames = rng.integers(ends[-1], size=count)
    episodes = np.searchsorted(ends, frames, "right")
    return np.stack([episodes, frames - (ends - lengths)[episodes]], 1)


@click.command()
@click.argument("path", type=click.Path(path_type=Path), required=False)
@click.option("--frames", default=50_000, show_default=True, help="Of the dataset that is built.")
@click.option("--starts", default=2_000, show_default=True)
@click.option("--horizon", default=15, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(
    path: Path | None, frames: int, starts: int, horizon: int, threads: int, rounds: int
) -> None:
    """Measure, on the dataset at PATH if it is given."""
    with tempfile.TemporaryDirectory() as folder:
        dataset = open_dataset(given_or_built(path, Path(folder), frames))
        rng = np.random.default_rng(0)
        engine = Engine(dataset, starts * (horizon + 1))
        ways: dict[str, tuple[tuple[str, ...], dict[str, NDArray[Any]] | None]] = {
            "branches": (("frames", "rewards"), {}),
            "branches, new arrays": (("frames", "rewards"), None),
            "branches without pictures": (("inventory", "rewards"), None),
        }
        own = {"engine": False, "engine, new arrays": True}
        rates: dict[str, list[float]] = {name: [] for name in (*own, *ways)}
        for _ in range(rounds + 1):  # the first one warms up
            where = random_starts(dataset, starts, rng)
            actions = rng.integers(len(dataset.metadata.actions), size=(starts, horizon))
            for name, new in own.items():
                rates[name].append(engine.frames_per_second(new))
            for name, (fields, kept) in ways.items():
                begun = time.perf_counter()
                found = dataset.branch(
                    where, actions, fields=fields, threads=threads, out=kept or None
                )
                seconds = time.perf_counter() - begun
                rates[name].append((found["valid"].sum() + starts) / seconds)
                if kept is not None:
                    kept.update(found)
                del found
    click.echo(f"{starts} branches of {horizon} actions, {threads} thread{'s'[: threads > 1]}")
    medians = {name: statistics.median(measured[1:]) for name, measured in rates.items()}
    for name, rate in medians.items():
        beside = medians["engine, new arrays" if "new" in name else "engine"]
        click.echo(f"{name:28} {rate:>10,.0f} frames/s  {rate / beside:5.2f}")


if __name__ == "__main__":
    main()
