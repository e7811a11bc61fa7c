"""What the viewer shows: one immutable value. pygame is not needed to make or change it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from crafter_dataset.viewer.shelf import Shelf
from crafter_dataset.viewer.track import Track

SPEEDS = (1, 2, 5, 10, 20, 30, 60, 120, 240)
"""Frames a second that the keys for faster and slower step through."""

MAPS = ("now", "terrain", "off")
"""What the map shows: the semantic map at this frame, the terrain at reset, nothing."""


@dataclass(frozen=True)
class Panels:
    """What is shown beside the frame.

    Parameters
    ----------
    header, sidebar, timeline : bool
        Text above; inventory and achievements; the strip below.
    map : str
        One of `MAPS`.
    trail, view, heat : bool
        On the map: the path so far, the field of view, what was seen so far.
    """

    header: bool = True
    sidebar: bool = True
    timeline: bool = True
    map: str = "now"
    trail: bool = True
    view: bool = True
    heat: bool = False

    @classmethod
    def bare(cls) -> Panels:
        """Return the panels of a window that shows the frame alone."""
        return cls(header=False, sidebar=False, timeline=False, map="off")


@dataclass(frozen=True)
class State:
    """All that decides what the window shows.

    Parameters
    ----------
    shelves : tuple of Shelf
        The datasets; at least one.
    size : tuple of int
        Width and height of the window, in pixels.
    dataset : int
        Index of the dataset shown.
    places, frames : tuple of int
        Where in its shelf, and at which frame, each dataset was last looked at.
    frame : int
        Frame of the episode.
    track : Track or None
        The episode's small fields; None until they are read.
    playing : bool
        Whether frames go on by themselves.
    fps : float
        Frames per second when playing.
    elapsed : float
        Part of a frame, 0 to 1, that has passed since the last one.
    direction : int
        1 or -1: where the last step went, for reading ahead.
    panels : Panels
        What is shown beside the frame.
    typed : str
        Digits of an episode's number that is being typed.
    message : str
        A line for the user, until the next key.
    help : bool
        Whether the keys are shown.
    seeking : bool
        Whether the mouse holds the timeline.
    pictures : int
        Pictures of the window asked for so far.
    closing : bool
        Whether the user is done.
    """

    shelves: tuple[Shelf, ...]
    size: tuple[int, int] = (1280, 680)
    dataset: int = 0
    places: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()
    frame: int = 0
    track: Track | None = None
    playing: bool = False
    fps: float = 20
    elapsed: float = 0.0
    direction: int = 1
    panels: Panels = Panels()
    typed: str = ""
    message: str = ""
    help: bool = False
    seeking: bool = False
    pictures: int = 0
    closing: bool = False

    def __post_init__(self) -> None:
        for name in ("places", "frames"):
            if not getattr(self, name):
                object.__setattr__(self, name, (0,) * len(self.shelves))

    @property
    def shelf(self) -> Shelf:
        """The dataset shown."""
        return self.shelves[self.dataset]

    @property
    def place(self) -> int:
        """Where in its shelf the episode shown is."""
        return self.places[self.dataset]

    @property
    def row(self) -> int | None:
        """Row of the episode in its dataset's table; None if no episode is left."""
        shown = self.shelf.shown
        return int(shown[self.place]) if self.place < len(shown) else None

    @property
    def length(self) -> int:
        """Frames of the episode; 0 if there is none."""
        return 0 if self.row is None else int(self.shelf.table["lengths"][self.row])

    def at_place(self, place: int, frame: int = 0) -> State:
        """Return the state at a place of the shelf.

        Parameters
        ----------
        place : int
            Index among the episodes that the shelf shows.
        frame : int
            Frame of that episode.
        """
        places = (*self.places[: self.dataset], place, *self.places[self.dataset + 1 :])
        return replace(self, places=places, frame=frame, elapsed=0.0)

    def with_shelf(self, shelf: Shelf, index: int | None = None) -> State:
        """Return the state with another shelf; the episode stays, if it is still shown.

        Parameters
        ----------
        shelf : Shelf
            The new shelf.
        index : int, optional
            Index of its dataset; by default of the one shown.
        """
        index = self.dataset if index is None else index
        old, place = self.shelves[index], self.places[index]
        row = int(old.shown[place]) if place < len(old.shown) else None
        found = None if row is None else shelf.place_of(row)
        shelves = (*self.shelves[:index], shelf, *self.shelves[index + 1 :])
        places = (*self.places[:index], found or 0, *self.places[index + 1 :])
        changed = replace(self, shelves=shelves, places=places)
        if index != self.dataset:
            return changed
        if found is None:
            return replace(changed, frame=0, elapsed=0.0)
        return replace(changed, frame=min(self.frame, max(changed.length - 1, 0)))
