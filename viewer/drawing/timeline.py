"""The timeline: day and night, sleep, rewards and achievements of an episode, and where we are."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from viewer.drawing.style import DAY, GOLD, GREEN, NIGHT, PANEL, RED, SLEEP, TEXT
from viewer.layout import Rect, timeline_frame, timeline_x
from viewer.state import State
from viewer.track import Track

MARKS, ASLEEP = 12, 6
"""Heights of the strip of achievements above, and of sleep below, in pixels."""


class Timeline:
    """Draws timelines, and keeps the last one: only the cursor moves."""

    def __init__(self) -> None:
        self._drawn: tuple[Track, int, int] | None = None
        self._strip = pygame.Surface((1, 1))

    def draw(self, surface: pygame.Surface, rect: Rect, state: State) -> None:
        """Draw the episode's timeline, with a cursor at the frame shown."""
        if state.track is None:
            pygame.draw.rect(surface, PANEL, rect)
            return
        wanted = state.track, rect.width, rect.height
        if self._drawn is None or any(
            a is not b and a != b for a, b in zip(self._drawn, wanted, strict=True)
        ):
            self._strip, self._drawn = _strip(state.track, rect.width, rect.height), wanted
        surface.blit(self._strip, rect[:2])
        x = timeline_x(rect, state.frame, state.length)
        pygame.draw.line(surface, TEXT, (x, rect.y + 2), (x, rect.y + rect.height - 1), 2)


def _strip(track: Track, width: int, height: int) -> pygame.Surface:
    whole = Rect(0, 0, width, height)
    strip = pygame.Surface((width, height))
    strip.fill(PANEL)
    columns = np.array([timeline_frame(whole, x, track.length) for x in range(width)])
    light = track.fields.get("daylight")
    shade = np.ones(width) if light is None else np.clip(light[columns], 0, 1)
    for x, share in enumerate(shade.tolist()):
        colour = [round(n + (d - n) * share) for n, d in zip(NIGHT, DAY, strict=True)]
        pygame.draw.line(strip, colour, (x, MARKS), (x, height))
    if track.asleep is not None:
        for x in _columns(track.asleep, columns, whole):
            pygame.draw.line(strip, SLEEP, (x, height - ASLEEP), (x, height))
    middle = MARKS + (height - MARKS - ASLEEP) // 2
    for x in _columns(track.gains > 0, None, whole):
        pygame.draw.line(strip, GREEN, (x, MARKS), (x, middle), 2)
    for x in _columns(track.gains < 0, None, whole):
        pygame.draw.line(strip, RED, (x, middle), (x, height - ASLEEP), 2)
    for frame, _ in track.unlocks:
        x = timeline_x(whole, frame, track.length)
        pygame.draw.polygon(strip, GOLD, [(x - 5, 1), (x + 5, 1), (x, MARKS - 1)])
    return strip


def _columns(marked: NDArray[np.bool_], columns: NDArray[np.intp] | None, whole: Rect) -> list[int]:
    """Columns of pixels that hold a marked frame; with `columns`, all that a frame spans."""
    length = len(marked)
    found = {timeline_x(whole, frame, length) for frame in np.flatnonzero(marked).tolist()}
    if columns is not None:
        found |= set(np.flatnonzero(marked[columns]).tolist())
    return sorted(found)
