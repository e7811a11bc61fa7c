"""Memory of the loader: over an epoch, and with an index of a hundred million frames.

`python -m benchmarks.loader_memory` builds a dataset and goes through an epoch
of its windows, looking at the resident memory after each twentieth of it; then
it opens the index of a synthetic dataset of 550,000 episodes (its tables are
real files, its pictures were never written), makes windows and a sampler, and
draws from it. Each runs in a fresh process.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import zarr

from benchmarks.data import given_or_built
from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.layout import TABLE, TABLE_FIELDS
from crafter_dataset.schemas.metadata import Counts
from crafter_dataset.schemas.zarr_format import DOCUMENT, array_document, root_document, to_bytes

EPOCH = """
import sys, psutil
from crafter_dataset.loader import UniformSampler, Windows, open_dataset
windows = Windows(open_dataset(sys.argv[1]), 16)
sampler, process = UniformSampler(windows), psutil.Process()
part = len(sampler) // 20
for number in range(20):
    for start in range(number * part, (number + 1) * part, 64):
        windows.read(sampler.numbers(0, start, start + 64))
    print(process.memory_info().rss / 1e6)
"""

INDEX = """
import sys, time
begun = time.perf_counter()
import psutil
from crafter_dataset.loader import UniformSampler, Windows, open_dataset
imported = time.perf_counter()
dataset = open_dataset(sys.argv[1])
opened = time.perf_counter()
sampler = UniformSampler(Windows(dataset, 16))
sampler.numbers(0, 0, 64)
made = time.perf_counter()
print(imported - begun, opened - imported, made - opened, psutil.Process().memory_info().rss / 1e6)
print(len(dataset), dataset.frames, len(sampler))
"""


def run(code: str, path: Path) -> list[list[float]]:
    """Run code in a fresh process, and return the numbers that it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], check=True, stdout=subprocess.PIPE, text=True
    )
    return [[float(word) for word in line.split()] for line in done.stdout.splitlines()]


def write_index(path: Path, episodes: int) -> None:
    """Write the tables of a dataset whose episodes are as long as the default policy's."""
    metadata = BuildSettings().metadata()
    rng = np.random.default_rng(0)
    lengths = np.clip(rng.gamma(4, 46, episodes).astype(np.int32), 2, 10_001)
    chunks = ceil_div(lengths.astype(np.int64), metadata.chunk_frames)
    ends = np.cumsum(chunks) * metadata.chunk_frames
    counts = Counts(episodes, int(lengths.sum()), int(ends[-1]))
    metadata = replace(metadata, counts=counts)
    path.mkdir()
    for field in metadata.present_fields():
        (path / field.path).mkdir(parents=True)
        document = to_bytes(array_document(field, metadata))
        (path / field.path / DOCUMENT).write_bytes(document)
    (path / DOCUMENT).write_bytes(to_bytes(root_document(metadata, {})))
    values = {
        "starts": ends - chunks * metadata.chunk_frames,
        "lengths": lengths,
        "returns": rng.normal(2, 1, episodes),
        "end_reasons": rng.integers(1, 3, episodes),
        "world_seeds": rng.integers(0, 2**31, episodes),
    }
    for name, column in values.items():
        array = zarr.open_array(path / TABLE / name, mode="r+")
        array[:] = column.astype(TABLE_FIELDS[name].dtype)


@click.command()
@click.option("--frames", default=100_000, show_default=True)
@click.option("--dataset", "given", type=click.Path(path_type=Path), help="In place of a new one.")
@click.option("--episodes", default=550_000, show_default=True, help="Of the synthetic index.")
def main(frames: int, given: Path | None, episodes: int) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        path = given_or_built(given, Path(folder), frames)
        sizes = [line[0] for line in run(EPOCH, path)]
        click.echo("resident memory over an epoch, MB: " + " ".join(f"{s:.0f}" for s in sizes))
        click.echo(f"last over first twentieth: {sizes[-1] / sizes[0]:.3f}")
        write_index(Path(folder) / "index.zarr", episodes)
        (imported, opened, made, size), (found, rows, windows) = run(
            INDEX, Path(folder) / "index.zarr"
        )
        click.echo(
            f"{found:,.0f} episodes, {rows:,.0f} frames, {windows:,.0f} windows: import "
            f"{imported:.2f} s, open {opened:.3f} s, windows and first batch's order {made:.3f} s, "
            f"{size:.0f} MB in all"
        )


if __name__ == "__main__":
    main()
