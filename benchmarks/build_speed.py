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
@click.option(
    "--pictures", multiple=True, default=("stored", "drawn"), show_default=True, help="In turns."
)
def main(
    frames: int,
    stock_frames: int,
    rounds: int,
    workers: int,
    engine: str,
    codec: str | None,
    pictures: tuple[str, ...],
) -> None:
    """Measure."""
    options = ["--workers", workers, "--engine", engine, *(["--codec", codec] if codec else [])]
    rates: dict[str, list[float]] = {name: [] for name in pictures}
    stock, starts = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for kind in pictures:
            build_seconds(folder, "--frames", 1, "--pictures", kind, *options)  # compiles
        for number in range(rounds):
            before = stock_rate_on_cores(stock_frames, number, workers)
            for kind, found in rates.items():
                size = ["--frames", frames, "--seed", number, "--pictures", kind]
                found.append(frames / build_seconds(folder, *size, *options))
            after = stock_rate_on_cores(stock_frames, number, workers)
            stock.append(statistics.mean([before, after]))
            starts.append(build_seconds(folder, "--frames", 1, *options))
            shown = ", ".join(f"{kind} {found[-1]:,.0f}" for kind, found in rates.items())
            click.echo(f"round {number}: stock {stock[-1]:,.0f} frames/s, {shown}")
    first = next(iter(rates.values()))
    for kind, found in rates.items():
        to_stock = statistics.median(a / b for a, b in zip(found, stock, strict=True))
        to_first = statistics.median(a / b for a, b in zip(found, first, strict=True))
        click.echo(
            f"{kind}: median {to_stock:.1f} x stock, {to_first:.2f} x {pictures[0]}, all on "
            f"{workers} cores"
        )
    click.echo(f"a build of one frame takes {statistics.median(starts):.2f} s")


if __name__ == "__main__":
    main()
