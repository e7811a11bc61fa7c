"""Which policy played which episode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import TABLE
from crafter_dataset.schemas.metadata import Metadata, PolicySpec
from crafter_dataset.schemas.wording import short_repr

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset

_MOST_SHOWN = 100
"""Letters of a name that are shown, at most."""

UNKNOWN = "unknown"
"""Name of the policy where the source of an imported dataset does not say it."""


def player_labels(metadata: Metadata) -> tuple[str, ...]:
    """Return what tells the policies of `Metadata.played_by` apart, in their order.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.

    Returns
    -------
    tuple of str
        Their names; with the parameters that differ, where several have the same name.
    """
    labels = []
    for policy, name in zip(metadata.played_by(), player_names(metadata), strict=True):
        alike = [other for other in metadata.played_by() if other.name == policy.name]
        differing = {
            key: value
            for key, value in policy.parameters.items()
            if any(other.parameters.get(key) != value for other in alike)
        }
        more = ", ".join(f"{key}={value}" for key, value in differing.items())
        labels.append(f"{name} ({more})" if more else name)
    return tuple(labels)


def shown_name(name: str) -> str:
    """Return a name that came from a file as part of a line.

    Parameters
    ----------
    name : str
        Any text.
    """
    return name if name.isprintable() and len(name) <= _MOST_SHOWN else short_repr(name)


def player_names(metadata: Metadata) -> tuple[str, ...]:
    """Return the names of the policies of `Metadata.played_by`, in their order.

    Parameters
    ----------
    metadata : Metadata
        Of the dataset.
    """
    known = "policy" not in metadata.unknown
    return tuple(policy.name if known else UNKNOWN for policy in metadata.played_by())


def read_players(dataset: Dataset) -> NDArray[np.int64]:
    """Read which policy played each episode of a dataset.

    Parameters
    ----------
    dataset : Dataset
        A dataset, or a part of one.

    Returns
    -------
    ndarray, shape (episodes,), int64
        Index into `metadata.played_by()`.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum, or name no policy.
    """
    meta = dataset.metadata
    policies = _indices(meta.played_by())
    for name, known in (
        ("policies", meta.policies),
        ("sources", [source.policy for source in meta.sources]),
    ):
        if name not in meta.episode_fields:
            continue
        path, ids = f"{TABLE}/{name}", dataset.episodes["episode_ids"]
        try:
            stored = dataset.container.read(path, 0, meta.counts.episodes).astype(np.int64)
        except CorruptDataError as error:
            found = str(error).removeprefix(f"{path}: ")
            raise CorruptDataError(f"{path}: {found} ({dataset.path})") from error
        if stored.ndim != 1 or stored.max(initial=0) >= len(known):
            raise CorruptDataError(
                f"{path}: expected 0 to {len(known) - 1}, found {stored.max(initial=0)} "
                f"({dataset.path})"
            )
        index = np.array([policies[each.canonical()] for each in known], np.int64)
        played: NDArray[np.int64] = index[stored[ids]]
        return played
    return np.zeros(len(dataset), np.int64)


def _indices(policies: tuple[PolicySpec, ...]) -> dict[str, int]:
    # The first of those that are alike, as a file may list one twice.
    return {each.canonical(): i for i, each in reversed(list(enumerate(policies)))}
