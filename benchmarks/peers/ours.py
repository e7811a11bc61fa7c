"""Our own loader, and the least that it could cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.base import Peer, Reader
from crafter_dataset import convert
from crafter_dataset.loader import Dataset, Windows, open_dataset
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.codecs import CHECKSUM_BYTES
from crafter_dataset.schemas.layout import FRAME_FIELDS
from crafter_dataset.schemas.shards import read_index
from crafter_dataset.schemas.zarr_format import chunk_file

LINK = "dataset.zarr"


class OurReader(Reader):
    """Reads windows by their numbers, with so many threads."""

    threads = 1
    link = LINK

    def connect(self) -> Any:
        """Open the dataset."""
        from crafter_dataset.loader.torch import WindowDataset

        dataset = open_dataset(self.folder / self.link, threads=self.threads)
        return WindowDataset(Windows(dataset, self.length), "HWC")

    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> Any:
        """Read a batch of windows, as a `WindowLoader` does."""
        return self.handles.__getitems__(self.handles.windows.index.number(episodes, starts))


class Ours(Peer):
    """Stores nothing but a link to the dataset."""

    requires = {"torch": "torch"}  # noqa: RUF012

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.name = f"crafter-dataset, {threads} thread{'s' * (threads > 1)}"

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Link to the dataset."""
        folder.mkdir(parents=True)
        (folder / LINK).symlink_to(dataset.path, target_is_directory=True)

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        reader = OurReader(folder, length)
        reader.threads = self.threads
        return reader


class OursInHdf5(Ours):
    """Stores the dataset in HDF5, with some codec, and reads it with one thread."""

    def __init__(self, codec: str) -> None:
        super().__init__(1)
        self.codec = codec
        self.name = f"crafter-dataset in HDF5, {codec}, 1 thread"

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Copy the dataset."""
        folder.mkdir(parents=True)
        convert(dataset, folder / "dataset.h5", codec=self.codec)

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        reader = OurReader(folder, length)
        reader.link = "dataset.h5"
        return reader


class OursDrawn(Ours):
    """Stores what frames are drawn from, and draws them with so many threads."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.name = f"the same, pictures drawn, {threads} thread{'s' * (threads > 1)}"

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Convert the dataset."""
        folder.mkdir(parents=True)
        convert(dataset, folder / LINK, pictures="drawn", progress=False)


class DecodeReader(Reader):
    """Decodes the chunks of frames that a window touches, and does nothing with them.

    No checksum, no other field, no copy: the least that reading could cost.
    """

    def connect(self) -> Any:
        """Read all encoded chunks into memory."""
        dataset = open_dataset(self.folder / LINK)
        size, field = dataset.metadata.chunk_frames, FRAME_FIELDS["frames"]
        slots = field.file_rows(dataset.metadata.sizes(), size) // size
        chunks = []
        for number in range(ceil_div(dataset.metadata.counts.rows, slots * size)):
            shard = (self.folder / LINK / "frames" / chunk_file(field, number)).read_bytes()
            for start, length in read_index(shard, slots).tolist():
                if start < len(shard):
                    chunks.append(shard[start : start + length - CHECKSUM_BYTES])
        family = dataset.metadata.codec.partition(":")[0].partition("-")[0]
        codec = {"zstd": numcodecs.Zstd, "blosc": numcodecs.Blosc}[family]()
        buffer = np.empty((size, *field.row_shape(dataset.metadata.sizes())), np.uint8)
        return dataset.episodes["starts"], size, chunks, codec, buffer

    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> dict[str, Any]:
        """Decode what a batch of windows touches."""
        places, size, chunks, codec, buffer = self.handles
        for row in (places[episodes] + starts).tolist():
            for chunk in range(row // size, (row + self.length - 1) // size + 1):
                codec.decode(chunks[chunk], buffer)
        return {}


class DecodeLimit(Ours):
    """The bare cost of decoding the same chunks with numcodecs in a loop."""

    def __init__(self) -> None:
        super().__init__(1)
        self.name = "limit: decoding alone"

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return DecodeReader(folder, length)
