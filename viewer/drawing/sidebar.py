"""The sidebar: what the player has, and what was achieved."""

from __future__ import annotations

import pygame

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.viewer.arrangement import SECTION, Rect, sidebar_lines
from crafter_dataset.viewer.drawing.style import DIM, FONT_SIZE, GOLD, GREEN, RED, TEXT, write
from crafter_dataset.viewer.state import State

LOW = 3
"""Health, food, drink and energy up to this are shown as low."""


def draw_sidebar(surface: pygame.Surface, rect: Rect, state: State) -> None:
    """Draw inventory and achievements at the frame shown.

    Parameters
    ----------
    surface : pygame.Surface
        Where to.
    rect : Rect
        Where on it.
    state : State
        What is shown.
    """
    track, meta = state.track, state.shelf.metadata
    if track is None:
        return
    lines = sidebar_lines(rect, len(meta.items), len(meta.achievements))
    size = min(FONT_SIZE, lines.line + 5)
    held = track.at("inventory", state.frame)
    write(surface, "inventory", rect.x, rect.y, DIM)
    rows = ceil_div(len(meta.items), 2)
    for number, name in enumerate(meta.items):
        x = rect.x + number // rows * (rect.width // 2)
        y = lines.items + number % rows * lines.line
        count = 0 if held is None else int(held[number])
        vital = number < 4
        colour = RED if vital and count <= LOW and held is not None else TEXT if count else DIM
        write(surface, "?" if held is None else f"{count}", x, y, colour, size)
        width = rect.width // 2 - 18
        write(surface, name.replace("_", " "), x + 16, y, colour, size, width)
    counts = track.at("achievements", state.frame)
    heading = "achievements"
    if counts is not None:
        heading += f"  {int((counts > 0).sum())} of {len(meta.achievements)}"
    write(surface, heading, rect.x, lines.achievements - SECTION + 4, DIM)
    when = {number: frame for frame, number in track.unlocks}
    for number, name in enumerate(meta.achievements):
        y = lines.achievements + number * lines.line
        left = len(meta.achievements) - number
        if left > 1 and y + 2 * lines.line > rect.y + rect.height:
            write(surface, f"... {left} more, in a higher window", rect.x, y, DIM, size)
            break
        count = 0 if counts is None else int(counts[number])
        colour = GOLD if when.get(number) == state.frame else GREEN if count else DIM
        shown = "?" if counts is None else f"{count}" if count else "-"
        write(surface, shown, rect.x, y, colour, size)
        write(surface, name.replace("_", " "), rect.x + 24, y, colour, size)
        if number in when:
            text = f"at {when[number]:,}"
            write(surface, text, rect.x + rect.width - 66, y, TEXT if count else DIM, size)
