"""Random windows a second: this loader, its peers, and the bare cost of decoding, in turns.

`python -m benchmarks.window_speed` builds a dataset, stores it in the way of
each peer, and reads random windows of it: in one process (0 workers), and by
PyTorch's DataLoader with worker processes. The page cache is warm. Every
reader gives the five fields of every window as tensors; the first line is the
least that reading our files could cost: decoding the touched chunks of frames
with numcodecs, and nothing else. `--only` picks readers by part of their name.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import torch

from benchmarks.data import given_or_built
from benchmarks.peers import PEERS, Peer, Reader
from crafter_dataset.loader import UniformSampler, Windows, open_dataset
from crafter_dataset.loader.torch import collate

FRAME_BYTES = 64 * 64 * 3


class Batches(torch.utils.data.Dataset[Any]):
    """The same random windows for every reader, a batch an item."""

    def __init__(self, reader: Reader, episodes: np.ndarray, starts: np.ndarray) -> None:
        self.reader, self.episodes, self.starts = reader, episodes, starts

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Any:
        batch: Any = self.reader.read(self.episodes[index], self.starts[index])
        if not isinstance(batch, dict):
            return batch
        return {name: torch.as_tensor(values) for name, values in batch.items()}


class Forever(torch.utils.data.Sampler[int]):
    """All batches, again and again."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[int]:
        return itertools.cycle(range(self.count))


def stream(batches: Batches, workers: int) -> Iterator[Any]:
    """Read batches, here or in workers, without end."""
    if not workers:
        return (batches[index] for index in Forever(len(batches)))
    return iter(
        torch.utils.data.DataLoader(
            batches,
            batch_size=None,
            sampler=Forever(len(batches)),
            num_workers=workers,
            collate_fn=collate,
            multiprocessing_context="spawn",
        )
    )


def windows_a_second(batches: Batches, workers: int, seconds: float) -> float:
    """Time batches for so long, after some that warm up."""
    stored = stream(batches, workers)
    for _ in range(2 + 4 * workers):
        next(stored)
    size, count, begun = batches.starts.shape[1], 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        next(stored)
        count += size
    return count / spent


@click.command()
@click.option("--frames", default=100_000, show_default=True)
@click.option("--dataset", "given", type=click.Path(path_type=Path), help="In place of a new one.")
@click.option("--length", "lengths", multiple=True, default=(16, 32), show_default=True)
@click.option("--batch", "batch_sizes", multiple=True, default=(16, 64), show_default=True)
@click.option("--workers", "worker_counts", multiple=True, default=(0, 2), show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--seconds", default=1.0, show_default=True, help="Of each reader, each round.")
@click.option("--only", multiple=True, help="Part of a reader's name.")
@click.option("--skip", multiple=True, help="Part of a reader's name.")
def main(
    frames: int,
    given: Path | None,
    lengths: tuple[int, ...],
    batch_sizes: tuple[int, ...],
    worker_counts: tuple[int, ...],
    rounds: int,
    seconds: float,
    only: tuple[str, ...],
    skip: tuple[str, ...],
) -> None:
    """Measure."""
    torch.set_num_threads(1)
    peers: list[Peer] = []
    for peer in PEERS:
        wanted = not only or any(part in peer.name for part in only)
        if not wanted or any(part in peer.name for part in skip):
            continue
        if missing := peer.available():
            click.echo(f"{peer.name}: left out, {missing}")
        else:
            peers.append(peer)
    with tempfile.TemporaryDirectory() as folder:
        path = given_or_built(given, Path(folder), frames)
        dataset = open_dataset(path)
        stores = [Path(folder) / f"store{number}" for number in range(len(peers))]
        for peer, store in zip(peers, stores, strict=True):
            peer.write(dataset, store)
        click.echo(
            f"{dataset.frames:,} frames, {dataset.metadata.codec}, chunks of "
            f"{dataset.metadata.chunk_frames}"
        )
        for length, size, workers in itertools.product(lengths, batch_sizes, worker_counts):
            windows = Windows(dataset, length)
            numbers = UniformSampler(windows, samples=4096 // size * size).numbers(0, 0, 4096)
            places = windows.index.locate(numbers.reshape(-1, size))
            rates: list[list[float]] = [[] for _ in peers]
            for _ in range(rounds):
                for peer, store, found in zip(peers, stores, rates, strict=True):
                    batches = Batches(peer.open(store, length), *places)
                    found.append(windows_a_second(batches, workers, seconds))
            print_table(
                f"windows of {length}, batches of {size}, {workers} workers", peers, rates, length
            )


def print_table(title: str, peers: list[Peer], rates: list[list[float]], length: int) -> None:
    """Print medians, and the median of the ratios to the first reader within each round."""
    click.echo(f"\n{title}")
    click.echo(f"{'':28} {'windows/s':>10} {'from':>7} {'to':>7} {'MB/s':>7} {'of the limit':>13}")
    for peer, found in zip(peers, rates, strict=True):
        ratio = statistics.median(a / b for a, b in zip(found, rates[0], strict=True))
        rate = statistics.median(found)
        click.echo(
            f"{peer.name:28} {rate:>10,.0f} {min(found):>7,.0f} {max(found):>7,.0f} "
            f"{rate * length * FRAME_BYTES / 1e6:>7,.0f} {ratio:>13.3f}"
        )


if __name__ == "__main__":
    main()
