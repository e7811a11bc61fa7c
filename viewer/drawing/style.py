"""Colours, and text drawn once and kept."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TypeAlias

import pygame

from crafter_dataset.viewer.contact_sheet import DAMAGED as DAMAGED

Colour: TypeAlias = tuple[int, int, int]

BACKGROUND: Colour = (22, 24, 29)
PANEL: Colour = (34, 37, 44)
TEXT: Colour = (226, 228, 232)
DIM: Colour = (134, 140, 152)
GOLD: Colour = (245, 196, 66)
GREEN: Colour = (96, 205, 120)
RED: Colour = (236, 96, 88)
DAY: Colour = (168, 178, 150)
NIGHT: Colour = (38, 46, 92)
SLEEP: Colour = (150, 108, 216)

MOST_CHARACTERS = 500
"""Characters of a line, at most; no window shows more."""

FONT_SIZE = 18
"""Size of pygame's own font; at 19 and 20 its i loses the dot."""


@cache
def font(size: int) -> pygame.font.Font:
    """Return pygame's own font in a size.

    Parameters
    ----------
    size : int
        Height, in pixels.
    """
    pygame.font.init()
    return pygame.font.Font(None, size)


@lru_cache(2048)
def _label(text: str, colour: Colour, size: int) -> pygame.Surface:
    return font(size).render(text, True, colour)


def _shown(text: str) -> str:
    """Return what can be shown of a text: what is from a file may be of any length and anything."""
    return text[:MOST_CHARACTERS].encode("utf-8", "replace").decode().replace("\0", "?")


def write(
    surface: pygame.Surface,
    text: str,
    x: int,
    y: int,
    colour: Colour = TEXT,
    size: int = FONT_SIZE,
    width: int | None = None,
) -> int:
    """Write a line, and return the x after it.

    Parameters
    ----------
    surface : pygame.Surface
        Where to.
    text : str
        The line.
    x, y : int
        Its top left, in pixels.
    colour : tuple of int
        RGB.
    size : int
        Size of the font.
    width : int, optional
        Pixels beyond which it is cut, and ends in dots.
    """
    text = _shown(text)
    if width is not None and font(size).size(text)[0] > width:
        keep = len(text)
        while keep and font(size).size(text[:keep] + "...")[0] > width:
            keep -= 1
        text = text[:keep] + "..."
    label = _label(text, colour, size)
    surface.blit(label, (x, y))
    return x + label.get_width()


def write_wrapped(
    surface: pygame.Surface, text: str, rect: tuple[int, int, int, int], colour: Colour = TEXT
) -> None:
    """Write a text on as many lines as it takes and the rectangle has room for.

    Parameters
    ----------
    surface : pygame.Surface
        Where to.
    text : str
        The text.
    rect : tuple of int
        Left, top, width and height of the rectangle, in pixels.
    colour : tuple of int
        RGB.
    """
    x, y, width, height = rect
    line, bottom = "", y + height
    for word in [*_shown(text).split(), None]:
        longer = f"{line} {word}".strip() if word is not None else ""
        if word is not None and font(FONT_SIZE).size(longer)[0] <= width:
            line = longer
            continue
        if y + FONT_SIZE > bottom:
            return
        write(surface, line, x, y, colour, width=width)
        line, y = word or "", y + FONT_SIZE
