"""What can happen to the viewer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.viewer.shelf import Shelf
from crafter_dataset.viewer.track import Track


@dataclass(frozen=True)
class Key:
    """A key went down, or is held and repeats.

    Parameters
    ----------
    name : str
        What it types (`a`, `?`, `5`), or else its name (`left`, `page up`).
    held : bool
        Whether it is held and repeats.
    """

    name: str
    held: bool = False


@dataclass(frozen=True)
class Press:
    """The left mouse button went down.

    Parameters
    ----------
    x, y : int
        Where, in pixels of the window.
    """

    x: int
    y: int


@dataclass(frozen=True)
class Drag:
    """The mouse moved with the left button down.

    Parameters
    ----------
    x, y : int
        Where to, in pixels of the window.
    """

    x: int
    y: int


@dataclass(frozen=True)
class Release:
    """The left mouse button went up."""


@dataclass(frozen=True)
class Wheel:
    """The mouse wheel turned.

    Parameters
    ----------
    steps : int
        How far; positive away from the user.
    """

    steps: int


@dataclass(frozen=True)
class Resize:
    """The window has another size.

    Parameters
    ----------
    width, height : int
        The size, in pixels.
    """

    width: int
    height: int


@dataclass(frozen=True)
class Tick:
    """Time passed.

    Parameters
    ----------
    seconds : float
        How much.
    """

    seconds: float


@dataclass(frozen=True)
class Opened:
    """The small fields of the episode were read.

    Parameters
    ----------
    track : Track
        The fields.
    """

    track: Track


@dataclass(frozen=True)
class Grown:
    """A dataset has more episodes, or other ones.

    Parameters
    ----------
    dataset : int
        Index of the dataset.
    shelf : Shelf
        Its episodes now.
    """

    dataset: int
    shelf: Shelf


@dataclass(frozen=True)
class Counted:
    """It is known which achievements were reached in a dataset's first episodes.

    Parameters
    ----------
    dataset : int
        Index of the dataset.
    reached : ndarray, shape (up to episodes, achievements), bool
        Which were reached in each episode.
    """

    dataset: int
    reached: NDArray[np.bool_]


@dataclass(frozen=True)
class Told:
    """There is something to tell the user.

    Parameters
    ----------
    text : str
        One line.
    """

    text: str


@dataclass(frozen=True)
class Close:
    """The window was closed."""


Event: TypeAlias = (
    Key | Press | Drag | Release | Wheel | Resize | Tick | Opened | Grown | Counted | Told | Close
)
