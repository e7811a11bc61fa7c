"""Frames a second of `build-dataset` over stock Crafter's on the same cores, side by side.

`python -m benchmarks.build_speed` plays stock `crafter.Env` alone, one process
a core, before and after each run of `build-dataset` with all its storage, so
that a machine whose speed drifts does not favour one of them. Both play the
default policy. The build is timed as a whole process, from its start to its
end; a build of one frame shows what the start alone takes.
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

from benchmarks.stock_crafter import stock_rate_on_cores


def build_seconds(folder: Path, *options: object) -> float:
    """Seconds of the whole command."""
    out = folder / "speed.zarr"
    script = Path(sys.executable).with_name("build-dataset")
    begun = time.perf_counter()
    subprocess.run([script, "--out", out, "--quiet", *map(str, options)], check=True)
    seconds = time.perf_counter() - begun
    shutil.rmtree(out)
    return seconds


@click.command()
@click.option("--frames", default=1_000_000, show_default=True, help="Frames of each build.")
@click.option("--stock-frames", default=3_000, show_default=True, help="Of each stock process.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--workers", default=os.cpu_count() or 1, show_default=True)
@click.option("--engine", default="fast", show_default=True)
@click.option("--codec", default=None, help="By default, the command's own default.")
def main(
    frames: int, stock_frames: int, rounds: int, workers: int, engine: str, codec: str | None
) -> None:
    """Measure."""
    options = ["--workers", workers, "--engine", engine, *(["--codec", codec] if codec else [])]
    ratios, starts = [], []
    click.echo(f"{'round':>5} {'stock':>8} {'build':>8} {'ratio':>6} {'start':>7}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build_seconds(folder, "--frames", 1, *options)  # compiles, if need be
        for number in range(rounds):
            before = stock_rate_on_cores(stock_frames, number, workers)
            build = frames / build_seconds(folder, "--frames", frames, "--seed", number, *options)
            after = stock_rate_on_cores(stock_frames, number, workers)
            starts.append(build_seconds(folder, "--frames", 1, *options))
            ratios.append(build / statistics.mean([before, after]))
            click.echo(
                f"{number:>5} {(before + after) / 2:>8,.0f} {build:>8,.0f} {ratios[-1]:>6.1f} "
                f"{starts[-1]:>5.2f} s"
            )
    click.echo(
        f"median: {statistics.median(ratios):.1f} x stock, both on {workers} cores; "
        f"a build of one frame takes {statistics.median(starts):.2f} s"
    )


if __name__ == "__main__":
    main()
