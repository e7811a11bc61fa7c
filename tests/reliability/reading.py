"""Read all of a dataset, whatever state it is in, and say what came of it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from crafter_dataset.loader import open_dataset
from crafter_dataset.loader.container import open_container
from crafter_dataset.schemas import find_violations
from crafter_dataset.schemas.errors import DatasetError
from crafter_dataset.schemas.metadata import Metadata

ALLOWED = (DatasetError, OSError)
"""What may be raised because of what is on disk."""


@dataclass
class Reading:
    """What reading a dataset gave.

    Parameters
    ----------
    metadata : Metadata or None
        None if it could not be opened.
    values : dict
        What was read, by what it is.
    errors : dict of str
        What was raised instead.
    violations : list of str
        What deep validation found, or the error that ended it.
    """

    metadata: Metadata | None = None
    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)

    def attempt(self, name: str, read: Callable[[], Any]) -> Any:
        """Read something, or note why it cannot be."""
        try:
            self.values[name] = read()
        except ALLOWED as error:
            self.errors[name] = one_line(error)
            return None
        return self.values[name]


def one_line(error: BaseException) -> str:
    """Return an error's text, which has to be one line."""
    text = str(error)
    assert text, f"an error without a text: {error!r}"
    assert "\n" not in text, f"an error of many lines: {text!r}"
    return text


def describe(error: BaseException) -> str:
    """Say what was raised, and where in our code."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if any(p in f.filename for p in ("/loader/", "/schemas/"))]
    where = " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in reversed(ours[-3:]))
    return f"{type(error).__name__}: {str(error)[:150]!r} at {where}"


def read_all(path: Path | str, episodes: int | None = None, deep: bool = True) -> Reading:
    """Read every value of a dataset (or of its first episodes), and validate it."""
    reading = Reading()
    dataset = reading.attempt("open", lambda: open_dataset(path, threads=1))
    if dataset is not None:
        del reading.values["open"]
        reading.metadata = dataset.metadata
        reading.values["table"] = dataset.episodes.records
        for number in range(len(dataset))[:episodes]:
            episode = reading.attempt(f"{number}", lambda n=number: dataset[n])
            if episode is None:
                continue
            del reading.values[f"{number}"]
            reading.attempt(f"{number}/end", lambda e=episode: np.array(e.end_reason))
            if "terrain" in dataset.metadata.episode_fields:
                reading.attempt(f"{number}/terrain", lambda e=episode: e.terrain)
            for name in episode:
                reading.attempt(f"{number}/{name}", lambda e=episode, n=name: e[n].read())
    try:
        reading.violations = [str(v) for v in find_violations(open_container(path), deep=deep)]
    except ALLOWED as error:
        reading.violations = [one_line(error)]
    return reading


def differing(reading: Reading, original: Reading) -> list[str]:
    """Name the values that were read and are not the original's."""
    return [
        name
        for name, value in reading.values.items()
        if name not in original.values or not _same(value, original.values[name])
    ]


def _same(one: Any, other: Any) -> bool:
    # As bytes: the padding of the table's records is zeros, and a NaN is itself.
    return (
        one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()
    )
