"""Bytes a frame, and reading whole episodes: pictures stored and drawn, in turns.

`python -m benchmarks.picture_size` builds each dataset twice, with pictures
stored and drawn, shows what the arrays of each take, and reads all episodes of
both one after the other, frames alone, with one thread, in turns.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from crafter_dataset import build
from crafter_dataset.loader import Dataset, open_dataset

KINDS: dict[str, dict[str, Any]] = {
    "default": {},
    "expert": {"policy": "expert"},
    "noop in 10,000 steps": {"policy": "noop", "length": 10_000},
    "128 x 128 pixels": {"size": 128},
}
"""Options of each dataset."""

_SHOWN = 8
"""Arrays that are named, the largest."""


def bytes_of(dataset: Dataset) -> dict[str, float]:
    """Return the bytes a frame of each array on disk."""
    fields = dataset.metadata.present_fields()
    return {f.path: dataset.container.stored_bytes(f.path) / dataset.frames for f in fields}


def sizes(stored: Dataset, drawn: Dataset) -> str:
    """Describe what frames and whole datasets take."""
    one, two = bytes_of(stored), bytes_of(drawn)
    pictures = sum(two.values()) - (sum(one.values()) - one["frames"])
    whole = [
        sum(f.stat().st_size for f in Path(d.path).rglob("*") if f.is_file()) / d.frames
        for d in (stored, drawn)
    ]
    largest = sorted(two.items(), key=lambda item: -item[1])[:_SHOWN]
    return (
        f"frames {one['frames']:,.0f} bytes a frame stored, {pictures:.1f} drawn; all files "
        f"{whole[0]:,.0f} and {whole[1]:.1f}\n  "
        + ", ".join(f"{path} {size:.1f}" for path, size in largest)
    )


def seconds_of(dataset: Dataset) -> float:
    """Read every episode's frames."""
    begun = time.process_time()
    for episode in dataset:
        episode["frames"].read()
    return time.process_time() - begun


@click.command()
@click.option("--frames", default=100_000, show_default=True, help="Of each dataset.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(KINDS)), help="Some of the datasets.")
def main(frames: int, rounds: int, only: tuple[str, ...]) -> None:
    """Measure."""
    for kind, options in KINDS.items():
        if only and kind not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{pictures}.zarr" for pictures in ("stored", "drawn")]
            for path in paths:
                build(path, frames=frames, pictures=path.stem, progress=False, **options)
            stored, drawn = (open_dataset(path, threads=1) for path in paths)
            click.echo(f"{kind}: {sizes(stored, drawn)}")
            found = [(seconds_of(stored), seconds_of(drawn)) for _ in range(rounds + 1)][1:]
            ratio = statistics.median(one / two for one, two in found)
            micros = [
                statistics.median(column) / frames * 1e6 for column in zip(*found, strict=True)
            ]
            click.echo(
                f"  whole episodes in turn: {micros[0]:.2f} us a frame stored, {micros[1]:.2f} "
                f"drawn, {ratio:.2f} x as fast"
            )


if __name__ == "__main__":
    main()
