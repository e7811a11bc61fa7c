"""Episodes that are to be written, wherever they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.copying.combine import Plan
from crafter_dataset.builder.copying.encoded import read_encoded
from crafter_dataset.builder.copying.remade import Pictures, check_drawable, pictures_of
from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.schemas.layout import TABLE
from crafter_dataset.schemas.metadata import Metadata


@dataclass(frozen=True)
class Series:
    """Episodes to be written.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset, without any episode.
    count : int
        Number of episodes.
    read : callable
        `read(start)` yields the episodes from the `start`-th on, in order.
    sources : tuple of dict of str
        What `provenance` is to say of where they come from.
    digests : ndarray, shape (count, 16), uint8, optional
        Their digests, if they are known, to tell an interrupted copy from another dataset.
    pictures : callable
        Returns what all pictures are drawn with; nothing if they are stored.
    """

    metadata: Metadata
    count: int
    read: Callable[[int], Iterator[EncodedEpisode]]
    sources: tuple[dict[str, Any], ...] = ()
    digests: NDArray[np.uint8] | None = None
    pictures: Pictures = dict

    @classmethod
    def of_plan(cls, plan: Plan) -> Series:
        """Make the series of a dataset that consists of parts of others.

        Parameters
        ----------
        plan : Plan
            The plan of the dataset.
        """
        for part in plan.parts:
            check_drawable(part, plan.metadata)
        digests = [
            part.container.read(f"{TABLE}/digests", 0, part.metadata.counts.episodes)[part.episodes]
            for part in plan.parts
        ]
        sources = tuple(
            {
                "path": part.container.name,
                "episodes": len(part.episodes),
                "digest": part.metadata.digest,
            }
            for part in plan.parts
        )
        return cls(
            plan.metadata,
            len(plan),
            lambda start: read_encoded(plan, start),
            sources,
            np.concatenate(digests),
            lambda: pictures_of(plan.parts, plan.metadata),
        )
