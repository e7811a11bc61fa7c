"""The root attribute `crafter_dataset` as values, read and written."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.entries import ATTRIBUTE, ENTRIES, PROVENANCE, Entry
from crafter_dataset.schemas.errors import MetadataError
from crafter_dataset.schemas.extras import ExtraSpec
from crafter_dataset.schemas.layout import (
    ANCHOR_WORDS,
    BUILT_TABLE,
    BUILT_VERSION,
    DRAWN,
    DRAWN_FIELDS,
    END_REASONS,
    FRAME_FIELDS,
    PICTURE_FIELDS,
    STORED,
    TABLE_FIELDS,
    Field,
)
from crafter_dataset.schemas.violations import metadata_violations, require_dataset
from crafter_dataset.schemas.wording import extent

MIX = "mix"
"""Name of the policy that is a mixture of others."""

WEIGHT = "weight"
"""Share of a policy in a mixture, beside its parameters."""


@dataclass(frozen=True)
class Counts:
    """How much of the dataset is committed.

    Parameters
    ----------
    episodes : int
        Episodes.
    frames : int
        Rows of per-frame arrays that belong to an episode.
    rows : int
        Rows of per-frame arrays in all, padding included.
    """

    episodes: int = 0
    frames: int = 0
    rows: int = 0


@dataclass(frozen=True)
class EnvSpec:
    """The environment that made the episodes.

    Parameters
    ----------
    name : str
        Package that simulated the episodes.
    version : str
        Its version.
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), pixels of the
        picture (width, height).
    length : int
        Time limit, in actions.
    reward : bool
        Whether rewards are computed; else they are 0.
    object_order : str
        Order of the objects in a chunk when creatures spawn and despawn.
    """

    name: str
    version: str
    area: tuple[int, int]
    view: tuple[int, int]
    size: tuple[int, int]
    length: int
    reward: bool = True
    object_order: str = "insertion"


@dataclass(frozen=True)
class PolicySpec:
    """The policy that chose the actions.

    Parameters
    ----------
    name : str
        Name of the policy, or `package.module:factory`; `mix` for a mixture.
    parameters : mapping of str to object
        Its parameters, as JSON values; of a mixture, those of each policy by its name, and its
        `weight` beside them.
    """

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def members(self) -> tuple[PolicySpec, ...]:
        """Return the policies that play: those of a mixture in the order of names, or this one."""
        if self.name != MIX or not all(isinstance(v, Mapping) for v in self.parameters.values()):
            return (self,)
        return tuple(
            PolicySpec(name, {k: v for k, v in self.parameters[name].items() if k != WEIGHT})
            for name in sorted(self.parameters)
        )

    def canonical(self) -> str:
        """Return it as text, which does not depend on the order of the parameters."""
        return json.dumps([self.name, self.parameters], sort_keys=True)


@dataclass(frozen=True)
class SourceSpec:
    """A build that episodes come from.

    Parameters
    ----------
    seed : int
        Seed of the build.
    policy : PolicySpec
        Its policy.
    trajectories_per_world : int
        Consecutive episodes that share a world.
    """

    seed: int
    policy: PolicySpec
    trajectories_per_world: int


@dataclass(frozen=True, repr=False)
class Metadata:
    """What a dataset says of itself: the root attribute `crafter_dataset`.

    Parameters
    ----------
    env : EnvSpec
        The environment.
    policy : PolicySpec
        The policy.
    seed : int
        Seed of the dataset.
    trajectories_per_world : int
        Consecutive episodes that share a world.
    chunk_frames : int
        Rows of a chunk; every episode starts on a multiple of it.
    codec : str
        Codec of the chunks, such as `zstd:1`.
    fields : tuple of str
        Names of what there is of each frame, be it stored or drawn.
    actions, materials, objects, items, achievements, end_reasons : tuple of str
        Names, in the order of their ids.
    episode_fields : tuple of str
        Names of the per-episode arrays that are present.
    unknown : tuple of str
        Entries and arrays whose values are not known.
    sources : tuple of SourceSpec
        Builds that the episodes come from, if there are several.
    policies : tuple of PolicySpec
        Policies of a mixture; `episodes/policies` says which of them played an episode.
    extras : tuple of ExtraSpec
        Per-frame arrays that the policy has added.
    pictures : {'stored', 'drawn', 'both'}
        Whether frames are stored, or what they are drawn from, or both.
    tiles : tuple of str
        What each tile of a picture shows, if they are drawn.
    version : str
        Version of the format.
    status : {'building', 'complete'}
        Whether the build reached its target.
    digest : str or None
        SHA-256 of the content, 64 hexadecimal digits; None while building.
    counts : Counts
        How much is committed.

    Examples
    --------
    >>> import crafter_dataset
    >>> metadata = crafter_dataset.open_dataset("data.zarr").metadata
    >>> metadata.seed, metadata.env.size, metadata.actions[:2]
    (7, (64, 64), ('noop', 'move_left'))
    """

    env: EnvSpec
    policy: PolicySpec
    seed: int
    trajectories_per_world: int
    chunk_frames: int
    codec: str
    fields: tuple[str, ...]
    actions: tuple[str, ...]
    materials: tuple[str, ...]
    objects: tuple[str, ...]
    items: tuple[str, ...]
    achievements: tuple[str, ...]
    end_reasons: tuple[str, ...] = END_REASONS
    episode_fields: tuple[str, ...] = BUILT_TABLE
    unknown: tuple[str, ...] = ()
    sources: tuple[SourceSpec, ...] = ()
    policies: tuple[PolicySpec, ...] = ()
    extras: tuple[ExtraSpec, ...] = ()
    pictures: str = STORED
    tiles: tuple[str, ...] = ()
    version: str = BUILT_VERSION
    status: str = "building"
    digest: str | None = None
    counts: Counts = field(default_factory=Counts)

    def to_json(self) -> dict[str, Any]:
        """Return the attribute as it is stored, in the order of `ENTRIES`."""
        values = asdict(self)
        for entry in ENTRIES:
            if entry.optional and getattr(self, entry.path) == _DEFAULTS[entry.path]:
                del values[entry.path]
        return {key: values[key] for key in dict.fromkeys(map(_root, ENTRIES)) if key in values}

    def __repr__(self) -> str:
        counts, digest = self.counts, self.digest or "none yet"
        return (
            f"<Metadata: {self.status}, {extent(counts.episodes, counts.frames)} of "
            f"{self.env.name},\n {self.built_by()}, codec {self.codec}, "
            f"digest {digest[:16]};\n to_json() returns all entries>"
        )

    def differing(self) -> set[str]:
        """Return the entries that are those of one of several sources, and not of the others."""
        names = ("policy", "seed", "trajectories_per_world")
        return {
            name
            for name in names
            if any(getattr(source, name) != getattr(self, name) for source in self.sources)
        }

    def built_by(self) -> str:
        """Return in some words what the episodes come from."""
        if {"seed", "policy"} & set(self.unknown):
            return "imported"
        if differing := self.differing():
            mixed = "mixed policies, " if "policy" in differing else ""
            return f"{mixed}{len(self.sources)} sources"
        return f"policy {self.policy.name}, seed {self.seed}"

    def header(self) -> dict[str, Any]:
        """Return the entries that the dataset's digest covers."""
        values = self.to_json()
        digested = dict.fromkeys(_root(e) for e in ENTRIES if e.digested)
        return {key: values[key] for key in digested if key in values}

    def present_fields(self) -> tuple[Field, ...]:
        """Return the arrays present that this version knows, in layout order."""
        fixed = () if self.pictures == STORED else PICTURE_FIELDS
        return (*self.frame_fields(), *self.table_fields(), *fixed)

    def rows_of(self, field: Field) -> int:
        """Return how many rows of an array are committed.

        Parameters
        ----------
        field : Field
            The array.
        """
        if field.fixed:
            return self.sizes()[field.dims[0]]
        return self.counts.episodes if field.per_episode else self.counts.rows

    def frame_fields(self) -> tuple[Field, ...]:
        """Return the per-frame arrays present that this version knows: the layout's, then extras.

        Their order is that of the digests.
        """
        names = {*self.fields, *(() if self.pictures == STORED else DRAWN_FIELDS)}
        if self.pictures == DRAWN:
            names.remove("frames")
        stored = (self.frame_field(name) for name in FRAME_FIELDS if name in names)
        return (*stored, *(extra.field() for extra in self.extras))

    def known_frame_fields(self) -> tuple[Field, ...]:
        """Return what there is of a frame, be it stored or drawn: the layout's, then extras."""
        drawn = () if self.pictures == STORED else DRAWN_FIELDS
        names = (name for name in FRAME_FIELDS if name in self.fields or name in drawn)
        known = (self.frame_field(name) for name in names)
        extras = (extra.field() for extra in self.extras)
        return (*(field for field in known if not field.spread), *extras)

    def frame_field(self, name: str) -> Field:
        """Return the per-frame array of a name.

        Parameters
        ----------
        name : str
            One of `known_fields`, or of those that pictures are drawn from.

        Raises
        ------
        KeyError
            If there is no such array.
        """
        extra = next((extra for extra in self.extras if extra.name == name), None)
        return FRAME_FIELDS[name] if extra is None else extra.field()

    def table_fields(self) -> tuple[Field, ...]:
        """Return the per-episode arrays present that this version knows, in layout order."""
        return tuple(f for f in TABLE_FIELDS.values() if f.name in self.episode_fields)

    def known_fields(self) -> tuple[str, ...]:
        """Return the names of what there is of a frame, as far as this version knows, in order."""
        return self._known_fields

    @functools.cached_property
    def _known_fields(self) -> tuple[str, ...]:
        return tuple(f.name for f in self.known_frame_fields())

    def recorded_fields(self) -> tuple[Field, ...]:
        """Return the per-frame arrays present that an episode brings, in layout order.

        That is all but `episode_ids`, which depends on where the episode goes.
        """
        return tuple(f for f in self.frame_fields() if f.digested or f.drawn)

    def digested_fields(self) -> tuple[Field, ...]:
        """Return the per-frame arrays that an episode's digest covers, in order."""
        return tuple(f for f in self.known_frame_fields() if f.digested)

    def played_by(self) -> tuple[PolicySpec, ...]:
        """Return the policies that may have played an episode, each once.

        They are those of a mixture, those of several sources, or the only one.
        """
        if self.policies:
            return self.policies
        policies = [source.policy for source in self.sources] or [self.policy]
        return tuple({policy.canonical(): policy for policy in policies}.values())

    def versioned(self) -> Metadata:
        """Return the same with the lowest version of the format that has all that is in it."""
        found = [
            e.since for e in ENTRIES if e.optional and getattr(self, e.path) != _DEFAULTS[e.path]
        ]
        return replace(self, version=max([BUILT_VERSION, *found], key=_version_key))

    def sizes(self) -> dict[str, int]:
        """Return the size of each named dimension of a row, by name."""
        return {
            "height": self.env.size[1],
            "width": self.env.size[0],
            "channel": 3,
            "x": self.env.area[0],
            "y": self.env.area[1],
            "axis": 2,
            "item": len(self.items),
            "achievement": len(self.achievements),
            "byte": 16,
            **(self._picture_sizes() if self.pictures != STORED else {}),
            **{dim: size for extra in self.extras for dim, size in extra.dims.items()},
        }

    def _picture_sizes(self) -> dict[str, int]:
        """Return the sizes of the dimensions that only drawn pictures have."""
        (columns, rows), (width, height) = self.env.view, self.env.size
        lines = rows - ceil_div(len(self.items), columns)
        unit_x, unit_y = width // columns, height // rows
        return {
            "column": columns,
            "line": lines,
            "word": ceil_div(ANCHOR_WORDS, self.chunk_frames),
            "tile": len(self.tiles),
            "amount": 10,
            "unit_x": unit_x,
            "unit_y": unit_y,
            "view_x": columns * unit_x,
            "view_y": lines * unit_y,
            "step": self.env.length + 1,
        }

    def highest(self, limit: float | str | None) -> float | None:
        """Return the value of a field's upper limit, which may name one of the lists.

        Parameters
        ----------
        limit : float, str or None
            The field's `high`.

        Returns
        -------
        float or None
            Highest valid value; None for no limit.
        """
        if not isinstance(limit, str):
            return limit
        return {
            "actions": len(self.actions) - 1,
            "materials": len(self.materials),
            "semantic": len(self.materials) + len(self.objects),
            "end_reasons": len(self.end_reasons) - 1,
            "sources": len(self.sources) - 1,
            "policies": len(self.policies) - 1,
            "tiles": len(self.tiles) - 1,
        }[limit]

    def with_counts(self, counts: Counts, status: str, digest: str | None) -> Metadata:
        """Return the same metadata with another state of the dataset.

        Parameters
        ----------
        counts : Counts
            How much is committed now.
        status : {'building', 'complete'}
            Whether the build reached its target.
        digest : str or None
            SHA-256 of the content, 64 hexadecimal digits; None while building.
        """
        return replace(self, counts=counts, status=status, digest=digest)

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any], where: str) -> Metadata:
        """Read the metadata from a dataset's root attributes.

        Parameters
        ----------
        attributes : mapping of str to object
            Attributes of the root, as JSON values.
        where : str
            Name of the dataset, for messages.

        Raises
        ------
        NotADatasetError
            If there is no `crafter_dataset` attribute.
        VersionError
            If the format's major version is another than this software's.
        MetadataError
            If an entry is missing or breaks its rule; the first is named.
        """
        require_dataset(attributes, where)
        for violation in metadata_violations(attributes):
            raise MetadataError(f"{violation} ({where})")
        return cls._from_json(attributes[ATTRIBUTE])

    @classmethod
    def _from_json(cls, values: Mapping[str, Any]) -> Metadata:
        """Build from entries already checked; entries unknown to this version are left out."""
        known = {f.name: _freeze(values[f.name]) for f in fields(cls) if f.name in values}
        for name, kind in (("env", EnvSpec), ("policy", PolicySpec), ("counts", Counts)):
            known[name] = kind(**{f.name: _freeze(values[name][f.name]) for f in fields(kind)})
        known["sources"] = tuple(
            SourceSpec(
                source["seed"],
                _policy(source["policy"]),
                source["trajectories_per_world"],
            )
            for source in values.get("sources", ())
        )
        known["policies"] = tuple(map(_policy, values.get("policies", ())))
        known["extras"] = tuple(
            ExtraSpec(extra["name"], extra["dtype"], tuple(extra["shape"]))
            for extra in values.get("extras", ())
        )
        return cls(**known)


def provenance_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a dataset's root says about where it comes from, as far as it is valid.

    Parameters
    ----------
    attributes : mapping of str to object
        Attributes of the root, as JSON values.

    Returns
    -------
    dict
        Its lists `runs` and `conversions`, where there are any, and whatever else is there.
    """
    found = attributes.get(PROVENANCE)
    provenance = dict(found) if isinstance(found, Mapping) else {}
    for name in ("runs", "conversions"):
        if not isinstance(provenance.get(name, []), list):
            del provenance[name]
    return provenance


_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(Metadata)}


def _policy(value: Mapping[str, Any]) -> PolicySpec:
    return PolicySpec(value["name"], value["parameters"])


def _version_key(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _root(entry: Entry) -> str:
    return entry.path.split(".")[0]


def _freeze(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
