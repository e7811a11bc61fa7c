"""The map: the world in Crafter's textures, with the trail, the view and what was seen."""

from __future__ import annotations

import numpy as np
import pygame
from numpy.typing import NDArray

from viewer.drawing.style import GOLD, RED, TEXT
from viewer.layout import Rect
from viewer.maps.picture import WorldPainter, shrink
from viewer.maps.seen import field_of_view, seen, view_rect, visits
from viewer.source import Shot
from viewer.state import State
from viewer.track import Track


class WorldMap:
    """Draws maps, and keeps the tiles of the last size."""

    def __init__(self) -> None:
        self._painter: WorldPainter | None = None
        self._made_for: tuple[object, ...] = ()

    def draw(self, surface: pygame.Surface, rect: Rect, state: State, shot: Shot) -> bool:
        """Draw the map at the frame shown; False if nothing of it is known."""
        track, meta = state.track, state.shelf.metadata
        ids = shot.terrain if shot.semantic is None else shot.semantic
        if ids is None or track is None:
            return False
        cell, factor = max(1, rect.width // ids.shape[0]), -(-ids.shape[0] // rect.width)
        wanted = meta.materials, meta.objects, cell
        if self._painter is None or self._made_for != wanted:
            self._painter, self._made_for = WorldPainter(*wanted), wanted
        is_asleep = track.asleep is not None and bool(track.asleep[state.frame])
        player = "player-sleep" if is_asleep else f"player-{track.facing(state.frame)}"
        picture = shrink(self._painter.paint(ids, shot.terrain, player), factor)
        drawn = pygame.surfarray.make_surface(picture.transpose(1, 0, 2))
        _draw_over(drawn, state, track, cell / factor)
        surface.blit(drawn, rect[:2])
        return True


def _draw_over(surface: pygame.Surface, state: State, track: Track, cell: float) -> None:
    positions, panels = track.fields.get("positions"), state.panels
    if positions is None:
        return
    meta = state.shelf.metadata
    view = field_of_view(meta)
    if panels.heat:
        stood = visits(positions[: state.frame + 1], meta.env.area)
        surface.blit(heat_surface(seen(stood, view), surface.get_size()), (0, 0))
    if panels.trail:
        count = int(np.searchsorted(track.moves, state.frame, side="right"))
        points = (positions[track.moves[:count]] + 0.5) * cell
        if len(points) > 1:
            pygame.draw.lines(surface, RED, False, points.tolist(), 2 if cell >= 5 else 1)
    if panels.view:
        outline = [value * cell for value in view_rect(positions[state.frame], view)]
        pygame.draw.rect(surface, TEXT, outline, 1)
    x, y = (positions[state.frame] + 0.5) * cell
    pygame.draw.circle(surface, GOLD, (x, y), max(3, cell * 0.7), 2)


def heat_surface(counts: NDArray[np.int64], size: tuple[int, int]) -> pygame.Surface:
    """Draw how often each cell was seen: dark for never, from yellow to red for often."""
    share = np.log1p(counts) / max(np.log1p(counts.max()), 1e-9)
    rgba = np.zeros((counts.shape[1], counts.shape[0], 4), np.uint8)
    rgba[..., 0] = 255
    rgba[..., 1] = (220 * (1 - share)).T
    rgba[..., 3] = (40 + 150 * share).T
    rgba[(counts == 0).T] = 0, 0, 0, 170
    cells = pygame.image.frombuffer(rgba.tobytes(), counts.shape, "RGBA")
    return pygame.transform.scale(cells, size)
