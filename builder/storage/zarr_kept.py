"""What others have put into a dataset's group, which stays when the dataset is gone on with."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crafter_dataset.schemas.layout import GROUPS
from crafter_dataset.schemas.zarr_format import DOCUMENT, consolidated

MOST_DEPTH = 16
"""Groups in groups, at most, that are listed."""


@dataclass(frozen=True)
class Kept:
    """Attributes and members that are not ours.

    Parameters
    ----------
    attributes : dict of str to dict
        Attributes by name, by the path of the group or array; the root's is the empty text.
    members : dict of str to dict
        Documents of arrays and groups, by their paths.
    """

    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    members: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_attributes(self, path: str, document: dict[str, Any]) -> dict[str, Any]:
        """Return a document with the attributes that are kept, after ours.

        Parameters
        ----------
        path : str
            Path of the group or array.
        document : dict
            Our document of it.
        """
        ours = document["attributes"]
        return document | {"attributes": {**ours, **self.attributes.get(path, {}), **ours}}

    def add_to_root(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the root's document with all that is kept.

        Parameters
        ----------
        document : dict
            Our document of the root.
        """
        members = {
            path: self.add_attributes(path, member)
            for path, member in document["consolidated_metadata"]["metadata"].items()
        }
        members |= self.members
        if self.members:  # zarr-python expects the members of a group side by side
            members = dict(sorted(members.items(), key=lambda member: _depth_and_path(member[0])))
        whole = self.add_attributes("", document)
        return whole | {"consolidated_metadata": consolidated(members)}


def read_kept(root: Path, ours: Mapping[str, Collection[str]], arrays: Collection[str]) -> Kept:
    """Read what is not ours in the folder of a dataset.

    Parameters
    ----------
    root : Path
        The folder.
    ours : mapping of str to collection of str
        Names of our attributes, by the path of each group and array of ours.
    arrays : collection of str
        Paths of our arrays.
    """
    kept = Kept()
    for path, names in ours.items():
        document = read_document(root / path) or {}
        found = document.get("attributes")
        if isinstance(found, dict):
            kept.attributes[path] = {k: v for k, v in found.items() if k not in names}
    for parent in ("", *GROUPS):
        known = {*GROUPS, *arrays}
        for folder in _folders(root / parent):
            path = f"{parent}/{folder.name}" if parent else folder.name
            if path not in known:
                _list(folder, path, kept.members, 0)
    return kept


def _depth_and_path(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _list(folder: Path, path: str, members: dict[str, dict[str, Any]], depth: int) -> None:
    document = read_document(folder)
    if document is None or depth > MOST_DEPTH:
        return
    if document.get("node_type") == "group":
        members[path] = document | {"consolidated_metadata": consolidated({})}
        for inner in _folders(folder):
            _list(inner, f"{path}/{inner.name}", members, depth + 1)
    else:
        members[path] = document


def _folders(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if child.is_dir())
    except FileNotFoundError:  # of a dataset that was killed before it had any
        return []


def read_document(folder: Path) -> dict[str, Any] | None:
    """Return the metadata document in a folder; None if there is none.

    Parameters
    ----------
    folder : Path
        The folder.
    """
    try:
        document = json.loads((folder / DOCUMENT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
