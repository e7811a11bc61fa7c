"""The map: the world in Crafter's textures, with the trail, the view and what was seen."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.viewer.arrangement import Rect
from crafter_dataset.viewer.drawing.style import BACKGROUND, FONT_SIZE, GOLD, RED, TEXT, font, write
from crafter_dataset.viewer.maps.picture import WorldPainter, shrink
from crafter_dataset.viewer.maps.seen import field_of_view, seen, view_rect, visits
from crafter_dataset.viewer.reader import Shot
from crafter_dataset.viewer.state import State
from crafter_dataset.viewer.track import Track

MOST_CHANGES = 400
"""Squares of the map, at most, that are drawn one by one; with more changes all are drawn."""


class WorldMap:
    """Draws maps, and keeps the last one: from frame to frame few cells change."""

    def __init__(self) -> None:
        self._painter = WorldPainter((), (), 1)
        self._made_for: tuple[object, ...] = ()
        self._ids = np.zeros((0, 0), np.uint8)
        self._terrain: NDArray[np.uint8] | None = None
        self._drawn = pygame.Surface((1, 1))

    def draw(self, surface: pygame.Surface, rect: Rect, state: State, shot: Shot) -> bool:
        """Draw the map at the frame shown.

        Parameters
        ----------
        surface : pygame.Surface
            Where to.
        rect : Rect
            Where on it.
        state : State
            What is shown.
        shot : Shot
            The images of its frame.

        Returns
        -------
        bool
            False if neither map is known, and nothing was drawn.
        """
        track, meta = state.track, state.shelf.metadata
        ids = shot.terrain if shot.semantic is None else shot.semantic
        if ids is None or track is None:
            return False
        width, height = ids.shape
        cell = max(1, rect.width // width)
        factor = max(ceil_div(width, rect.width), ceil_div(height, rect.height))
        wanted = meta.materials, meta.objects, cell, factor
        is_asleep = track.asleep is not None and bool(track.asleep[state.frame])
        player = "player-sleep" if is_asleep else f"player-{track.facing(state.frame)}"
        if self._made_for != wanted:
            self._painter, self._made_for = WorldPainter(*wanted[:3]), wanted
            self._ids = np.zeros((0, 0), np.uint8)
        self._paint(ids, shot.terrain, player, factor)
        clip = surface.get_clip()
        surface.set_clip(rect)
        surface.blit(self._drawn, rect[:2])
        _draw_over(surface, rect, state, track, cell / factor)
        if shot.semantic is None:
            _caption(surface, rect)
        surface.set_clip(clip)
        return True

    def _paint(
        self, ids: NDArray[np.uint8], terrain: NDArray[np.uint8] | None, player: str, factor: int
    ) -> None:
        """Bring the kept map up to date.

        It consists of squares: of one cell each, or of `factor` times `factor`
        cells that share a pixel.
        """
        squares = None
        if ids.shape == self._ids.shape and terrain is self._terrain:
            changed = np.nonzero((ids != self._ids) | self._painter.is_player(ids))
            squares = set(zip(*(axis.tolist() for axis in changed), strict=True))
            if factor > 1:
                squares = {(x // factor, y // factor) for x, y in squares}
        if squares is None or len(squares) > MOST_CHANGES:
            picture = shrink(self._painter.paint(ids, terrain, player), factor)
            self._drawn = pygame.surfarray.make_surface(picture.transpose(1, 0, 2))
        else:
            side = self._painter.cell if factor == 1 else 1
            for x, y in squares:
                cells = np.s_[x * factor : (x + 1) * factor, y * factor : (y + 1) * factor]
                under = None if terrain is None else terrain[cells]
                tile = shrink(self._painter.paint(ids[cells], under, player), factor)
                drawn = pygame.surfarray.make_surface(tile.transpose(1, 0, 2))
                self._drawn.blit(drawn, (x * side, y * side))
        self._ids, self._terrain = ids, terrain


def _caption(surface: pygame.Surface, rect: Rect) -> None:
    """Say that the map is not that of this frame."""
    text = "terrain at reset"
    width, height = font(FONT_SIZE).size(text)
    pygame.draw.rect(surface, BACKGROUND, (rect.x, rect.y, width + 12, height + 8))
    write(surface, text, rect.x + 6, rect.y + 4)


def _draw_over(
    surface: pygame.Surface, rect: Rect, state: State, track: Track, cell: float
) -> None:
    positions, panels = track.fields.get("positions"), state.panels
    if positions is None:
        return
    meta = state.shelf.metadata
    view = field_of_view(meta)
    if panels.heat:
        stood = visits(positions[: state.frame + 1], meta.env.area)
        surface.blit(heat_surface(seen(stood, view), rect[2:]), rect[:2])
    if panels.trail:
        count = int(np.searchsorted(track.moves, state.frame, side="right"))
        points = (positions[track.moves[:count]] + 0.5) * cell + rect[:2]
        if len(points) > 1:
            pygame.draw.lines(surface, RED, False, points.tolist(), 2 if cell >= 5 else 1)
    if panels.view:
        left, top, width, height = (v * cell for v in view_rect(positions[state.frame], view))
        pygame.draw.rect(surface, TEXT, (rect.x + left, rect.y + top, width, height), 1)
    x, y = (positions[state.frame] + 0.5) * cell + rect[:2]
    pygame.draw.circle(surface, GOLD, (x, y), max(3, cell * 0.7), 2)


def heat_surface(counts: NDArray[np.int64], size: tuple[int, int]) -> pygame.Surface:
    """Draw how often each cell was seen: dark for never, from yellow to red for often.

    Parameters
    ----------
    counts : ndarray, shape (width, height), int64
        Frames at which each cell was in view, indexed [x, y].
    size : tuple of int
        Width and height of the surface, in pixels.

    Returns
    -------
    pygame.Surface
        RGBA, to be drawn over the map.
    """
    share = np.log1p(counts) / max(np.log1p(counts.max()), 1e-9)
    rgba = np.zeros((counts.shape[1], counts.shape[0], 4), np.uint8)
    rgba[..., 0] = 255
    rgba[..., 1] = (220 * (1 - share)).T
    rgba[..., 3] = (40 + 150 * share).T
    rgba[(counts == 0).T] = 0, 0, 0, 170
    cells = pygame.image.frombuffer(rgba.tobytes(), counts.shape, "RGBA")
    return pygame.transform.scale(cells, size)
