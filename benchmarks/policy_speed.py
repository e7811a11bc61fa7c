"""What policies cost a build that look, in Python, in compiled code or with a network.

`python -m benchmarks.policy_speed` builds in turns: random actions as a plan,
which the engine plays without a look, and the same actions from a vectorised
policy in Python that is asked at each step; the default policy, a compiled one
and `expert`, which is also held to stock Crafter that steps the same episodes
in as many processes; and a policy with a small network on the CPU, which one worker asks while
it plays, beside that network alone, and the stub in one worker. Builds are
timed whole, with the start of their workers, but for those beside the network
alone, which need not import it. Ratios are of frames a second.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.stock_crafter import stock_rate_on_cores
from crafter_dataset import open_dataset
from crafter_dataset.builder.run import run_build
from crafter_dataset.builder.run_options import RunOptions
from crafter_dataset.builder.settings import BuildSettings, Target

_PARTS = ("stub", "played", "compiled", "expert", "network")
_OWN = "benchmarks.policies"
_NETWORK = "examples.torch_policy:make_policy"


def build_rate(
    folder: Path, policy: str, frames: int, workers: int, num_envs: int, **policy_args: Any
) -> float:
    """Build a dataset, and return its frames a second."""
    return frames / build_seconds(folder, policy, frames, workers, num_envs, **policy_args)


def started_rate(folder: Path, policy: str, frames: int, workers: int, num_envs: int) -> float:
    """Frames a second without the start: less what a build of one frame takes."""
    start = build_seconds(folder, policy, 1, workers, num_envs)
    return frames / (build_seconds(folder, policy, frames, workers, num_envs) - start)


def build_seconds(
    folder: Path, policy: str, frames: int, workers: int, num_envs: int, **policy_args: Any
) -> float:
    """Build a dataset, and return how long it took."""
    result = run_build(
        folder / "speed.zarr",
        BuildSettings(policy=policy, policy_args=policy_args),
        Target(frames=frames),
        RunOptions(workers=workers, num_envs=num_envs),
        overwrite=True,
    )
    return result.seconds


def played_over_kept(folder: Path, frames: int, workers: int, num_envs: int) -> float:
    """Build with a policy that counts, and return its frames over those of the dataset."""
    counts = folder / "counts"
    counts.mkdir(exist_ok=True)
    build_rate(folder, f"{_OWN}:Stub", frames, workers, num_envs, counts=str(counts))
    played = sum(int(np.fromfile(file, np.int64)[0]) for file in counts.iterdir())
    for file in counts.iterdir():
        file.unlink()
    return played / frames


def inference_rate(lanes: int, seconds: float) -> float:
    """Frames a second of the network alone, on frames of noise, in batches of some lanes."""
    from examples.torch_policy import make_policy

    policy = make_policy(lanes)
    frames = np.random.default_rng(0).integers(256, size=(lanes, 64, 64, 3), dtype=np.uint8)
    numbers, infos = np.arange(lanes), {"playing": np.ones(lanes, bool)}
    for lane in range(lanes):
        policy.reset(lane, np.random.default_rng(lane))
    policy.act(frames, infos, numbers)
    begun, done = time.perf_counter(), 0
    while time.perf_counter() - begun < seconds:
        policy.act(frames, infos, numbers)
        done += lanes
    return done / (time.perf_counter() - begun)


def _compare(what: str, rounds: int, *measures: Any) -> None:
    """Print the median of the ratios of the first measure to the least of the others."""
    rates = [[measure() for measure in measures] for _ in range(rounds)]
    ratio = statistics.median(first / min(others) for first, *others in rates)
    shown = " ".join(f"{statistics.median(each):>10,.0f}" for each in zip(*rates, strict=True))
    click.echo(f"{what:<44} {ratio:>6.2f}  {shown}")


@click.command()
@click.option("--frames", default=300_000, show_default=True, help="Frames of each build.")
@click.option("--network-frames", default=100_000, show_default=True, help="With the network.")
@click.option("--stock-frames", default=3_000, show_default=True, help="Of each stock process.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--lanes", default=[4, 64, 256], multiple=True, show_default=True, type=int)
@click.option("--network-lanes", default=128, show_default=True, help="In two groups.")
@click.option("--only", type=click.Choice(_PARTS), multiple=True, help="By default, all.")
def main(
    frames: int,
    network_frames: int,
    stock_frames: int,
    rounds: int,
    workers: int,
    lanes: tuple[int, ...],
    network_lanes: int,
    only: tuple[str, ...],
) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def rate(policy: str, count: int, num_envs: int = 1) -> Any:
            return lambda: build_rate(folder, policy, frames, count, num_envs)

        for policy in ("heuristic", "benchmarks.compiled_policy:wanderer"):
            build_rate(folder, policy, 1, 1, 1)  # compiles, if need be
        click.echo(f"{'':<44} {'ratio':>6}  frames/s of each")
        parts = only or _PARTS
        for count in lanes if "stub" in parts else ():
            _compare(
                f"stub / plan, {workers} workers of {count} lanes",
                rounds,
                rate(f"{_OWN}:Stub", workers, count),
                rate(f"{_OWN}:planned", workers),
            )
        for count in lanes if "played" in parts else ():
            ratio = played_over_kept(folder, frames, workers, count)
            click.echo(f"{f'frames played / kept, {workers} workers of {count}':<44} {ratio:>6.3f}")
        if "compiled" in parts:
            _compare(
                f"compiled / heuristic, {workers} workers",
                rounds,
                rate("benchmarks.compiled_policy:wanderer", workers),
                rate("heuristic", workers),
            )
        if "expert" in parts:
            expert = rate("expert", workers)
            _compare(
                f"expert / heuristic, {workers} workers", rounds, expert, rate("heuristic", workers)
            )
            expert()
            recorded = [episode["actions"][:] for episode in open_dataset(folder / "speed.zarr")]
            _compare(
                f"expert / stock on {workers} cores",
                rounds,
                expert,
                lambda: stock_rate_on_cores(stock_frames, 0, workers, recorded),
            )
        if "network" in parts:
            _compare(
                f"network / (stub, inference), 1 worker of {network_lanes}",
                rounds,
                lambda: started_rate(folder, _NETWORK, network_frames, 1, network_lanes),
                lambda: started_rate(folder, f"{_OWN}:Stub", network_frames, 1, network_lanes),
                lambda: inference_rate(network_lanes // 2, 3.0),
            )


if __name__ == "__main__":
    main()
