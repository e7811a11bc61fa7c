"""A world, or its semantic map, drawn in Crafter's textures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.viewer.maps.textures import texture

WALKABLE = ("grass", "sand", "path")
"""What creatures stand on; where the terrain was something else, it is `path` by now."""


LEAST_TEXTURE = 3
"""Least pixels per cell at which objects have their textures, and not just a colour."""


class WorldPainter:
    """Draws maps of one kind of world, with a square of pixels per cell.

    Parameters
    ----------
    materials, objects : sequence of str
        Names of the ids from 1 on: materials, then objects.
    cell : int
        Width and height of a cell, in pixels.

    Attributes
    ----------
    cell : int
        Width and height of a cell, in pixels.
    """

    def __init__(self, materials: Sequence[str], objects: Sequence[str], cell: int) -> None:
        self.cell = cell
        self._grounds = len(materials)
        self._objects = tuple(objects)
        self._tiles = np.zeros((256, cell, cell, 3), np.uint8)
        for code, name in enumerate(("unknown", *materials, *objects)[:256]):
            tile = texture(name, cell).copy()
            if code > len(materials):  # for maps too small to draw objects over their ground
                tile[..., :3] = tile[..., :3][tile[..., 3] > 0].mean(0) if tile[..., 3].any() else 0
            self._tiles[code] = tile[..., :3]
        self._tiles[1 + len(materials) + len(objects) :] = self._tiles[0]
        self._player = 1 + len(materials) + objects.index("player") if "player" in objects else 0
        codes = {name: code for code, name in enumerate(materials, 1)}
        self._walkable = [codes[name] for name in WALKABLE if name in codes]
        self._floor = codes.get("path", 0)

    def is_player(self, ids: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Return in which cells of a map the player is.

        Parameters
        ----------
        ids : ndarray, shape (width, height), uint8
            Materials and objects, indexed [x, y].

        Returns
        -------
        ndarray, shape (width, height), bool
            Indexed [x, y].
        """
        return ids == self._player if self._player else np.zeros(ids.shape, np.bool_)

    def paint(
        self,
        ids: NDArray[np.uint8],
        terrain: NDArray[np.uint8] | None = None,
        player: str = "player-down",
    ) -> NDArray[np.uint8]:
        """Draw a map.

        Parameters
        ----------
        ids : ndarray, shape (width, height), uint8
            Materials and objects, indexed [x, y].
        terrain : ndarray, shape (width, height), uint8, optional
            Materials at reset, to guess what lies under objects.
        player : str
            Name of the player's texture.

        Returns
        -------
        ndarray, shape (height * cell, width * cell, 3), uint8
            RGB, indexed [y, x]; every cell of the map is there.
        """
        grounds, xs, ys = ids, *np.nonzero(ids > self._grounds)
        if len(xs) and self.cell >= LEAST_TEXTURE:
            under = np.full(len(xs), self._floor) if terrain is None else terrain[xs, ys]
            grounds = ids.copy()
            grounds[xs, ys] = np.where(np.isin(under, self._walkable), under, self._floor)
        width, height = ids.shape
        picture = self._tiles[grounds.T].transpose(0, 2, 1, 3, 4)
        picture = picture.reshape(height * self.cell, width * self.cell, 3)
        if self.cell < LEAST_TEXTURE:
            return picture
        for x, y in zip(xs.tolist(), ys.tolist(), strict=True):
            number = int(ids[x, y]) - self._grounds - 1
            name = self._objects[number] if number < len(self._objects) else "unknown"
            top, left = y * self.cell, x * self.cell
            place = picture[top : top + self.cell, left : left + self.cell]
            _blend(place, texture(player if name == "player" else name, self.cell))
        return picture


def _blend(place: NDArray[np.uint8], rgba: NDArray[np.uint8]) -> None:
    alpha = rgba[..., 3:].astype(np.uint16)
    mixed = rgba[..., :3] * alpha + place * (255 - alpha)
    place[...] = (mixed // 255).astype(np.uint8)


def shrink(picture: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Reduce a picture by averaging squares of pixels; at the edges, what is left of them.

    Parameters
    ----------
    picture : ndarray, shape (height, width, 3), uint8
        RGB, indexed [y, x].
    factor : int
        Side of a square, in pixels.

    Returns
    -------
    ndarray, shape (ceil(height / factor), ceil(width / factor), 3), uint8
        RGB, indexed [y, x].
    """
    if factor == 1:
        return picture
    rows = np.arange(0, picture.shape[0], factor)
    columns = np.arange(0, picture.shape[1], factor)
    sums = np.add.reduceat(np.add.reduceat(picture, rows, 0, np.uint32), columns, 1)
    heights = np.diff(np.append(rows, picture.shape[0]))
    widths = np.diff(np.append(columns, picture.shape[1]))
    reduced: NDArray[np.uint8] = (sums // (heights[:, None] * widths)[..., None]).astype(np.uint8)
    return reduced
