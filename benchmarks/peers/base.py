"""What a peer does: store a dataset in its own way, and read windows of it."""

from __future__ import annotations

import importlib.util
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader import Dataset

FIELDS = ("frames", "actions", "rewards", "terminations", "truncations")
STEP_FIELDS = FIELDS[1:]


class Reader(ABC):
    """Windows of a stored dataset.

    It can be pickled, and used after a fork: each process opens the files for
    itself, when it first reads.

    Parameters
    ----------
    folder : Path
        Where the peer stored the dataset.
    length : int
        Rows of a window.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self.folder, self.length = Path(folder), length

    @property
    def handles(self) -> Any:
        """What `connect` gave in this process."""
        if self.__dict__.get("_pid") != os.getpid():
            self._handles, self._pid = self.connect(), os.getpid()
        return self._handles

    @abstractmethod
    def connect(self) -> Any:
        """Open the files; done once in a process."""

    @abstractmethod
    def read(self, episodes: NDArray[np.int64], starts: NDArray[np.int64]) -> dict[str, Any]:
        """Read a batch of windows.

        Parameters
        ----------
        episodes : ndarray of int64, shape (B,)
            Positions of the episodes in the dataset.
        starts : ndarray of int64, shape (B,)
            First row within the episode; a window lies within the rows that
            have an action.

        Returns
        -------
        dict of ndarray or Tensor
            `FIELDS`: frames of shape (B, length, height, width, 3), or
            (B, length, 3, height, width) where the peer stores them so, the
            others of shape (B, length).
        """

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("_handles", "_pid")}


class Peer(ABC):
    """Another way to store trajectories.

    Attributes
    ----------
    name : str
        Name in tables.
    requires : dict of str to str
        Modules that it imports, and how each is installed with pip.
    """

    name: str
    requires: dict[str, str] = {}  # noqa: RUF012 - replaced, never changed

    def available(self) -> str | None:
        """Say in one line what is missing; None if nothing is."""
        missing = [pip for module, pip in self.requires.items() if not _importable(module)]
        return f"not installed: {', '.join(missing)}" if missing else None

    @abstractmethod
    def write(self, dataset: Dataset, folder: Path) -> None:
        """Store the `FIELDS` of all episodes in a folder, which is made."""

    @abstractmethod
    def open(self, folder: Path, length: int) -> Reader:
        """Return a reader of windows of what `write` stored."""


def first_rows(dataset: Dataset) -> NDArray[np.int64]:
    """Return the first row of each episode where they lie one after the other.

    Parameters
    ----------
    dataset : Dataset
        Any.

    Returns
    -------
    ndarray of int64, shape (episodes + 1,)
        The number of rows comes last.
    """
    return np.concatenate([[0], np.cumsum(dataset.episodes["lengths"])]).astype(np.int64)


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None
