"""Frames a second of branches from random frames of a dataset, beside the engine's own.

`python -m benchmarks.branch_speed` plays, in turn: the dataset's episodes again by the engine's
`play`, which draws each frame; and, by `Dataset.branch`, other actions from random frames on. What
the second takes longer for a frame is worlds and frames that lead to the starts, copies of worlds,
and, unless the arrays are those of the last call, memory for all that is returned.
"""

from __future__ import annotations

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
from crafter_dataset.engine.rows import Done
from crafter_dataset.engine.spec import make_seen


class Engine:
    """Plays a dataset's episodes again, drawing all frames, in one thread."""

    def __init__(self, dataset: Dataset) -> None:
        env = dataset.metadata.env
        self._lanes = FastLanes(1, env.area, env.view, env.size, env.length, env.reward)
        most = int(dataset.episodes["length"].max())
        self._seen = make_seen(most, env.area, env.size)
        dtypes = ("u1", "f4", "?", "?")
        self._done = Done(*(np.zeros(most, dtype) for dtype in dtypes))
        self._episodes = [(each.world_seed, each["actions"][:]) for each in dataset]

    def frames_per_second(self) -> float:
        """Measure."""
        begun, frames = time.perf_counter(), 0
        for seed, actions in self._episodes:
            self._lanes.start(0, seed)
            frames += abs(
                self._lanes.play(
                    0, actions, 0, len(actions), self._seen, self._done, 0, 0, len(actions)
                )
            )
        return frames / (time.perf_counter() - begun)


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
        engine = Engine(dataset)
        ways: dict[str, tuple[tuple[str, ...], dict[str, NDArray[Any]] | None]] = {
            "branches": (("frames", "rewards"), None),
            "into the same arrays": (("frames", "rewards"), {}),
            "without pictures": (("inventory", "rewards"), None),
        }
        rates: dict[str, list[float]] = {name: [] for name in ("engine", *ways)}
        for _ in range(rounds + 1):  # the first one warms up
            where = random_starts(dataset, starts, rng)
            actions = rng.integers(len(dataset.metadata.actions), size=(starts, horizon))
            rates["engine"].append(engine.frames_per_second())
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
    own = statistics.median(rates["engine"][1:])
    for name, measured in rates.items():
        rate = statistics.median(measured[1:])
        click.echo(f"{name:28} {rate:>10,.0f} frames/s  {rate / own:5.2f}")


if __name__ == "__main__":
    main()
