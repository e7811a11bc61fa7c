"""Imported episodes as encoded ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

from crafter_dataset.builder.episodes import EncodedEpisode, EpisodeEncoder
from crafter_dataset.builder.importing.foreign import ForeignDataset, ForeignError
from crafter_dataset.schemas.metadata import Metadata


def imported_metadata(source: ForeignDataset, codec: str, chunk_frames: int | None) -> Metadata:
    """Return the metadata of the dataset that a source's episodes make.

    Parameters
    ----------
    source : ForeignDataset
        The source.
    codec : str
        Codec of the dataset.
    chunk_frames : int or None
        Frames compressed together; None for what the source's metadata says.
    """
    chosen = source.metadata.chunk_frames if chunk_frames is None else chunk_frames
    return replace(source.metadata, codec=codec, chunk_frames=chosen)


def encode_imported(
    source: ForeignDataset, metadata: Metadata, start: int = 0
) -> Iterator[EncodedEpisode]:
    """Read and compress the episodes of a source, one at a time.

    Parameters
    ----------
    source : ForeignDataset
        The source.
    metadata : Metadata
        Of the dataset to be written, see `imported_metadata`.
    start : int
        Number of the first episode to read.

    Yields
    ------
    EncodedEpisode
        Its id is its number in the source.

    Raises
    ------
    ForeignError
        If a file is damaged, or holds what the others have not led to expect.
    """
    encoder = EpisodeEncoder(metadata)
    for episode, foreign in enumerate(islice(source.episodes(), start, None), start):
        length = len(foreign.rows["actions"])
        if length > metadata.env.length + 1:
            raise ForeignError(
                f"episode {episode}: expected at most {metadata.env.length} actions, the time "
                f"limit, found {length - 1}"
            )
        encoder.start()
        encoder.extend(foreign.rows)
        encoded = encoder.finish(episode, foreign.end_reason, foreign.world_seed, foreign.terrain)
        if "final_frames" in metadata.episode_fields:
            encoded = replace(encoded, rare={"final_frames": foreign.has_final_frame})
        yield encoded
