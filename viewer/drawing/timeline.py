"""The timeline: day and night, sleep, rewards and achievements of an episode, and where we are."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from crafter_dataset.viewer.arrangement import Rect, timeline_x
from crafter_dataset.viewer.drawing.style import DAY, GOLD, GREEN, NIGHT, PANEL, RED, SLEEP, TEXT
from crafter_dataset.viewer.state import State
from crafter_dataset.viewer.track import Track

MARKS, ASLEEP = 12, 6
"""Heights of the strip of achievements above, and of sleep below, in pixels."""


class Timeline:
    """Draws timelines, and keeps the last one: only the cursor moves."""

    def __init__(self) -> None:
        self._drawn: tuple[Track, int, int] | None = None
        self._strip = pygame.Surface((1, 1))

    def draw(self, surface: pygame.Surface, rect: Rect, state: State) -> None:
        """Draw the episode's timeline, with a cursor at the frame shown.

        Parameters
        ----------
        surface : pygame.Surface
            Where to.
        rect : Rect
            Where on it.
        state : State
            What is shown.
        """
        if state.track is None:
            pygame.draw.rect(surface, PANEL, rect)
            return
        wanted = state.track, rect.width, rect.height
        if self._drawn != wanted:  # tracks are equal if they are the same
            self._strip, self._drawn = _strip(state.track, rect.width, rect.height), wanted
        surface.blit(self._strip, rect[:2])
        x = timeline_x(rect, state.frame, state.length)
        pygame.draw.line(surface, TEXT, (x, rect.y + 2), (x, rect.y + rect.height - 1), 2)


def _strip(track: Track, width: int, height: int) -> pygame.Surface:
    whole, length = Rect(0, 0, width, height), track.length
    # Columns of pixels of each frame, and the frame of each column: many to one, either way.
    places = np.round(np.arange(length) / max(length - 1, 1) * (width - 1)).astype(np.intp)
    frames = np.round(np.arange(width) / max(width - 1, 1) * (length - 1)).astype(np.intp)
    picture = np.empty((width, height, 3), np.uint8)
    picture[:, :MARKS] = PANEL
    light = track.fields.get("daylight")
    shade = np.ones(width) if light is None else np.nan_to_num(np.clip(light[frames], 0, 1))
    day, night = np.array(DAY), np.array(NIGHT)
    picture[:, MARKS:] = (night + (day - night) * shade[:, None])[:, None]
    if track.asleep is not None:
        picture[_union(places[track.asleep], track.asleep[frames]), -ASLEEP:] = SLEEP
    middle = MARKS + (height - MARKS - ASLEEP) // 2
    for marked, colour, rows in (
        (track.gains > 0, GREEN, np.s_[MARKS:middle]),
        (track.gains < 0, RED, np.s_[middle:-ASLEEP]),
    ):
        columns = places[marked]
        picture[columns, rows] = picture[np.minimum(columns + 1, width - 1), rows] = colour
    strip = pygame.surfarray.make_surface(picture)
    for frame, _ in track.unlocks:
        x = timeline_x(whole, frame, length)
        pygame.draw.polygon(strip, GOLD, [(x - 5, 1), (x + 5, 1), (x, MARKS - 1)])
    return strip


def _union(columns: NDArray[np.intp], marked: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark these columns of pixels too."""
    both = marked.copy()
    both[columns] = True
    return both
