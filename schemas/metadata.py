"""The root attribute `crafter_dataset`: its entries, declared once, parsed and written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from crafter_dataset.schemas.codecs import CODEC_CHOICES, ChunkCodec
from crafter_dataset.schemas.errors import CodecError, MetadataError, NotADatasetError, VersionError
from crafter_dataset.schemas.layout import (
    BUILT_TABLE,
    BUILT_VERSION,
    END_REASONS,
    FORMAT_VERSION,
    FRAME_FIELDS,
    OPTIONAL_FIELDS,
    TABLE_FIELDS,
    Field,
)

ATTRIBUTE = "crafter_dataset"
PROVENANCE = "provenance"
STATUSES = ("building", "complete")


@dataclass(frozen=True)
class Violation:
    """One way in which a dataset breaks the format.

    Parameters
    ----------
    path : str
        Where in the dataset.
    expected : str
        What the format asks for there.
    found : str
        What is there instead.
    """

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


def _integer(low: int, high: int = 2**63 - 1) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _pair(low: int, high: int) -> Callable[[Any], bool]:
    within = _integer(low, high)
    return lambda value: (
        isinstance(value, list | tuple) and len(value) == 2 and all(map(within, value))
    )


def _text(value: Any) -> bool:
    return isinstance(value, str) and value != ""


def _names(most: int) -> Callable[[Any], bool]:
    return lambda value: (
        isinstance(value, list | tuple)
        and 0 < len(value) <= most
        and all(map(_text, value))
        and len(set(value)) == len(value)
    )


def _is_fields(value: Any) -> bool:
    required = set(FRAME_FIELDS) - set(OPTIONAL_FIELDS)
    return _names(256)(value) and required <= set(value)


def _is_table(value: Any) -> bool:
    required = {f.name for f in TABLE_FIELDS.values() if not f.optional}
    return _names(256)(value) and required <= set(value)


def _is_sources(value: Any) -> bool:
    """Whether it is a list of what `SourceSpec` holds."""
    return (
        isinstance(value, list | tuple)
        and 0 < len(value) <= 2**16
        and all(
            isinstance(source, Mapping)
            and _integer(0)(source.get("seed"))
            and _integer(1)(source.get("trajectories_per_world"))
            and isinstance(source.get("policy"), Mapping)
            and _text(source["policy"].get("name"))
            and isinstance(source["policy"].get("parameters"), dict)
            for source in value
        )
    )


def _is_codec(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(ChunkCodec.parse(value)) == value
    except CodecError:
        return False


def _is_digest(value: Any) -> bool:
    return value is None or (
        isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None
    )


@dataclass(frozen=True)
class Entry:
    """One entry of the metadata: its dotted path, its rule, and whether it counts as content."""

    path: str
    expected: str
    check: Callable[[Any], bool]
    about: str
    digested: bool = False
    optional: bool = False


ENTRIES: tuple[Entry, ...] = (
    Entry("version", "a version such as '1.0'", _text, "version of the format"),
    Entry(
        "status",
        "'building' or 'complete'",
        lambda v: v in STATUSES,
        "`complete` once the build reached its target",
    ),
    Entry(
        "digest",
        "64 hexadecimal digits or null",
        _is_digest,
        "SHA-256 of the content; null while building",
    ),
    Entry("counts.episodes", "an integer >= 0", _integer(0, 2**31 - 1), "committed episodes"),
    Entry("counts.frames", "an integer >= 0", _integer(0), "rows that belong to an episode"),
    Entry("counts.rows", "an integer >= 0", _integer(0), "rows in all, padding included"),
    Entry(
        "chunk_frames",
        "an integer from 1 to 16384",
        _integer(1, 16384),
        "rows a chunk; every episode starts on a multiple of it",
    ),
    Entry(
        "codec",
        f"one of {CODEC_CHOICES}",
        _is_codec,
        "codec that the chunks were written with, for example `zstd:1`",
    ),
    Entry(
        "fields",
        "a list of names with every required field",
        _is_fields,
        "per-frame arrays that are present",
        True,
    ),
    Entry("env.name", "a text", _text, "package that simulated the episodes", True),
    Entry("env.version", "a text", _text, "its version", True),
    Entry(
        "env.area",
        "two integers from 1 to 32767",
        _pair(1, 32767),
        "size of the world (x, y), in cells",
        True,
    ),
    Entry(
        "env.view",
        "two integers from 1 to 32767",
        _pair(1, 32767),
        "cells in the picture (x, y), the inventory rows included",
        True,
    ),
    Entry(
        "env.size",
        "two integers from 1 to 32767",
        _pair(1, 32767),
        "size of the picture (width, height), in pixels",
        True,
    ),
    Entry(
        "env.length",
        "an integer from 1 to 65535",
        _integer(1, 65535),
        "time limit, in actions",
        True,
    ),
    Entry(
        "env.reward",
        "true or false",
        lambda v: isinstance(v, bool),
        "whether the environment gives rewards",
        True,
    ),
    Entry(
        "env.object_order",
        "a text",
        _text,
        "order of the objects in a chunk when creatures spawn and despawn; `insertion` here, "
        "memory addresses in stock Crafter",
        True,
    ),
    Entry("policy.name", "a text", _text, "name of the policy, or `package.module:factory`", True),
    Entry(
        "policy.parameters",
        "an object",
        lambda v: isinstance(v, dict),
        "the policy's parameters",
        True,
    ),
    Entry("seed", "an integer from 0 to 2**63 - 1", _integer(0), "seed of the dataset", True),
    Entry(
        "trajectories_per_world",
        "an integer >= 1",
        _integer(1),
        "consecutive episodes that share a world",
        True,
    ),
    Entry("actions", "a list of distinct names", _names(256), "names of the actions", True),
    Entry(
        "materials",
        "a list of distinct names",
        _names(200),
        "names of the materials; ids count from 1",
        True,
    ),
    Entry(
        "objects",
        "a list of distinct names",
        _names(50),
        "names of the objects; ids follow those of the materials",
        True,
    ),
    Entry("items", "a list of distinct names", _names(256), "names of the inventory items", True),
    Entry(
        "achievements", "a list of distinct names", _names(256), "names of the achievements", True
    ),
    Entry(
        "end_reasons",
        f"{list(END_REASONS)}",
        lambda v: list(v) == list(END_REASONS) if isinstance(v, list | tuple) else False,
        "names of the end reasons",
        True,
    ),
    Entry(
        "episode_fields",
        "a list of names with every required field",
        _is_table,
        f"per-episode arrays that are present, if they are not {', '.join(BUILT_TABLE)}",
        True,
        True,
    ),
    Entry(
        "unknown",
        "a list of distinct names",
        _names(256),
        "entries (such as `env.length`) and arrays whose values the source did not say: what "
        "stands there is a default and says nothing; `NAME[0]` is the first row of each episode",
        True,
        True,
    ),
    Entry(
        "sources",
        "a list of objects with seed, policy and trajectories_per_world",
        _is_sources,
        "builds that the episodes come from, if there are several; the first one's are `seed`, "
        "`policy` and `trajectories_per_world` here",
        True,
        True,
    ),
)


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


def require_dataset(attributes: Mapping[str, Any], where: str) -> None:
    """Refuse what is no dataset, or one of another major version of the format.

    Raises
    ------
    NotADatasetError
        If there is no `crafter_dataset` attribute.
    VersionError
        If the version is no `MAJOR.MINOR` or its major number is not ours.
    """
    if not isinstance(attributes.get(ATTRIBUTE), Mapping):
        raise NotADatasetError(
            f"{where}: expected a Crafter dataset, found no attribute {ATTRIBUTE!r}"
        )
    version = attributes[ATTRIBUTE].get("version")
    if not isinstance(version, str) or not re.fullmatch(r"\d{1,6}\.\d{1,6}", version):
        raise VersionError(
            f"{where}: expected a format version like {FORMAT_VERSION!r}, found {version!r}"
        )
    ours, theirs = (int(v.split(".")[0]) for v in (FORMAT_VERSION, version))
    if theirs > ours:
        raise VersionError(
            f"{where}: expected format version {ours}.x, found {version}, which is "
            "newer; upgrade crafter-dataset to read it"
        )
    if theirs < ours:
        raise VersionError(f"{where}: expected format version {ours}.x, found {version}")


def metadata_violations(attributes: Mapping[str, Any]) -> Iterator[Violation]:
    """Check every entry of the root attribute `crafter_dataset` against its rule."""
    values = attributes[ATTRIBUTE]
    for entry in ENTRIES:
        value: Any = values
        for key in entry.path.split("."):
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if not (entry.optional and value is _ABSENT) and not entry.check(value):
            found = "nothing" if value is _ABSENT else _shorten(repr(value))
            yield Violation(f"{ATTRIBUTE}.{entry.path}", entry.expected, found)
    digest = values.get("digest")
    if values.get("status") == "complete" and digest is None:
        yield Violation(f"{ATTRIBUTE}.digest", "a digest of a complete dataset", "null")
    if values.get("status") == "building" and digest is not None and _is_digest(digest):
        yield Violation(f"{ATTRIBUTE}.digest", "null while building", "a digest")


_ABSENT = object()

_DEFAULTS: Mapping[str, Any] = {f.name: f.default for f in fields(Metadata)}


def _root(entry: Entry) -> str:
    return entry.path.split(".")[0]


def _freeze(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
