"""A LanceDB table with a row a frame, as stable-worldmodel writes and reads it.

The table has the columns `episode_idx` and `step_idx` (int32), a binary column
of encoded pictures, and a fixed-size list of float32 for each other field.
stable-worldmodel stores pictures as JPEG of quality 95, which loses; its
reader decodes any picture that Pillow knows, so here they are PNG. As there,
the sorted rows of a batch, each once, are taken by one call of an identity
permutation, and each picture is decoded once, in the calling thread.

PNG takes most of the time. So that Lance is not judged by it, there is also a
table of plain pixels that Lance itself compresses.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.base import FIELDS, STEP_FIELDS, Peer, Reader, first_rows
from benchmarks.peers.flat import ROWS
from crafter_dataset.loader import Dataset

TABLE = "crafter"
PIXELS = "pixels"
SHAPE = "shape.npy"


class LanceReader(Reader):
    """Takes the rows of a batch.

    Parameters
    ----------
    folder, length
        As for any reader.
    png : bool
        Whether pictures are PNG, or plain pixels.
    """

    def __init__(self, folder: Path, length: int, png: bool) -> None:
        super().__init__(folder, length)
        self.png = png

    def connect(self) -> tuple[NDArray[np.int64], tuple[int, ...], Any]:
        """Open the table."""
        import lancedb
        from lancedb.permutation import Permutation

        table = lancedb.connect(str(self.folder)).open_table(TABLE)
        columns = Permutation.identity(table).select_columns([PIXELS, *STEP_FIELDS])
        shape = tuple(np.load(self.folder / SHAPE).tolist())
        return np.load(self.folder / ROWS), shape, columns.with_format("arrow")

    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> dict[str, Any]:
        """Read a batch of windows; all but the pictures are float32, as stored."""
        first, shape, table = self.handles
        rows = (first[episodes] + starts)[:, None] + np.arange(self.length)
        wanted, places = np.unique(rows, return_inverse=True)
        places = places.reshape(rows.shape)
        taken = table.__getitems__(wanted.tolist())
        frames = np.empty((len(wanted), *shape), np.uint8)
        for frame, stored in zip(frames, taken[PIXELS], strict=True):
            frame[...] = self._decode(stored.as_buffer(), shape)
        batch = {FIELDS[0]: frames[places]}
        for name in STEP_FIELDS:
            batch[name] = taken[name].flatten().to_numpy()[places]
        return batch

    def _decode(self, stored: Any, shape: tuple[int, ...]) -> NDArray[np.uint8]:
        if not self.png:
            return np.frombuffer(stored, np.uint8).reshape(shape)
        from PIL import Image

        with Image.open(io.BytesIO(stored)) as image:
            return np.asarray(image)


class LanceTable(Peer):
    """Written as one version, an Arrow batch an episode.

    Parameters
    ----------
    encoding : str
        `PNG`, or a general compression of Lance for plain pixels: `zstd`.
    """

    requires = {"lancedb": "lancedb", "pyarrow": "pyarrow", "PIL": "pillow"}  # noqa: RUF012

    def __init__(self, encoding: str) -> None:
        self.encoding = encoding
        self.name = f"LanceDB ({encoding})"

    def write(self, dataset: Dataset, folder: Path) -> None:
        """Store the dataset."""
        import lancedb
        import pyarrow as pa

        png = self.encoding == "PNG"
        packing = None if png else {"lance-encoding:compression": self.encoding}
        number = pa.list_(pa.float32(), 1)
        schema = pa.schema(
            [
                pa.field("episode_idx", pa.int32()),
                pa.field("step_idx", pa.int32()),
                pa.field(PIXELS, pa.binary(), metadata=packing),
                *(pa.field(name, number) for name in STEP_FIELDS),
            ]
        )

        def batches() -> Iterator[pa.RecordBatch]:
            for place, episode in enumerate(dataset):
                frames = episode["frames"].read()
                pictures = [_png(frame) if png else frame.tobytes() for frame in frames]
                columns = [
                    pa.array(np.full(episode.length, place, np.int32)),
                    pa.array(np.arange(episode.length, dtype=np.int32)),
                    pa.array(pictures, pa.binary()),
                ]
                for name in STEP_FIELDS:
                    values = pa.array(episode[name].read().astype(np.float32))
                    columns.append(pa.FixedSizeListArray.from_arrays(values, 1))
                yield pa.record_batch(columns, schema=schema)

        folder.mkdir(parents=True)
        np.save(folder / ROWS, first_rows(dataset))
        np.save(folder / SHAPE, dataset[0]["frames"].shape[1:])
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        lancedb.connect(str(folder)).create_table(TABLE, data=reader, schema=schema)

    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader."""
        return LanceReader(folder, length, self.encoding == "PNG")


def _png(frame: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "PNG")
    return stream.getvalue()
