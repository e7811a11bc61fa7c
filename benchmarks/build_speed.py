"""Frames a second of `build-dataset` over stock Crafter's, side by side.

`python -m benchmarks.build_speed` plays stock `crafter.Env` alone in this
process, then runs `build-dataset` with all its storage, and again, so that a
machine whose speed drifts does not favour one of them. Both play the default
policy from the same seeds. The build is timed as a whole process, from its
start to its end.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click
import crafter
import numpy as np

from builder.policies import load_factory
from builder.seeding import policy_generator


def stock_rate(frames: int, seed: int, warm_up: int = 1) -> float:
    """Frames a second of stock Crafter, resets included."""
    env = crafter.Env(seed=seed)
    policy = load_factory("heuristic")(1)
    unused = np.zeros((1, 64, 64, 3), np.uint8)
    for _ in range(warm_up):
        env.reset()
    env._episode = 0
    begun = time.perf_counter()
    count = episode = 0
    while count < frames:
        env.reset()
        policy.reset(0, policy_generator(seed, episode))
        count, episode, done = count + 1, episode + 1, False
        while not done and count < frames:
            _, _, done, _ = env.step(int(policy.act(unused, {})[0]))
            count += 1
    return frames / (time.perf_counter() - begun)


def build_rate(frames: int, seed: int, workers: int, num_envs: int, folder: Path) -> float:
    """Frames a second of the whole command, start-up and final commit included."""
    out = folder / "speed.zarr"
    script = Path(sys.executable).with_name("build-dataset")
    begun = time.perf_counter()
    subprocess.run(
        [script, "--out", out, "--frames", str(frames), "--seed", str(seed), "--quiet",
         "--workers", str(workers), "--num-envs", str(num_envs)],
        check=True,
    )  # fmt: skip
    seconds = time.perf_counter() - begun
    shutil.rmtree(out)
    return frames / seconds


@click.command()
@click.option("--frames", default=40_000, show_default=True, help="Frames of each build.")
@click.option("--stock-frames", default=8_000, show_default=True, help="Frames of stock Crafter.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--workers", default=os.cpu_count() or 1, show_default=True)
@click.option("--num-envs", default=4, show_default=True)
def main(frames: int, stock_frames: int, rounds: int, workers: int, num_envs: int) -> None:
    """Measure."""
    ratios = []
    click.echo(f"{'round':>5} {'stock':>8} {'build':>8} {'ratio':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(rounds):
            before = stock_rate(stock_frames, seed=number)
            build = build_rate(frames, number, workers, num_envs, Path(folder))
            stock = statistics.mean([before, stock_rate(stock_frames, seed=number)])
            ratios.append(build / stock)
            click.echo(f"{number:>5} {stock:>8,.0f} {build:>8,.0f} {ratios[-1]:>6.2f}")
    cores = os.cpu_count() or 1
    median = statistics.median(ratios)
    click.echo(
        f"median ratio {median:.2f} on {cores} cores with {workers} workers: "
        f"{median / cores:.2f} a core"
    )


if __name__ == "__main__":
    main()
