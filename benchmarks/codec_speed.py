"""Bytes a frame against speed, for each codec, on the chunks of a real build.

`python -m benchmarks.codec_speed` plays some episodes of the default policy,
then encodes and decodes their frames and semantic maps, in turns, as a worker
does. `none` shows what the checksum and the copies take.
"""

from __future__ import annotations

import dataclasses
import statistics
import time

import click
import numpy as np

from builder.collect import Job
from builder.collectors import make_collector
from builder.episodes import EncodedEpisode, decode_rows
from builder.settings import BuildSettings
from schemas.codecs import DEFAULT_CODEC, ChunkCodec

CODECS = (
    "none", "blosc-lz4:1", "blosc-lz4:5", "blosc-lz4:9",
    "zstd:1", "zstd:2", "zstd:3", "zstd:6", "blosc-zstd:3", "blosc-zstd:5",
)  # fmt: skip


def chunks_of(episodes: int, chunk_frames: int) -> tuple[list[np.ndarray], int]:
    """Play episodes, and give their chunks, padded, and the frames in them."""
    metadata = dataclasses.replace(
        BuildSettings().metadata(), codec="none", chunk_frames=chunk_frames
    )
    numbers = iter(range(episodes))
    played: list[EncodedEpisode] = []
    collector = make_collector(Job(metadata, 1), lambda wait: next(numbers, None), played.append)
    while collector.advance():
        pass
    chunks = []
    for episode in played:
        rows = decode_rows(episode, metadata)
        for name in ("frames", "semantic"):
            for start in range(0, episode.length, chunk_frames):
                part = rows[name][start : start + chunk_frames]
                chunk = np.zeros((chunk_frames, *part.shape[1:]), part.dtype)
                chunk[: len(part)] = part
                chunks.append(chunk)
    return chunks, sum(episode.length for episode in played)


@click.command()
@click.option("--episodes", default=20, show_default=True)
@click.option("--chunk-frames", default=32, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def main(episodes: int, chunk_frames: int, rounds: int) -> None:
    """Measure."""
    chunks, frames = chunks_of(episodes, chunk_frames)
    codecs = {name: ChunkCodec.parse(name) for name in CODECS}
    encode: dict[str, list[float]] = {name: [] for name in CODECS}
    decode: dict[str, list[float]] = {name: [] for name in CODECS}
    size = {}
    for _ in range(rounds):
        for name, codec in codecs.items():
            begun = time.perf_counter()
            encoded = [codec.encode(chunk) for chunk in chunks]
            encode[name].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            for data, chunk in zip(encoded, chunks, strict=True):
                codec.decode(data, chunk.dtype, chunk.shape)
            decode[name].append(time.perf_counter() - begun)
            size[name] = sum(map(len, encoded))
    click.echo(
        f"{frames:,} frames with semantic maps, chunks of {chunk_frames}; default {DEFAULT_CODEC}"
    )
    click.echo(f"{'codec':14} {'bytes/frame':>11} {'encode us':>10} {'decode us':>10}")
    for name in CODECS:
        click.echo(
            f"{name:14} {size[name] / frames:>11,.0f} "
            f"{statistics.median(encode[name]) / frames * 1e6:>10.1f} "
            f"{statistics.median(decode[name]) / frames * 1e6:>10.1f}"
        )


if __name__ == "__main__":
    main()
