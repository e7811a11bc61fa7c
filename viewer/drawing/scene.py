"""The whole window, drawn from a state and the images of its frame."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.viewer.arrangement import Rect, arrange
from crafter_dataset.viewer.drawing.header import draw_header
from crafter_dataset.viewer.drawing.sidebar import draw_sidebar
from crafter_dataset.viewer.drawing.style import (
    BACKGROUND,
    DAMAGED,
    DIM,
    FONT_SIZE,
    GOLD,
    PANEL,
    TEXT,
    font,
    write,
    write_wrapped,
)
from crafter_dataset.viewer.drawing.timeline import Timeline
from crafter_dataset.viewer.drawing.world import WorldMap
from crafter_dataset.viewer.keys import help_lines
from crafter_dataset.viewer.maps.picture import shrink
from crafter_dataset.viewer.reader import Shot
from crafter_dataset.viewer.state import State

LEGEND = "timeline: gold achievement, green reward, red damage, dark night, violet sleep"


class Scene:
    """Draws windows; keeps what does not change from one frame to the next.

    Parameters
    ----------
    hint : bool
        Whether to say if it plays, and which key shows the keys.
    """

    def __init__(self, hint: bool = True) -> None:
        self._hint = hint
        self._timeline = Timeline()
        self._map = WorldMap()

    def draw(self, surface: pygame.Surface, state: State, shot: Shot | None) -> None:
        """Draw the window.

        Parameters
        ----------
        surface : pygame.Surface
            Where to; of the state's size.
        state : State
            What to show.
        shot : Shot or None
            The images of its frame; None if there is no episode.
        """
        surface.fill(BACKGROUND)
        layout = arrange(state)
        if layout.header is not None:
            draw_header(surface, layout.header, state)
        if shot is None:
            text = "no episode yet" if not len(state.shelf.table) else "no such episode; press c"
            write(surface, text, layout.frame.x + 8, layout.frame.y + 8, DIM)
        else:
            _draw_frame(surface, layout.frame, shot)
            if layout.map is not None and not self._map.draw(surface, layout.map, state, shot):
                _draw_damaged(surface, layout.map, shot)
        if layout.sidebar is not None:
            draw_sidebar(surface, layout.sidebar, state)
        if layout.timeline is not None:
            self._timeline.draw(surface, layout.timeline, state)
        if layout.status is not None:
            _draw_status(surface, layout.status, state, shot, self._hint)
        elif state.typed or state.message:
            _draw_note(surface, state)
        if state.help:
            _draw_help(surface)


def _draw_frame(surface: pygame.Surface, rect: Rect, shot: Shot) -> None:
    if shot.frame is None:
        _draw_damaged(surface, rect, shot)
        return
    surface.blit(frame_surface(shot.frame, rect.width, rect.height), rect[:2])


def frame_surface(frame: NDArray[np.uint8], width: int, height: int) -> pygame.Surface:
    """Enlarge a frame by a whole number to fit a size, or reduce it by one.

    Parameters
    ----------
    frame : ndarray, shape (height, width, 3), uint8
        RGB, indexed [y, x].
    width, height : int
        The size, in pixels.

    Returns
    -------
    pygame.Surface
        The frame, enlarged by nearest neighbour or reduced by averaging.
    """
    frame = shrink(frame, max(ceil_div(frame.shape[1], width), ceil_div(frame.shape[0], height)))
    height, columns, _ = frame.shape
    picture = pygame.image.frombuffer(
        np.ascontiguousarray(frame).tobytes(), (columns, height), "RGB"
    )
    scale = max(1, width // columns)
    return pygame.transform.scale(picture, (columns * scale, height * scale))


def _draw_damaged(surface: pygame.Surface, rect: Rect, shot: Shot) -> None:
    pygame.draw.rect(surface, DAMAGED, rect)
    inner = rect.x + 10, rect.y + 10, rect.width - 20, rect.height - 20
    text = "; ".join(dict.fromkeys(shot.problems)) or "not stored"
    write_wrapped(surface, f"damaged: {text}" if shot.problems else text, inner)


def _draw_status(
    surface: pygame.Surface, rect: Rect, state: State, shot: Shot | None, hinted: bool
) -> None:
    hint = f"{'playing' if state.playing else 'paused'}, {state.fps:g} frames/s    h: keys"
    hint = hint if hinted else ""
    problems = (*(state.track.problems if state.track else ()), *(shot.problems if shot else ()))
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    text = _said(state) or (f"damaged{more}: {problems[0]}" if problems else "")
    room = max(rect.width - font(FONT_SIZE).size(hint)[0] - 12, 40)
    write(surface, text, rect.x, rect.y + 6, GOLD, width=room)
    write(surface, hint, rect.x + room + 12, rect.y + 6, DIM)


def _said(state: State) -> str:
    """Return what is being typed, or else the message."""
    return f"go to episode {state.typed}_  (Enter)" if state.typed else state.message


def _draw_note(surface: pygame.Surface, state: State) -> None:
    """Draw the message over the picture, where there is no line for it."""
    width, height = surface.get_size()
    pygame.draw.rect(surface, PANEL, (0, height - FONT_SIZE - 4, width, FONT_SIZE + 4))
    write(surface, _said(state), 4, height - FONT_SIZE, GOLD, width=max(width - 8, 1))


def _draw_help(surface: pygame.Surface) -> None:
    width, height = surface.get_size()
    shade = pygame.Surface((width, height), pygame.SRCALPHA)
    shade.fill((0, 0, 0, 215))
    surface.blit(shade, (0, 0))
    lines, top = help_lines(), 20
    rows = max(1, (height - 2 * top - FONT_SIZE) // FONT_SIZE)
    column = min(420, (width - 24) // ceil_div(len(lines), rows))
    for number, (key, about) in enumerate(lines):
        x = 24 + number // rows * column
        y = top + number % rows * FONT_SIZE
        write(surface, key, x, y, GOLD)
        write(surface, about, x + 90, y, TEXT, width=max(column - 100, 1))
    pygame.draw.rect(surface, PANEL, (0, height - FONT_SIZE - 8, width, FONT_SIZE + 8))
    write(surface, LEGEND, 24, height - FONT_SIZE - 2, TEXT)
