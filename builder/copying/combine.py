"""What a dataset is that holds episodes of others: its metadata, and where each comes from."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.pictures import tile_names
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.errors import CorruptDataError, CrafterDatasetError
from crafter_dataset.schemas.layout import FRAME_FIELDS, STORED, TABLE, TABLE_FIELDS
from crafter_dataset.schemas.metadata import MIX, Counts, Metadata, PolicySpec, SourceSpec

ORIGIN_FIELDS = ("numbers", "sources", "policies")
"""Per-episode fields that say where an episode comes from, and who played it."""


class CombineError(CrafterDatasetError):
    """Datasets that do not go together."""


@dataclass(frozen=True)
class Part:
    """Some episodes of a dataset of ours.

    Parameters
    ----------
    container : Container
        The dataset.
    metadata : Metadata
        Its metadata.
    episodes : ndarray, shape (episodes,), int64
        Ids of the episodes, in the order in which they are wanted.
    """

    container: Container
    metadata: Metadata
    episodes: NDArray[np.int64]

    def origins(self) -> tuple[tuple[SourceSpec, ...], NDArray[np.int64], NDArray[np.int64]]:
        """Return the builds that the episodes come from, and the build and number of each.

        Returns
        -------
        specs : tuple of SourceSpec
            The builds of the dataset.
        sources : ndarray, shape (episodes,), int64
            Build of each episode, an index into `specs`.
        numbers : ndarray, shape (episodes,), int64
            Number of each episode in its build.

        Raises
        ------
        CorruptDataError
            If the dataset names a build that it does not describe.
        """
        meta = self.metadata
        own = SourceSpec(meta.seed, meta.policy, meta.trajectories_per_world)
        sources = meta.sources or (own,)
        source, numbers = self._column("sources", len(sources)), self._column("numbers")
        if source is None:
            source = np.zeros(len(self.episodes), np.int64)
        return sources, source, self.episodes if numbers is None else numbers

    def players(self) -> tuple[tuple[PolicySpec, ...], NDArray[np.int64]]:
        """Return the policies that played, as far as the dataset says it, and each episode's.

        Returns
        -------
        policies : tuple of PolicySpec
            The policies.
        played : ndarray, shape (episodes,), int64
            Policy of each episode, an index into `policies`.

        Raises
        ------
        CorruptDataError
            If the dataset names a policy or a build that it does not describe.
        """
        policies = self.metadata.policies
        played = self._column("policies", len(policies))
        if played is not None:
            return policies, played
        sources, source, _ = self.origins()
        return tuple(build.policy for build in sources), source

    def _column(self, name: str, limit: int | None = None) -> NDArray[np.int64] | None:
        """Read one of `ORIGIN_FIELDS` for the episodes, None if it is not there."""
        if name not in self.metadata.episode_fields:
            return None
        column = self.container.read(f"{TABLE}/{name}", 0, self.metadata.counts.episodes)
        if limit is not None and column.max(initial=0) >= limit:
            raise CorruptDataError(
                f"{TABLE}/{name}: expected 0 to {limit - 1}, found {column.max()} "
                f"({self.container.name})"
            )
        return column.astype(np.int64)[self.episodes]


@dataclass(frozen=True)
class Plan:
    """A dataset that is to be made of parts of others.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset, without any episode yet.
    parts : tuple of Part
        Where the episodes are.
    places : ndarray, shape (episodes, 2), int64
        Index of each episode's part, and its id there.
    origins : dict of str to ndarray, shape (episodes,), int64
        Values of those of `ORIGIN_FIELDS` that the dataset has.
    """

    metadata: Metadata
    parts: tuple[Part, ...]
    places: NDArray[np.int64]
    origins: dict[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.places)


def combine(
    parts: Sequence[Part],
    codec: str,
    chunk_frames: int | None = None,
    pictures: str | None = None,
) -> Plan:
    """Plan a dataset of some episodes of one or more datasets, one part after the other.

    Episodes that are numbered as one build numbers them, from 0 on, make the
    dataset of that build, with the same metadata and the same digest. All others
    keep their number and, if they come from several builds, which one. Where one of these
    had a mixture for its policy, each episode keeps the policy that played it.

    Parameters
    ----------
    parts : sequence of Part
        The episodes; one part or more.
    codec : str
        Codec of the dataset.
    chunk_frames : int, optional
        Frames compressed together; by default as in the first part.
    pictures : str, optional
        Whether frames are stored or drawn; by default as in all parts.

    Raises
    ------
    CombineError
        If the datasets differ in what all episodes must share, or an episode
        would be there twice.
    """
    first = parts[0].metadata
    for part in parts[1:]:
        _check_alike(parts[0], part, set() if pictures is None else {"pictures", "tiles"})
    sources: dict[str, SourceSpec] = {}
    source_column, number_column = [], []
    for part in parts:
        own, source, number = part.origins()
        for spec in (own[index] for index in np.unique(source)):
            sources.setdefault(_canonical(spec), spec)
        index_of = {key: index for index, key in enumerate(sources)}
        translated = np.array([index_of.get(_canonical(spec), 0) for spec in own], np.int64)
        source_column.append(translated[source])
        number_column.append(number)
    origins = {
        "numbers": np.concatenate(number_column),
        "sources": np.concatenate(source_column),
    }
    _check_distinct(parts)
    if len(sources) < 2:
        del origins["sources"]
    if np.array_equal(origins["numbers"], np.arange(len(origins["numbers"]))) and len(sources) < 2:
        del origins["numbers"]
    specs = tuple(sources.values()) or (
        SourceSpec(first.seed, first.policy, first.trajectories_per_world),
    )
    policies: dict[str, PolicySpec] = {}
    if any(spec.policy.name == MIX for spec in specs):
        policies, origins["policies"] = _players(parts, specs)
    present = set(first.episode_fields) - set(ORIGIN_FIELDS) | set(origins)
    metadata = replace(
        first,
        seed=specs[0].seed,
        policy=specs[0].policy,
        trajectories_per_world=specs[0].trajectories_per_world,
        sources=specs if len(specs) > 1 else (),
        policies=tuple(policies.values()),
        episode_fields=tuple(name for name in TABLE_FIELDS if name in present),
        codec=codec,
        chunk_frames=chunk_frames or first.chunk_frames,
        fields=tuple(name for name in FRAME_FIELDS if name in first.fields),
        **_pictures(parts, pictures),
        status="building",
        digest=None,
        counts=Counts(),
    )
    places = [
        np.stack([np.full(len(part.episodes), index), part.episodes], 1)
        for index, part in enumerate(parts)
    ]
    return Plan(
        metadata.versioned(),
        tuple(parts),
        np.concatenate(places),
        origins,
    )


def _pictures(parts: Sequence[Part], wanted: str | None) -> dict[str, Any]:
    """Return the entries that say how pictures are stored."""
    pictures = wanted or parts[0].metadata.pictures
    if pictures == STORED:
        return {"pictures": STORED, "tiles": ()}
    named = next((part.metadata.tiles for part in parts if part.metadata.tiles), None)
    return {"pictures": pictures, "tiles": named or tile_names(parts[0].metadata.materials)}


def _players(
    parts: Sequence[Part], specs: Sequence[SourceSpec]
) -> tuple[dict[str, PolicySpec], NDArray[np.int64]]:
    """Return the policies of some builds, by their texts, and which of them played each episode.

    What policies there are follows from the builds, not from the episodes that were chosen.
    """
    policies: dict[str, PolicySpec] = {}
    for policy in (member for spec in specs for member in spec.policy.members()):
        policies.setdefault(policy.canonical(), policy)
    columns = []
    for own, played in (part.players() for part in parts):
        for number in np.unique(played).tolist():
            policies.setdefault(own[number].canonical(), own[number])
        index_of = {key: index for index, key in enumerate(policies)}
        translated = np.array([index_of.get(policy.canonical(), 0) for policy in own], np.int64)
        columns.append(translated[played])
    return policies, np.concatenate(columns)


_CONTENT = "content"
"""Marks the identity of an episode whose build is unknown."""


def missing_from(part: Part, there: Part) -> Part:
    """Return those episodes of a part that are not in another one; see `_identities`.

    Parameters
    ----------
    part : Part
        The part.
    there : Part
        The other one.
    """
    left = Counter(_identities(there))
    missing = []
    for identity in _identities(part):
        missing.append(not left[identity])
        left[identity] -= left[identity] > 0
    return replace(part, episodes=part.episodes[missing])


def _identities(part: Part) -> list[tuple[str, int | str]]:
    """Return what each episode is known by: build and number, or content if these are unknown."""
    if "seed" in part.metadata.unknown:
        count = part.metadata.counts.episodes
        digests = part.container.read(f"{TABLE}/digests", 0, count)[part.episodes]
        return [(_CONTENT, digest.tobytes().hex()) for digest in digests]
    sources, source, number = part.origins()
    names = [_canonical(spec) for spec in sources]
    return [(names[s], n) for s, n in zip(source.tolist(), number.tolist(), strict=True)]


def _canonical(spec: SourceSpec) -> str:
    """Return a build as text, which does not depend on the order of its parameters."""
    return json.dumps(asdict(spec), sort_keys=True)


_MAY_DIFFER = {
    "seed", "policy", "trajectories_per_world", "sources", "policies", "episode_fields", "codec",
    "version",
    "status", "digest", "counts", "chunk_frames",
}  # fmt: skip


def _check_alike(first: Part, part: Part, may_differ: set[str]) -> None:
    one, other = (
        _flat(p.metadata.to_json() | {"pictures": p.metadata.pictures}) for p in (first, part)
    )
    unknown = [", ".join(p.metadata.unknown) or "nothing" for p in (first, part)]
    if unknown[0] != unknown[1]:
        raise CombineError(
            f"unknown: expected datasets of which as much is known, found {unknown[0]} unknown of "
            f"{first.container.name} and {unknown[1]} of {part.container.name}; what was "
            "imported cannot be merged with what was built"
        )
    for key in sorted(one.keys() | other.keys()):
        if key.split(".")[0] not in _MAY_DIFFER | may_differ and one.get(key) != other.get(key):
            raise CombineError(
                f"{key}: expected {one.get(key)} as in {first.container.name}, found "
                f"{other.get(key)} ({part.container.name})"
            )
    kept, found = (set(p.metadata.episode_fields) - set(ORIGIN_FIELDS) for p in (first, part))
    for name in sorted(kept ^ found):
        has, lacks = (first, part) if name in kept else (part, first)
        raise CombineError(
            f"{TABLE}/{name}: expected it in all datasets or in none, found it in "
            f"{has.container.name} but not in {lacks.container.name}"
        )


def _check_distinct(parts: Sequence[Part]) -> None:
    """Refuse an episode that is there twice: a split would have it on both sides."""
    seen: set[tuple[str, int | str]] = set()
    for part in parts:
        earlier = frozenset(seen)
        for episode, identity in zip(part.episodes.tolist(), _identities(part), strict=True):
            # Episodes of one import may well be alike.
            if identity in (earlier if identity[0] == _CONTENT else seen):
                raise CombineError(
                    f"episode {episode} of {part.container.name}: expected each episode once, "
                    "found it a second time; leave it out"
                )
            seen.add(identity)


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = value if isinstance(value, dict) and key == "env" else {"": value}
        flat |= {f"{key}.{name}".rstrip("."): entry for name, entry in inner.items()}
    return flat
