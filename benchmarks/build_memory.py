"""Peak memory of `build-dataset` for a small and a large dataset, side by side.

`python -m benchmarks.build_memory` builds both with the same settings and
samples the resident memory of the command and of its workers.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import psutil


def peak_memory(frames: int, folder: Path) -> tuple[float, float]:
    """Peak resident memory in MB: of the command itself, and with all its workers."""
    out = folder / "memory.zarr"
    script = Path(sys.executable).with_name("build-dataset")
    process = psutil.Popen([script, "--out", out, "--frames", str(frames), "--quiet"])
    own = whole = 0
    while process.poll() is None:
        try:
            sizes = [process.memory_info().rss]
            sizes += [child.memory_info().rss for child in process.children(recursive=True)]
        except psutil.NoSuchProcess:
            continue
        own, whole = max(own, sizes[0]), max(whole, sum(sizes))
        time.sleep(0.05)
    if process.returncode:
        raise click.ClickException(f"build-dataset ended with {process.returncode}")
    shutil.rmtree(out)
    return own / 1e6, whole / 1e6


@click.command()
@click.option("--frames", multiple=True, type=int, default=(20_000, 100_000), show_default=True)
def main(frames: tuple[int, ...]) -> None:
    """Measure."""
    click.echo(f"{'frames':>10} {'command MB':>11} {'with workers MB':>16}")
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for count in frames:
            own, whole = peak_memory(count, Path(folder))
            peaks.append(whole)
            click.echo(f"{count:>10,} {own:>11.1f} {whole:>16.1f}")
    click.echo(f"largest over smallest dataset: {peaks[-1] / peaks[0]:.3f}")


if __name__ == "__main__":
    main()
