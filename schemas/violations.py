"""What is wrong with a dataset's metadata, and how anything wrong is reported."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.entries import ATTRIBUTE, ENTRIES, is_digest
from crafter_dataset.schemas.errors import NotADatasetError, VersionError
from crafter_dataset.schemas.layout import BOTH, DRAWN, FORMAT_VERSION


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

    Examples
    --------
    >>> import crafter_dataset
    >>> print(crafter_dataset.Violation("frames", "uint8", "float32"))
    frames: expected uint8, found float32
    """

    path: str
    expected: str
    found: str

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}, found {self.found}"


def require_dataset(attributes: Mapping[str, Any], where: str) -> None:
    """Refuse what is not a dataset, or one of another major version of the format.

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
        If the version is not `MAJOR.MINOR`, or its major number is another than this software's.
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
    """Check every entry of the root attribute `crafter_dataset` against its rule.

    Parameters
    ----------
    attributes : mapping of str to object
        Attributes of the root, as JSON values, that `require_dataset` accepts.

    Yields
    ------
    Violation
        One for each entry that is missing or breaks its rule.
    """
    values = attributes[ATTRIBUTE]
    for entry in ENTRIES:
        value: Any = values
        for key in entry.path.split("."):
            value = value.get(key, _ABSENT) if isinstance(value, Mapping) else _ABSENT
        if not (entry.optional and value is _ABSENT) and not entry.check(value):
            found = "nothing" if value is _ABSENT else _shorten(repr(value))
            yield Violation(f"{ATTRIBUTE}.{entry.path}", entry.expected, found)
    yield from _drawn_violations(values)
    digest = values.get("digest")
    if values.get("status") == "complete" and digest is None:
        yield Violation(f"{ATTRIBUTE}.digest", "a digest of a complete dataset", "null")
    if values.get("status") == "building" and digest is not None and is_digest(digest):
        yield Violation(f"{ATTRIBUTE}.digest", "null while building", "a digest")


def _drawn_violations(values: Mapping[str, Any]) -> Iterator[Violation]:
    """Check that what pictures are drawn from is there, and that they have a size."""
    if values.get("pictures") not in (DRAWN, BOTH):
        return
    needed = (("fields", "inventory"), ("episode_fields", "world_seeds"))
    for name, value in needed:
        found = values.get(name, (value,))
        if isinstance(found, list | tuple) and value not in found:
            yield Violation(f"{ATTRIBUTE}.{name}", f"{value}, as pictures are drawn", "none")
    tiles, materials = values.get("tiles"), values.get("materials")
    if not tiles:
        yield Violation(f"{ATTRIBUTE}.tiles", "names, as pictures are drawn", "none")
    elif (
        isinstance(tiles, list | tuple)
        and isinstance(materials, list | tuple)
        and list(tiles) != _things_on_ground(tiles, ("nothing", *materials))
    ):
        yield Violation(
            f"{ATTRIBUTE}.tiles",
            "'nothing', the materials, and then each thing on all of these",
            _shorten(repr(tiles)),
        )
    try:
        (columns, rows), (width, height) = values["env"]["view"], values["env"]["size"]
        sound = rows > ceil_div(len(values["items"]), columns) and min(
            width // columns, height // rows
        )
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return  # which is told of already
    if not sound:
        yield Violation(
            f"{ATTRIBUTE}.env", "a view of the world with pixels, as pictures are drawn", "none"
        )


def _things_on_ground(tiles: Sequence[Any], ground: tuple[Any, ...]) -> list[Any]:
    """Return the names that tiles have to have, if those on nothing are right.

    Digests do not cover them, so that it is seen here if one is damaged.
    """
    things = [str(name).removesuffix(" on nothing") for name in tiles[len(ground) :: len(ground)]]
    return [*ground, *(f"{thing} on {below}" for thing in things for below in ground)]


_ABSENT = object()


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
