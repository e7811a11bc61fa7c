"""The entries of the root attribute `crafter_dataset`: each declared once, with its rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crafter_dataset.schemas.codecs import CODEC_CHOICES, ChunkCodec
from crafter_dataset.schemas.errors import CodecError
from crafter_dataset.schemas.extras import MOST_EXTRAS, is_extras
from crafter_dataset.schemas.layout import (
    BOTH,
    BUILT_TABLE,
    BUILT_VERSION,
    DRAWN,
    DRAWN_FIELDS,
    END_REASONS,
    FRAME_FIELDS,
    LONGEST,
    MOST_CHUNK_FRAMES,
    MOST_SIDE,
    OPTIONAL_FIELDS,
    TABLE_FIELDS,
)

ATTRIBUTE = "crafter_dataset"
PROVENANCE = "provenance"
STATUSES = ("building", "complete")


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
    required = set(FRAME_FIELDS) - {*OPTIONAL_FIELDS, *DRAWN_FIELDS}
    return _names(256)(value) and required <= set(value) and not {*DRAWN_FIELDS} & set(value)


def _is_table(value: Any) -> bool:
    required = {f.name for f in TABLE_FIELDS.values() if not f.optional}
    return _names(256)(value) and required <= set(value)


def _is_sources(value: Any) -> bool:
    """Tell whether a value is a list of what `SourceSpec` holds."""
    return (
        isinstance(value, list | tuple)
        and 0 < len(value) <= 2**16
        and all(
            isinstance(source, Mapping)
            and _integer(0)(source.get("seed"))
            and _integer(1)(source.get("trajectories_per_world"))
            and _is_policy(source.get("policy"))
            for source in value
        )
    )


def _is_policy(value: Any) -> bool:
    """Tell whether a value is what `PolicySpec` holds."""
    return (
        isinstance(value, Mapping)
        and _text(value.get("name"))
        and isinstance(value.get("parameters"), dict)
    )


def _is_policies(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and 0 < len(value) <= 2**16 and all(map(_is_policy, value))
    )


def _is_codec(value: Any) -> bool:
    try:
        return isinstance(value, str) and str(ChunkCodec.parse(value)) == value
    except CodecError:
        return False


def is_digest(value: Any) -> bool:
    """Tell whether a value is one that the entry `digest` may have.

    Parameters
    ----------
    value : object
        A JSON value.
    """
    return value is None or (
        isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value) is not None
    )


@dataclass(frozen=True)
class Entry:
    """One entry of the metadata.

    Parameters
    ----------
    path : str
        Its dotted path inside the attribute.
    expected : str
        What its value has to be, in words.
    check : callable
        Tells whether a JSON value is allowed.
    about : str
        One line of description.
    digested : bool
        Whether the dataset's digest covers it.
    optional : bool
        Whether it may be missing.
    since : str
        Version of the format that a dataset with it states at least.
    """

    path: str
    expected: str
    check: Callable[[Any], bool]
    about: str
    digested: bool = False
    optional: bool = False
    since: str = BUILT_VERSION


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
        is_digest,
        "SHA-256 of the content; null while building",
    ),
    Entry("counts.episodes", "an integer >= 0", _integer(0, 2**31 - 1), "committed episodes"),
    Entry("counts.frames", "an integer >= 0", _integer(0), "rows that belong to an episode"),
    Entry("counts.rows", "an integer >= 0", _integer(0), "rows in all, padding included"),
    Entry(
        "chunk_frames",
        f"an integer from 1 to {MOST_CHUNK_FRAMES}",
        _integer(1, MOST_CHUNK_FRAMES),
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
        "what there is of each frame, beside `extras`: arrays, or frames that are drawn",
        True,
    ),
    Entry("env.name", "a text", _text, "package that simulated the episodes", True),
    Entry("env.version", "a text", _text, "its version", True),
    Entry(
        "env.area",
        f"two integers from 1 to {MOST_SIDE}",
        _pair(1, MOST_SIDE),
        "size of the world (x, y), in cells",
        True,
    ),
    Entry(
        "env.view",
        f"two integers from 1 to {MOST_SIDE}",
        _pair(1, MOST_SIDE),
        "cells in the picture (x, y), the inventory rows included",
        True,
    ),
    Entry(
        "env.size",
        f"two integers from 1 to {MOST_SIDE}",
        _pair(1, MOST_SIDE),
        "size of the picture (width, height), in pixels",
        True,
    ),
    Entry(
        "env.length",
        f"an integer from 1 to {LONGEST}",
        _integer(1, LONGEST),
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
        "1.1",
    ),
    Entry(
        "unknown",
        "a list of distinct names",
        _names(256),
        "entries (such as `env.length`) and arrays whose values the source did not say: what "
        "stands there is a default and says nothing; `NAME[0]` is the first row of each episode",
        True,
        True,
        "1.1",
    ),
    Entry(
        "sources",
        "a list of objects with seed, policy and trajectories_per_world",
        _is_sources,
        "builds that the episodes come from, if there are several; the first one's are `seed`, "
        "`policy` and `trajectories_per_world` here",
        True,
        True,
        "1.1",
    ),
    Entry(
        "policies",
        "a list of objects with name and parameters",
        _is_policies,
        "policies of a mixture, in the order of their names; of several mixtures, one after the "
        "other, each policy once",
        True,
        True,
        "1.2",
    ),
    Entry(
        "extras",
        f"a list of up to {MOST_EXTRAS} objects with name, dtype and shape",
        is_extras,
        "per-frame arrays that the policy has added, with the shape of a row",
        True,
        True,
        "1.2",
    ),
    Entry(
        "pictures",
        f"{DRAWN!r} or {BOTH!r}",
        lambda v: v in (DRAWN, BOTH),
        "`drawn` if there is no array `frames`, but what frames are drawn from; `both` if there "
        "are both",
        False,
        True,
        "1.3",
    ),
    Entry(
        "tiles",
        "a list of distinct names",
        _names(256),
        "what each tile of a picture shows, such as `grass` or `cow on grass`",
        False,
        True,
        "1.3",
    ),
)
