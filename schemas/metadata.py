"""The root attribute `crafter_dataset` as values: what a dataset is, read and written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from crafter_dataset.schemas.entries import ATTRIBUTE, ENTRIES, PROVENANCE, Entry
from crafter_dataset.schemas.errors import MetadataError
from crafter_dataset.schemas.layout import (
    BUILT_TABLE,
    BUILT_VERSION,
    END_REASONS,
    FRAME_FIELDS,
    TABLE_FIELDS,
    Field,
)
from crafter_dataset.schemas.violations import metadata_violations, require_dataset


@dataclass(frozen=True)
class Counts:
    """How much of the dataset is committed."""

    episodes: int = 0
    frames: int = 0
    rows: int = 0


@dataclass(frozen=True)
class EnvSpec:
    """The environment that made the episodes; pairs are (x, y) or (width, height)."""

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
    """The policy that drove the episodes."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceSpec:
    """A build that episodes come from."""

    seed: int
    policy: PolicySpec
    trajectories_per_world: int


@dataclass(frozen=True)
class Metadata:
    """The root attribute `crafter_dataset`; its entries are described in `ENTRIES`."""

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

    def header(self) -> dict[str, Any]:
        """Return the entries that the dataset's digest covers."""
        values = self.to_json()
        digested = dict.fromkeys(_root(e) for e in ENTRIES if e.digested)
        return {key: values[key] for key in digested if key in values}

    def present_fields(self) -> Iterator[Field]:
        """Yield the arrays that the dataset holds and this version knows, in layout order."""
        yield from (FRAME_FIELDS[name] for name in self.known_fields())
        yield from self.table_fields()

    def table_fields(self) -> tuple[Field, ...]:
        """Per-episode arrays that the dataset holds and this version knows, in layout order."""
        return tuple(f for f in TABLE_FIELDS.values() if f.name in self.episode_fields)

    def known_fields(self) -> tuple[str, ...]:
        """Names of the per-frame arrays that this version knows, in layout order."""
        return tuple(name for name in FRAME_FIELDS if name in self.fields)

    def sizes(self) -> dict[str, int]:
        """Return the size of each named dimension of a row."""
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
        }

    def highest(self, limit: float | str | None) -> float | None:
        """Resolve a field's upper limit, which may name one of the lists."""
        if not isinstance(limit, str):
            return limit
        return {
            "actions": len(self.actions) - 1,
            "materials": len(self.materials),
            "semantic": len(self.materials) + len(self.objects),
            "end_reasons": len(self.end_reasons) - 1,
            "sources": len(self.sources) - 1,
        }[limit]

    def with_counts(self, counts: Counts, status: str, digest: str | None) -> Metadata:
        """Return the same dataset, grown."""
        return replace(self, counts=counts, status=status, digest=digest)

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, Any], where: str) -> Metadata:
        """Read the metadata from a dataset's root attributes.

        Parameters
        ----------
        attributes : mapping
            Attributes of the root group.
        where : str
            Name of the dataset, for messages.

        Raises
        ------
        NotADatasetError
            If there is no `crafter_dataset` attribute.
        VersionError
            If the format's major version is not ours.
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
                PolicySpec(source["policy"]["name"], source["policy"]["parameters"]),
                source["trajectories_per_world"],
            )
            for source in values.get("sources", ())
        )
        return cls(**known)


def provenance_of(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Give what a dataset's root says of where it comes from, as far as it is in order."""
    found = attributes.get(PROVENANCE)
    provenance = dict(found) if isinstance(found, Mapping) else {}
    for name in ("runs", "conversions"):
        if not isinstance(provenance.get(name, []), list):
            del provenance[name]
    return provenance


_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(Metadata)}


def _root(entry: Entry) -> str:
    return entry.path.split(".")[0]


def _freeze(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
