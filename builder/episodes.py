"""One episode on its way to storage: encoded chunk by chunk while it is played."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.compression import Encode, image_encoder
from crafter_dataset.engine.compiled.memory import aligned_zeros
from crafter_dataset.engine.draw import Drawer, draw_episode, find_anchors
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.schemas.anchors import LEAST_WORDS, Anchors, checksum_of
from crafter_dataset.schemas.codecs import ChunkCodec
from crafter_dataset.schemas.digests import EpisodeHasher
from crafter_dataset.schemas.layout import ANCHORS, CUT, STORED, Field
from crafter_dataset.schemas.metadata import Metadata

Rows = dict[str, NDArray[Any]]
"""Rows of per-frame fields, by name."""

Buffer = bytes | memoryview

_BLOCK_ROWS = 1024


@dataclass(frozen=True)
class EncodedEpisode:
    """A whole episode, compressed: plain values that can be pickled and sent anywhere.

    (From a pool, its chunks may be memory views, which are only good for writing.)

    Parameters
    ----------
    episode : int
        Episode id.
    length : int
        Rows, T + 1 for T actions.
    end_reason : int
        Index into `schemas.layout.END_REASONS`.
    world_seed : int or None
        Seed of the world's RandomState, if it is known.
    terrain : ndarray, shape (x, y), uint8, or None
        Material ids at reset, if they are known.
    digest : ndarray, shape (16,), uint8
        Digest of the rows.
    chunks : dict of str to list of bytes-like
        Encoded chunks of each sharded field; the last one is padded.
    rows : dict of str to ndarray, shape (length, ...)
        Rows of the other digested per-frame fields, without padding, of their dtypes.
    rare : dict of str to int or bool
        Values of the per-episode fields that only episodes of mixtures, and those that were
        imported or merged have.
    """

    episode: int
    length: int
    end_reason: int
    world_seed: int | None
    terrain: NDArray[np.uint8] | None
    digest: NDArray[np.uint8]
    chunks: Mapping[str, Sequence[Buffer]]
    rows: Rows
    rare: Mapping[str, int | bool] = field(default_factory=dict)

    @property
    def episode_return(self) -> np.float32:
        """Sum of the rewards."""
        return np.float32(self.rows["rewards"].sum(dtype=np.float64))

    @property
    def nbytes(self) -> int:
        """Bytes that the episode takes in memory, roughly."""
        chunks = sum(map(len, chain.from_iterable(self.chunks.values())))
        terrain = 0 if self.terrain is None else self.terrain.nbytes
        return chunks + sum(rows.nbytes for rows in self.rows.values()) + terrain

    def table_row(self, start: int) -> dict[str, Any]:
        """Return the episode's value in each per-episode array, by name.

        Parameters
        ----------
        start : int
            The dataset's row that the episode starts at.
        """
        return {
            "starts": start,
            "lengths": self.length,
            "returns": self.episode_return,
            "end_reasons": self.end_reason,
            "world_seeds": self.world_seed,
            "terrain": self.terrain,
            "digests": self.digest,
            **self.rare,
        }


def block_rows(metadata: Metadata) -> int:
    """Return how many rows of the small fields are hashed at a time: many chunks.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    return max(1, _BLOCK_ROWS // metadata.chunk_frames) * metadata.chunk_frames


def make_room(metadata: Metadata, names: Iterable[str], episodes: int = 1) -> Rows:
    """Make rows for episodes that are played at once, one episode's after the other's.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    names : iterable of str
        Names of the per-frame fields.
    episodes : int
        Number of episodes.

    Returns
    -------
    dict of str to ndarray
        By name: `chunk_frames` rows an episode of images and maps, `block_rows` of all others.
    """
    sizes, arrays = metadata.sizes(), {}
    for about in map(metadata.frame_field, names):
        rows = metadata.chunk_frames if about.image else block_rows(metadata)
        arrays[about.name] = aligned_zeros((episodes * rows, *about.row_shape(sizes)), about.dtype)
        arrays[about.name][:] = about.fill
    return arrays


def image_encoders(metadata: Metadata) -> dict[str, Encode]:
    """Make what compresses the chunks of each sharded field.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    fields = metadata.recorded_fields()
    return {field.name: image_encoder(field, metadata) for field in fields if field.sharded}


def made_fields(metadata: Metadata) -> dict[str, Field]:
    """Return what there is to write of each frame while an episode is played, by name.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    fields = {field.name: field for field in metadata.digested_fields()}
    fields |= {field.name: field for field in metadata.recorded_fields() if not field.spread}
    return fields


class EpisodeEncoder:
    """Takes an episode row by row and compresses each chunk of images as soon as it is full.

    So an episode takes the memory of one chunk plus what it compresses to. Whoever
    plays it writes straight into the encoder's rows (`rows` and `filled`).

    Parameters
    ----------
    metadata : Metadata
        Of the dataset that the episode is for.
    room : dict of str to ndarray, optional
        Rows to write to, as `make_room` makes them for one episode; by default its own.
    encode : mapping of str to callable, optional
        What compresses the chunks, as `image_encoders` makes it; by default its own. Each one
        works in some megabytes, so those that take turns had better share them.
    """

    def __init__(
        self,
        metadata: Metadata,
        room: Rows | None = None,
        encode: Mapping[str, Encode] | None = None,
    ) -> None:
        self._chunk_frames = metadata.chunk_frames
        self._block_rows = block_rows(metadata)
        self._fields = made_fields(metadata)
        self._digested = [field.name for field in metadata.digested_fields()]
        self._encode = image_encoders(metadata) if encode is None else encode
        self._of_actions = [*Done._fields, *(extra.name for extra in metadata.extras)]
        arrays = make_room(metadata, self._fields) if room is None else room
        arrays = {name: arrays[name] for name in self._fields}
        images = [name for name, field in self._fields.items() if field.image]
        self._images = {name: arrays[name] for name in images}
        self._small = {name: arrays[name] for name in self._fields if name not in images}
        stored = {field.name for field in metadata.recorded_fields()}
        self._rows_of = [name for name in self._small if name in stored]
        self._is_drawn = metadata.pictures != STORED
        self._seen, self._done = Seen.over(arrays), Done(*(arrays[name] for name in Done._fields))
        self.start()

    def start(self) -> None:
        """Begin a new episode, forgetting the last."""
        self._flushed = 0  # rows of the episode in earlier blocks of small fields
        self._block_used = 0
        self._chunk_used = 0
        self._chunks: dict[str, list[Buffer]] = {name: [] for name in self._encode}
        self._rows: dict[str, list[NDArray[Any]]] = {name: [] for name in self._rows_of}
        self._checksums: list[int] = []
        self._words: list[int] = []
        self._hasher = EpisodeHasher(self._digested)

    @property
    def length(self) -> int:
        """Rows of the episode so far, the open one included."""
        return self._flushed + self._block_used

    def rows(self) -> tuple[Seen, Done, int, int]:
        """Return rows to write into, before calling `filled`.

        Returns
        -------
        seen, done : Seen, Done
            The same ones each time.
        image : int
            Next row of pictures and maps; there is always at least one.
        row : int
            Next row of the small fields; at least as many are left as of pictures.
        """
        if self._chunk_used == self._chunk_frames:
            self._flush_images()
            if self._block_used == self._block_rows:
                self._flush_small()
        return self._seen, self._done, self._chunk_used, self._block_used

    def filled(self, rows: int) -> None:
        """Count rows as written.

        Parameters
        ----------
        rows : int
            How many more.
        """
        self._block_used += rows
        self._chunk_used += rows

    def extend(self, rows: Mapping[str, NDArray[Any]]) -> None:
        """Add complete rows.

        Parameters
        ----------
        rows : mapping of str to ndarray, shape (rows, ...)
            Every field that `made_fields` lists, of its dtype.
        """
        start, count = 0, len(rows["actions"])
        while start < count:
            *_, image, row = self.rows()
            taken = min(count - start, self._chunk_frames - image)
            for buffers, at in ((self._images, image), (self._small, row)):
                for name, buffer in buffers.items():
                    buffer[at : at + taken] = rows[name][start : start + taken]
            self.filled(taken)
            start += taken

    def finish(
        self,
        episode: int,
        end_reason: int,
        world_seed: int | None,
        terrain: NDArray[np.uint8] | None,
    ) -> EncodedEpisode:
        """Compress what is left and return the whole episode; its last row has no action.

        Parameters
        ----------
        episode : int
            Episode id.
        end_reason : int
            Index into `schemas.layout.END_REASONS`.
        world_seed : int or None
            Seed of the world's RandomState, if it is known.
        terrain : ndarray, shape (x, y), uint8, or None
            Material ids at reset, if they are known.
        """
        length = self.length
        for name in self._of_actions:
            self._small[name][self._block_used - 1] = 0
        for name, buffer in self._images.items():
            buffer[self._chunk_used :] = self._fields[name].fill
        self._flush_images()
        self._flush_small()
        if self._is_drawn:
            assert world_seed is not None
            self._encode_anchors(world_seed)
        return EncodedEpisode(
            episode=episode,
            length=length,
            end_reason=end_reason,
            world_seed=world_seed,
            terrain=terrain,
            digest=self._hasher.digest(),
            chunks=self._chunks,
            rows={
                name: parts[0] if len(parts) == 1 else np.concatenate(parts)
                for name, parts in self._rows.items()
            },
        )

    def _flush_images(self) -> None:
        used = self._chunk_used
        self._hasher.update({name: buffer[:used] for name, buffer in self._images.items()})
        for name, buffer in self._images.items():
            if name in self._chunks:
                self._chunks[name].append(self._encode[name](buffer))
        if self._is_drawn:
            self._checksums.append(checksum_of(self._images["frames"][:used]))
            self._words.append(int(self._small["random_words"][self._block_used - used]))
        self._chunk_used = 0

    def _flush_small(self) -> None:
        used = self._block_used
        rows = {name: buffer[:used].copy() for name, buffer in self._small.items()}
        self._hasher.update(rows)
        for name, parts in self._rows.items():
            parts.append(rows[name])
        self._flushed += used
        self._block_used = 0

    def _encode_anchors(self, seed: int) -> None:
        """Encode where the random numbers of the chunks start, and what their pictures hash to."""
        back, states = find_anchors(np.array(self._words), seed, LEAST_WORDS)
        words = np.where(back == 0, self._words, 0)
        anchors = Anchors(back, np.array(self._checksums, np.uint64), words, states)
        chunks, encode = anchors.spread(self._chunk_frames), self._encode[ANCHORS]
        self._chunks[ANCHORS] = [encode(chunk) for chunk in chunks]


def decode_rows(episode: EncodedEpisode, metadata: Metadata) -> Rows:
    """Decompress all rows of an episode.

    Parameters
    ----------
    episode : EncodedEpisode
        The episode.
    metadata : Metadata
        Of its dataset.

    Returns
    -------
    dict of str to ndarray, shape (length, ...)
        Every field that is stored and comes with an episode, without padding.
    """
    codec, sizes = ChunkCodec.parse(metadata.codec), metadata.sizes()
    rows = dict(episode.rows)
    for name, chunks in episode.chunks.items():
        about = metadata.frame_field(name)
        shape = (metadata.chunk_frames, *about.row_shape(sizes))
        parts = [codec.decode(chunk, np.dtype(about.dtype), shape) for chunk in chunks]
        rows[name] = np.concatenate(parts)[: episode.length]
    return rows


def cut_episode(
    episode: EncodedEpisode,
    length: int,
    metadata: Metadata,
    pictures: Callable[[], Mapping[str, NDArray[Any]]],
) -> EncodedEpisode:
    """Cut an episode short, as if the collection had stopped at its `length`-th row.

    The last row becomes a final frame, and the action before it is marked as
    truncated.

    Parameters
    ----------
    episode : EncodedEpisode
        The episode.
    length : int
        Rows to keep, 1 or more.
    metadata : Metadata
        Of its dataset.
    pictures : callable
        Returns what all its pictures are drawn with, if they are not stored.

    Returns
    -------
    EncodedEpisode
        The same one if it is no longer than that.
    """
    if length >= episode.length:
        return episode
    rows = {name: values[:length].copy() for name, values in decode_rows(episode, metadata).items()}
    if "frames" not in rows:
        assert episode.world_seed is not None
        arrays, env = pictures(), metadata.env
        drawer = Drawer(arrays, env.area, env.view, env.size, metadata.chunk_frames)
        rows["frames"] = draw_episode(drawer, rows, arrays["daylight"], episode.world_seed)
    rows["truncations"][-2:-1] = True
    encoder = EpisodeEncoder(metadata)
    encoder.extend(rows)
    cut = encoder.finish(episode.episode, CUT, episode.world_seed, episode.terrain)
    return replace(cut, rare=episode.rare)
