"""Where in the window everything is."""

from __future__ import annotations

from typing import NamedTuple

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.viewer.state import Panels, State

HEADER, TIMELINE, STATUS, SIDEBAR, GAP = 72, 46, 24, 224, 8
"""Heights and a width of panels, and the space between them, in pixels."""

MOST_CELL = 64
"""Width of a cell of the map, in pixels, at most: worlds may be tiny."""

SECTION = 22
"""Height of a heading of the sidebar, in pixels."""

LEAST = 320, 240
"""Smallest window that panels are laid out for, in pixels; a smaller one shows its top left."""

LINES = 9, 18
"""Height of a line of the sidebar, in pixels: at least, and at most."""


class Rect(NamedTuple):
    """A rectangle of the window.

    Parameters
    ----------
    x, y : int
        Its top left corner, in pixels.
    width, height : int
        Its size, in pixels.
    """

    x: int
    y: int
    width: int
    height: int

    def holds(self, x: int, y: int) -> bool:
        """Tell whether a point is in it.

        Parameters
        ----------
        x, y : int
            The point, in pixels.
        """
        return self.x <= x < self.x + self.width and self.y <= y < self.y + self.height


class Layout(NamedTuple):
    """Rectangles of the panels.

    Parameters
    ----------
    header, map, sidebar, timeline, status : Rect or None
        None for what is not shown.
    frame : Rect
        The frame, which is always shown.
    """

    header: Rect | None
    frame: Rect
    map: Rect | None
    sidebar: Rect | None
    timeline: Rect | None
    status: Rect | None


def arrange(state: State) -> Layout:
    """Lay the window out.

    The frame is shown at the largest whole scale that fits (or reduced by a
    whole factor); the map beside or below it, whichever leaves it larger.

    Parameters
    ----------
    state : State
        What is shown, and the size of the window.

    Returns
    -------
    Layout
        Where everything is.
    """
    panels, meta = state.panels, state.shelf.metadata
    bare = panels == Panels.bare()
    gap, least = (0, (1, 1)) if bare else (GAP, LEAST)
    width, height = max(state.size[0], least[0]), max(state.size[1], least[1])
    top, bottom, right = gap, height - gap, width - gap
    header = sidebar = timeline = status = None
    if panels.header or panels.timeline or panels.sidebar:
        bottom -= STATUS
        status = Rect(gap, bottom, width - 2 * gap, STATUS)
    if panels.timeline:
        bottom -= TIMELINE
        timeline = Rect(gap, bottom, width - 2 * gap, TIMELINE)
        bottom -= gap
    if panels.sidebar:
        right -= SIDEBAR
        sidebar = Rect(right, top, SIDEBAR, max(1, bottom - top))
        right -= gap
    if panels.header:
        header = Rect(gap, top, max(1, right - gap), HEADER)
        top += HEADER
    room = max(1, right - gap), max(1, bottom - top)
    size, area = meta.env.size, meta.env.area
    if panels.map == "off":
        return Layout(header, _whole(gap, top, *room, size), None, sidebar, timeline, status)
    beside, below = ((room[0] - gap) // 2, room[1]), (room[0], (room[1] - gap) // 2)
    if _fit(size, *beside) >= _fit(size, *below):
        frame = _whole(gap, top, *beside, size)
        left = frame.x + frame.width + gap
        cells = _whole(left, top, right - left, room[1], area, MOST_CELL)
    else:
        frame = _whole(gap, top, *below, size)
        upper = frame.y + frame.height + gap
        cells = _whole(gap, upper, room[0], bottom - upper, area, MOST_CELL)
    return Layout(header, frame, cells, sidebar, timeline, status)


def _fit(size: tuple[int, int], width: int, height: int) -> float:
    """Return the largest whole scale at which a picture fits; else one over a whole number."""
    scale = min(width // size[0], height // size[1])
    return scale if scale >= 1 else 1 / _reduction(size, width, height)


def _reduction(size: tuple[int, int], width: int, height: int) -> int:
    return max(ceil_div(size[0], max(width, 1)), ceil_div(size[1], max(height, 1)))


def _whole(
    x: int, y: int, width: int, height: int, size: tuple[int, int], most: int = 10_000
) -> Rect:
    """Place a picture at the top left of an area, as large as it fits, at a scale up to `most`."""
    scale = min(width // size[0], height // size[1], most)
    if scale >= 1:
        return Rect(x, y, size[0] * scale, size[1] * scale)
    factor = _reduction(size, width, height)
    return Rect(x, y, ceil_div(size[0], factor), ceil_div(size[1], factor))


def window_size(size: tuple[int, int], panels: Panels, scale: int) -> tuple[int, int]:
    """Return the size of a window that shows frames at a scale.

    Parameters
    ----------
    size : tuple of int
        Width and height of frames, in pixels.
    panels : Panels
        What is shown beside the frame; the map gets as much room as the frame.
    scale : int
        Pixels of the window for one of a frame.

    Returns
    -------
    tuple of int
        Width and height, in pixels.
    """
    width, height = size[0] * scale, size[1] * scale
    if panels == Panels.bare():
        return width, height
    width, height = width + 2 * GAP, height + 2 * GAP
    width += size[0] * scale + GAP if panels.map != "off" else 0
    width += SIDEBAR + GAP if panels.sidebar else 0
    height += HEADER if panels.header else 0
    height += TIMELINE + GAP if panels.timeline else 0
    height += STATUS if panels.header or panels.timeline or panels.sidebar else 0
    return width, height


def timeline_frame(rect: Rect, x: int, length: int) -> int:
    """Return the frame at a place of the timeline.

    Parameters
    ----------
    rect : Rect
        The timeline.
    x : int
        The place, in pixels of the window; may be outside.
    length : int
        Frames of the episode.
    """
    share = (x - rect.x) / max(rect.width - 1, 1)
    return min(max(round(share * (length - 1)), 0), max(length - 1, 0))


def timeline_x(rect: Rect, frame: int, length: int) -> int:
    """Return the place of a frame in the timeline, as an x in pixels of the window.

    Parameters
    ----------
    rect : Rect
        The timeline.
    frame : int
        The frame.
    length : int
        Frames of the episode.
    """
    return rect.x + round(frame / max(length - 1, 1) * (rect.width - 1))


class SidebarLines(NamedTuple):
    """Where the lines of the sidebar are: the inventory in two columns, achievements below.

    Parameters
    ----------
    line : int
        Height of a line, in pixels.
    items, achievements : int
        Top of the first line of each, in pixels.
    """

    line: int
    items: int
    achievements: int


def sidebar_lines(rect: Rect, items: int, achievements: int) -> SidebarLines:
    """Spread the lines of the sidebar over its height.

    Parameters
    ----------
    rect : Rect
        The sidebar.
    items, achievements : int
        How many there are.

    Returns
    -------
    SidebarLines
        Where the lines are.
    """
    rows = ceil_div(items, 2)
    line = (rect.height - 2 * SECTION) // max(rows + achievements, 1)
    line = min(max(line, LINES[0]), LINES[1])
    return SidebarLines(line, rect.y + SECTION, rect.y + SECTION + rows * line + SECTION)


def achievement_at(rect: Rect, x: int, y: int, items: int, achievements: int) -> int | None:
    """Return the number of the achievement at a point of the sidebar, or None if there is none.

    Parameters
    ----------
    rect : Rect
        The sidebar.
    x, y : int
        The point, in pixels of the window.
    items, achievements : int
        How many there are.
    """
    lines = sidebar_lines(rect, items, achievements)
    number = (y - lines.achievements) // lines.line
    return number if rect.holds(x, y) and 0 <= number < achievements else None
