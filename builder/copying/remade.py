"""Episodes whose pictures are to be stored in another way than they are: read, and made anew."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.copying.combine import CombineError, Part
from crafter_dataset.builder.copying.rows import read_rows
from crafter_dataset.builder.episodes import EncodedEpisode, EpisodeEncoder, made_fields
from crafter_dataset.loader.container import drawing
from crafter_dataset.loader.drawn.pictures import read_pictures
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError
from crafter_dataset.schemas.layout import BOTH, PICTURE_FIELDS, STORED, TABLE
from crafter_dataset.schemas.metadata import Metadata

if TYPE_CHECKING:
    from crafter_dataset.engine.again import Again

_MOST_NAMED = 20
"""Episodes that are named, at most."""

Pictures = Callable[[], Mapping[str, NDArray[Any]]]


def is_remade(part: Metadata, target: Metadata) -> bool:
    """Tell whether episodes cannot be moved as they are, since pictures are stored differently.

    Parameters
    ----------
    part : Metadata
        Of where they are.
    target : Metadata
        Of where they go.
    """
    if part.pictures != target.pictures:
        return True
    return target.pictures != STORED and part.chunk_frames != target.chunk_frames


class Remaker:
    """Makes episodes of a part anew, as the target stores them.

    What pictures are drawn from is found by playing the episodes again, if the part does not
    have it, and each frame is held to the one that is stored.

    Parameters
    ----------
    part : Part
        Where the episodes are.
    target : Metadata
        Of where they go.
    """

    def __init__(self, part: Part, target: Metadata) -> None:
        self._part, self._target = part, target
        self._encoder = EpisodeEncoder(target)
        self._names = list(made_fields(target))

    @cached_property
    def _again(self) -> Again:
        from crafter_dataset.engine.again import Again  # it imports the simulator

        return Again(self._target)

    @cached_property
    def _drawing(self) -> Container:
        return drawing(self._part.container)

    def make(self, episode: EncodedEpisode, number: int, start: int) -> EncodedEpisode:
        """Make an episode anew.

        Parameters
        ----------
        episode : EncodedEpisode
            All that is known of it but its rows.
        number : int
            Its id in the part.
        start : int
            Its first row there.

        Raises
        ------
        CorruptDataError
            If stored bytes are missing or fail their checksum, or do not have the digest.
        CombineError
            If it is not what its seed and actions give, so that it cannot be drawn.
        """
        rows = self._read(start, episode.length)
        if not set(self._names) <= set(rows):
            assert episode.world_seed is not None
            shown, differs = self._played(episode.world_seed, rows)
            if differs:
                raise CombineError(self._refused(number, differs))
            rows |= shown
        elif self._target.pictures != STORED:
            self._check(episode, rows, number, start)
        self._encoder.start()
        self._encoder.extend(rows)
        made = self._encoder.finish(
            episode.episode, episode.end_reason, episode.world_seed, episode.terrain
        )
        if made.digest.tobytes() != episode.digest.tobytes():
            raise CorruptDataError(
                f"episode {number}: expected rows with its digest, found others "
                f"({self._part.container.name})"
            )
        return made

    def _read(self, start: int, length: int) -> dict[str, NDArray[Any]]:
        """Read what the part has of an episode's rows that are to be written."""
        return {
            field.name: read_rows(self._part, field, start, start + length)
            for field in self._part.metadata.known_frame_fields()
            if field.name in self._names
        }

    def _check(
        self, episode: EncodedEpisode, rows: Mapping[str, NDArray[Any]], number: int, start: int
    ) -> None:
        """Refuse what the pictures are not drawn from: the digest tells nothing of it."""
        from crafter_dataset.engine.draw import check_words

        sizes, where = self._target.sizes(), f"({self._part.container.name})"
        pixels = sizes["view_x"] * sizes["view_y"]
        try:
            seed, area = episode.world_seed, self._target.env.area
            check_words(rows["random_words"], seed, area, pixels)
        except ValueError as error:
            raise CorruptDataError(f"episode {number}, {error} {where}") from error
        if self._part.metadata.pictures == BOTH:
            drawn = self._drawing.read("frames", start, start + episode.length)
            if not np.array_equal(rows["frames"], drawn):
                raise CorruptDataError(
                    f"episode {number}: expected the frames that are drawn, found others {where}"
                )

    def _played(
        self, seed: int, rows: Mapping[str, NDArray[Any]]
    ) -> tuple[dict[str, NDArray[Any]], str]:
        """Play an episode again; return what its pictures are drawn from, and how they differ."""
        try:
            shown = self._again.play(seed, rows["actions"])
        except ValueError as error:
            return {}, str(error)
        frames, played = rows["frames"], shown.pop("frames")
        if len(played) != len(frames):
            return {}, f"it has {len(frames)} frames, and played again {len(played)}"
        for row in range(len(frames)):
            if not np.array_equal(frames[row], played[row]):
                return {}, f"frame {row} is another than when it is played again"
        return shown, ""

    def _refused(self, number: int, differs: str) -> str:
        """Say which episodes cannot be drawn: one that was found, and those after it."""
        container, ids = self._part.container, self._part.episodes.tolist()
        table = {
            name: container.read(f"{TABLE}/{name}", 0, self._part.metadata.counts.episodes)
            for name in ("starts", "lengths", "world_seeds")
        }
        others = [
            other
            for other in ids[ids.index(number) + 1 :]
            if self._played(
                int(table["world_seeds"][other]),
                self._read(int(table["starts"][other]), int(table["lengths"][other])),
            )[1]
        ]
        also = (
            f", and the like in episodes {', '.join(map(str, others[:_MOST_NAMED]))}"
            if others
            else ""
        )
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        return (
            f"episode {number}: expected one that can be drawn, found that {differs}"
            f"{also}{more}; leave them out or keep pictures stored ({container.name})"
        )


def check_drawable(part: Part, target: Metadata) -> None:
    """Refuse episodes that cannot be played again, before any is.

    Parameters
    ----------
    part : Part
        Where the episodes are.
    target : Metadata
        Of where they go.

    Raises
    ------
    CombineError
        If the dataset lacks what pictures are drawn from, or another simulator has made it.
    CorruptDataError
        If its rows have other shapes than its metadata says.
    """
    from crafter_dataset.engine import spec
    from crafter_dataset.engine.engines import MOST_CELLS
    from crafter_dataset.engine.pictures import check_view

    metadata, where = part.metadata, f"({part.container.name})"
    if metadata.pictures != STORED or target.pictures == STORED:
        return
    needed = (("fields", "inventory"), ("episode_fields", "world_seeds"))
    lacking = [name for kind, name in needed if name not in getattr(metadata, kind)]
    if lacking:
        raise CombineError(
            f"pictures: expected {' and '.join(lacking)}, to draw them, found none {where}"
        )
    for name, found, installed in spec.foreign_entries(metadata.env):
        raise CombineError(
            f"pictures: expected env.{name} {installed!r}, which is installed, to play the "
            f"episodes again, found {found!r} {where}"
        )
    for name in ("actions", "materials", "objects", "items"):
        if getattr(metadata, name) != getattr(spec, name.upper()):
            raise CombineError(f"pictures: expected Crafter's own {name}, found others {where}")
    _check_shapes(part)
    env, cells = metadata.env, math.prod(metadata.env.area)
    if cells > MOST_CELLS:
        raise CombineError(
            f"pictures: expected worlds of at most {MOST_CELLS:,} cells, to play the episodes "
            f"again, found {cells:,} {where}"
        )
    try:
        spec.check_geometry(env.area, env.view, env.size)
        check_view(env.view)
    except ArgumentError as error:
        raise CombineError(f"pictures: they cannot be drawn, {error} {where}") from error


def _check_shapes(part: Part) -> None:
    """Refuse sizes that only the metadata claims: worlds and pictures of them take memory."""
    metadata = part.metadata
    for field in metadata.present_fields():
        info, expected = part.container.describe(field.path), field.row_shape(metadata.sizes())
        if info is None or info.shape[1:] != expected:
            found = "none" if info is None else info.shape[1:]
            raise CorruptDataError(
                f"{field.path}: expected rows of shape {expected}, found {found} "
                f"({part.container.name})"
            )


def pictures_of(parts: tuple[Part, ...], target: Metadata) -> dict[str, NDArray[Any]]:
    """Return what all pictures of a dataset are drawn with: what its parts have, or the engine's.

    Parameters
    ----------
    parts : tuple of Part
        Where the episodes are.
    target : Metadata
        Of where they go.

    Raises
    ------
    CombineError
        If parts have other images, or another daylight, than the first.
    """
    if target.pictures == STORED:
        return {}
    drawn = [part for part in parts if part.metadata.pictures != STORED]
    if not drawn:
        from crafter_dataset.engine.again import Again
        from crafter_dataset.engine.pictures import picture_arrays

        try:
            return picture_arrays(target.env, Again(target).engine)
        except MemoryError:
            raise CombineError(
                f"pictures: expected a size that fits into memory, found {target.env.size}"
            ) from None
    found: dict[str, NDArray[Any]] = {}
    for part in drawn:
        if not part.metadata.counts.episodes:
            continue  # a build that has just begun has no pictures either
        arrays = read_pictures(part.container, part.metadata)
        for field in PICTURE_FIELDS:
            rows = arrays[field.name]
            first = found.setdefault(field.name, rows)
            if rows.tobytes() != first.tobytes():
                raise CombineError(
                    f"{field.path}: expected the same as in {drawn[0].container.name}, found "
                    f"others, so the pictures are drawn otherwise ({part.container.name})"
                )
    return found
