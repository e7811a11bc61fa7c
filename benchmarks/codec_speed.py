"""Bytes a frame against speed, for codecs and chunk lengths, on the chunks of a real build.

`python -m benchmarks.codec_speed` plays some episodes of the default policy,
cuts their frames and semantic maps into chunks, and encodes and decodes them
all codecs in turns: `zstd:1` with the project's own encoder, as a build does,
the others with numcodecs, which also decodes all of them. The last columns are
what decoding costs a random window of frames: the chunks that it touches, whole.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterable
from typing import Any

import click
import numcodecs
import numcodecs.blosc
import numpy as np
from numcodecs import Blosc, Zstd

from crafter_dataset.builder.collectors import make_collector
from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.compression import image_encoder
from crafter_dataset.builder.episodes import EncodedEpisode, decode_rows
from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.codecs import CHECKSUM_BYTES, DEFAULT_CODEC
from crafter_dataset.schemas.layout import FRAME_FIELDS


class Own:
    """The project's own encoder, for chunks of a size, and libzstd to decode."""

    def __init__(self, size: int) -> None:
        metadata = dataclasses.replace(
            BuildSettings().metadata(), codec="zstd:1", chunk_frames=size
        )
        self._encoders = {
            FRAME_FIELDS[name].row_shape(metadata.sizes()): image_encoder(
                FRAME_FIELDS[name], metadata
            )
            for name in ("frames", "semantic")
        }
        self.decode = Zstd(1).decode

    def encode(self, chunk: np.ndarray) -> bytes:
        """Compress a chunk of either."""
        return self._encoders[chunk.shape[1:]](chunk)[:-CHECKSUM_BYTES]


LIBRARIES = {
    "libzstd, level 1": Zstd(1),
    "zstd:2": Zstd(2),
    "zstd:3": Zstd(3),
    "zstd:6": Zstd(6),
    "zstd:12": Zstd(12),
    "blosc-zstd:1": Blosc("zstd", 1, Blosc.NOSHUFFLE),
    "blosc-zstd:3": Blosc("zstd", 3, Blosc.NOSHUFFLE),
    "blosc-zstd:5": Blosc("zstd", 5, Blosc.NOSHUFFLE),
    "blosc-zstd:5 bitshuffle": Blosc("zstd", 5, Blosc.BITSHUFFLE),
    "blosc-lz4:1": Blosc("lz4", 1, Blosc.NOSHUFFLE),
    "blosc-lz4:5": Blosc("lz4", 5, Blosc.NOSHUFFLE),
    "blosc-lz4:9": Blosc("lz4", 9, Blosc.NOSHUFFLE),
    "blosc-lz4:5 bitshuffle": Blosc("lz4", 5, Blosc.BITSHUFFLE),
}
"""Byte shuffling does nothing to elements of one byte, so it is not among them."""

WINDOWS = (16, 32)


def play(episodes: int) -> list[dict[str, np.ndarray]]:
    """Play episodes of the default policy, and return their pictures and maps."""
    metadata = dataclasses.replace(BuildSettings().metadata(), codec="none")
    numbers = iter(range(episodes))
    played: list[EncodedEpisode] = []
    collector = make_collector(Job(metadata, 1), lambda wait: next(numbers, None), played.append)
    while collector.advance():
        pass
    rows = [decode_rows(episode, metadata) for episode in played]
    return [{name: row[name] for name in ("frames", "semantic")} for row in rows]


def cut(rows: np.ndarray, size: int) -> np.ndarray:
    """Cut an episode's rows into chunks, the last one padded."""
    count = ceil_div(len(rows), size)
    chunks = np.zeros((count * size, *rows.shape[1:]), rows.dtype)
    chunks[: len(rows)] = rows
    return chunks.reshape(count, size, *rows.shape[1:])


def timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def measure(played: list[dict[str, np.ndarray]], size: int, rounds: int) -> None:
    """Print a table for one chunk length."""
    count = sum(len(episode["frames"]) for episode in played)
    pictures = [cut(episode["frames"], size) for episode in played]
    chunks = [chunk for parts in pictures for chunk in parts]
    chunks += [chunk for episode in played for chunk in cut(episode["semantic"], size)]
    firsts = np.cumsum([0, *map(len, pictures)])
    rng = np.random.default_rng(0)
    touched = {}
    for length in WINDOWS:
        long = [n for n, episode in enumerate(played) if len(episode["frames"]) >= length]
        touched[length] = [
            (firsts[n] + start // size, firsts[n] + (start + length - 1) // size)
            for n in rng.choice(long, 300)
            for start in [rng.integers(len(played[n]["frames"]) - length + 1)]
        ]
    buffers = [np.empty_like(chunks[0]), np.empty_like(chunks[-1])]
    codecs = {"zstd:1": Own(size), **LIBRARIES}
    bare: dict[str, list[list[float]]] = {name: [] for name in codecs}
    stored = {}
    for _ in range(rounds):
        for name, codec in codecs.items():
            encoded: list[bytes] = []
            spent = [timed(lambda: encoded.extend(map(codec.encode, chunks)))]  # noqa: B023
            stored[name] = sum(map(len, encoded))

            def decode(
                ranges: Iterable[tuple[int, int]], codec: Any = codec, data: list[bytes] = encoded
            ) -> None:
                for first, last in ranges:
                    for chunk in data[first : last + 1]:
                        codec.decode(chunk, buffers[int(first >= firsts[-1])])

            one_by_one = [(n, n) for n in range(len(encoded))]
            for ranges in (one_by_one, *(touched[length] for length in WINDOWS)):
                spent.append(timed(lambda: decode(ranges)))  # noqa: B023
            bare[name].append(spent)
    click.echo(f"\nchunks of {size}: {count:,} frames, with semantic maps")
    click.echo(
        f"{'codec':24} {'bytes/frame':>11} {'encode us':>10} {'decode us':>10}"
        + "".join(f"{f'window of {length} us':>16}" for length in WINDOWS)
    )
    for name in codecs:
        encode, decode_all, *windows = (
            statistics.median(values) * 1e6 for values in zip(*bare[name], strict=True)
        )
        click.echo(
            f"{name:24} {stored[name] / count:>11,.0f} {encode / count:>10.1f} "
            f"{decode_all / count:>10.1f}" + "".join(f"{spent / 300:>16.0f}" for spent in windows)
        )


@click.command()
@click.option("--episodes", default=20, show_default=True)
@click.option("--chunk-frames", multiple=True, default=(8, 16, 32, 64), show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(episodes: int, chunk_frames: tuple[int, ...], rounds: int) -> None:
    """Measure."""
    numcodecs.blosc.use_threads = False
    click.echo(f"default: {DEFAULT_CODEC}, chunks of {BuildSettings().chunk_frames}")
    played = play(episodes)
    for size in chunk_frames:
        measure(played, size, rounds)


if __name__ == "__main__":
    main()
