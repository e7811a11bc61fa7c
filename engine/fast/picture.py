"""What pictures are drawn with: images of tiles and items, sizes, and room to work in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.fast.scenes import MOST_AMOUNT
from crafter_dataset.schemas.arithmetic import round_up

BLOCK = 32
"""Bytes that are copied at once."""

_BEYOND = 48
"""Bytes beyond the end of a line of the local view that may be written, at most."""

_ROOM = 64
"""Lengths that kernels loop over are multiples of this: remainders would take longer."""

RED, GREEN, BLUE = range(3)
TINT = (0, 16, 64)
"""Color of the night, as in `LocalView._light`."""


class Images(NamedTuple):
    """Images that all pictures of a view and size are made of.

    Parameters
    ----------
    tiles : ndarray, shape (tiles, unit_y, unit_x, 3), uint8
        Image of each tile, indexed [tile, y, x, channel].
    items : ndarray, shape (items, 10, unit_y, unit_x, 3), uint8
        Image of each item with each amount from 0 to 9.
    vignette : ndarray, shape (lines, columns), float64
        How much the night's noise shows in each pixel of the local view, 0 to 1.
    """

    tiles: NDArray[np.uint8]
    items: NDArray[np.uint8]
    vignette: NDArray[np.float64]


class Picture(NamedTuple):
    """What the kernels draw with: tiles, sizes, and room to work in.

    Parameters
    ----------
    width, height : int
        Pixels of the whole picture.
    unit_x, unit_y : int
        Pixels of a cell.
    grid_x, grid_y : int
        Cells of the local view.
    border_x, border_y : int
        Black pixels left of and above the view.
    tiles : ndarray, shape (tiles, 3, unit_y * unit_x or more), float32
        Ground, and objects on ground, one plane per color, for the arithmetic
        of the night. Here and in the other arrays of tiles and of the local
        view, `BLOCK` bytes may be read or written from any pixel on.
    day_tiles : ndarray, shape (tiles, unit_y * unit_x * 3 or more), uint8
        The same with the colors side by side.
    tinted_tiles : ndarray, shape as `day_tiles`, float32
        The same desaturated and tinted: what `LocalView._light` mixes in.
    items : ndarray, shape (items, 10, unit_y, unit_x * 3 or more), uint8
        Each item with each amount, on black.
    below : ndarray, shape (bytes below the local view or more,), uint8
        The bytes below the local view for the inventory `shown`.
    shown : ndarray, shape (items,), int64
        Inventory that `below` was drawn for; -1 before the first time.
    black : ndarray, shape (bytes of a line or more,), uint8
        Zeros.
    vignette : ndarray, shape (lines of the local view, pixels of a line or more), float64
        How much the night's noise shows, 0 to 1.
    soft_vignette : ndarray, shape as `vignette`, float32
        The same in single precision.
    seen : ndarray, shape (grid_y, grid_x), int64
        Tiles of the local view, indexed [y, x].
    places : ndarray, shape (grid_x,), int64
        Index at which the tile of each cell of a row begins, in `lit` or `tiles`.
    lit : ndarray, shape as `day_tiles`, uint8
        Tiles in the light of a frame.
    lit_at : ndarray, shape (tiles,), int64
        Number of the frame that each tile was lit for.
    drawn : ndarray, shape (1,), int64
        Number of the last frame drawn by day.
    words : ndarray, shape (2 * pixels of the local view,), uint32
        Random words for all pixels, column by column.
    drawn_pairs : ndarray, shape (pixels of the local view,), uint64
        The same memory, two words at a time (the first in the lower bits).
    pairs : ndarray, shape (pixels of a line or more,), uint64
        The same for one line.
    numbers : ndarray, shape (pixels of a line or more,), uint32
        The first words of these pairs.
    canvas, dark : ndarray, shape (3, pixels of a line or more), float32
        A line of the local view without its light, and by night; one plane per color.
    mixed : ndarray, shape (3, pixels of a line or more), uint8
        The line as it is drawn.
    same : ndarray, shape as `mixed`, uint8
        Whether a color is the same by night as by day.
    doubtful : ndarray, shape (pixels of a line or more,), uint8
        Whether single precision does not settle what a pixel is.
    less : ndarray, shape (256,), uint8
        What to take off a color that is the same by night.
    """

    width: int
    height: int
    unit_x: int
    unit_y: int
    grid_x: int
    grid_y: int
    border_x: int
    border_y: int
    tiles: NDArray[np.float32]
    day_tiles: NDArray[np.uint8]
    tinted_tiles: NDArray[np.float32]
    items: NDArray[np.uint8]
    below: NDArray[np.uint8]
    shown: NDArray[np.int64]
    black: NDArray[np.uint8]
    vignette: NDArray[np.float64]
    soft_vignette: NDArray[np.float32]
    seen: NDArray[np.int64]
    places: NDArray[np.int64]
    lit: NDArray[np.uint8]
    lit_at: NDArray[np.int64]
    drawn: NDArray[np.int64]
    words: NDArray[np.uint32]
    drawn_pairs: NDArray[np.uint64]
    pairs: NDArray[np.uint64]
    numbers: NDArray[np.uint32]
    canvas: NDArray[np.float32]
    dark: NDArray[np.float32]
    mixed: NDArray[np.uint8]
    same: NDArray[np.uint8]
    doubtful: NDArray[np.uint8]
    less: NDArray[np.uint8]


def make_picture(images: Images, view: tuple[int, int], size: tuple[int, int]) -> Picture:
    """Prepare what pictures are drawn with.

    Parameters
    ----------
    images : Images
        What they are made of.
    view : tuple of int
        Cells in the picture (x, y), with those of the inventory.
    size : tuple of int
        Pixels of the picture (width, height).

    Returns
    -------
    Picture
        For all pictures of that size and view.
    """
    tiles, items, vignette = images
    count, unit_y, unit_x, _ = tiles.shape
    border_x, border_y = (size[0] - unit_x * view[0]) // 2, (size[1] - unit_y * view[1]) // 2
    grid_x, grid_y = view[0], vignette.shape[0] // unit_y
    height, width = vignette.shape
    room = _padded(width)
    day_tiles = _pad(tiles.reshape(count, -1))
    words = np.zeros(2 * width * height, np.uint32)
    return Picture(
        width=size[0],
        height=size[1],
        unit_x=unit_x,
        unit_y=unit_y,
        grid_x=grid_x,
        grid_y=grid_y,
        border_x=border_x,
        border_y=border_y,
        tiles=_pad(np.moveaxis(tiles, -1, 1).reshape(count, 3, -1).astype(np.float32)),
        day_tiles=day_tiles,
        tinted_tiles=_pad(tinted(tiles).reshape(count, -1)),
        items=_pad(items.reshape(*items.shape[:3], -1)),
        below=np.zeros((size[1] - border_y - height) * size[0] * 3 + BLOCK, np.uint8),
        shown=np.full(len(items), -1),
        black=np.zeros(size[0] * 3 + BLOCK, np.uint8),
        vignette=_pad(vignette),
        soft_vignette=_pad(vignette.astype(np.float32)),
        seen=np.zeros((grid_y, grid_x), np.int64),
        places=np.zeros(grid_x, np.int64),
        lit=np.zeros_like(day_tiles),
        lit_at=np.zeros(count, np.int64),
        drawn=np.zeros(1, np.int64),
        words=words,
        drawn_pairs=words.view("<u8"),
        pairs=np.zeros(room, np.uint64),
        numbers=np.zeros(room, np.uint32),
        canvas=np.zeros((3, room), np.float32),
        dark=np.zeros((3, room), np.float32),
        mixed=np.zeros((3, room), np.uint8),
        same=np.zeros((3, room), np.uint8),
        doubtful=np.zeros(room, np.uint8),
        less=np.zeros(256, np.uint8),
    )


def check_images(images: Images, view: tuple[int, int], size: tuple[int, int]) -> None:
    """Refuse images that are not those of a view and a size; kernels do not check that.

    Parameters
    ----------
    images : Images
        What pictures are made of.
    view, size : tuple of int
        As for `make_picture`.

    Raises
    ------
    ValueError
        If one has another shape than the others, the view and the size ask for.
    """
    unit = size[1] // view[1], size[0] // view[0]
    lines = len(images.vignette) // max(unit[0], 1)
    rooms = (view[1] - lines) * view[0]
    for name, shape in (
        ("tiles", (len(images.tiles), *unit, 3)),
        ("items", (min(len(images.items), rooms), MOST_AMOUNT + 1, *unit, 3)),
        ("vignette", (lines * unit[0], view[0] * unit[1])),
    ):
        found = getattr(images, name).shape
        if found != shape or not min(unit):
            raise ValueError(f"{name}: expected images of shape {shape}, found {found}")


def has_room(images: Images, view: tuple[int, int], size: tuple[int, int]) -> bool:
    """Tell whether a picture goes on below the local view for as long as lines are drawn in blocks.

    Crafter's own do: an inventory of 16 items takes 16 pixels or more.

    Parameters
    ----------
    images : Images
        What pictures are made of.
    view, size : tuple of int
        As for `make_picture`.
    """
    unit_y, height = images.tiles.shape[1], len(images.vignette)
    top = (size[1] - unit_y * view[1]) // 2
    return (size[1] - top - height) * size[0] * 3 >= _BEYOND


def images_of(picture: Picture) -> Images:
    """Return what a picture was made of.

    Parameters
    ----------
    picture : Picture
        What `make_picture` made.
    """
    unit = picture.unit_y, picture.unit_x
    (count, *_), (items, amounts, *_) = picture.tiles.shape, picture.items.shape
    line, width = picture.unit_x * 3, picture.grid_x * picture.unit_x
    return Images(
        picture.day_tiles[:, : unit[0] * line].reshape(count, *unit, 3),
        picture.items[..., :line].reshape(items, amounts, *unit, 3),
        np.ascontiguousarray(picture.vignette[:, :width]),
    )


def tinted(colors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Desaturate and tint colors as `LocalView._light` does; the results are multiples of 0.5.

    Pillow's `ImageEnhance.Color` mixes in single precision.

    Parameters
    ----------
    colors : ndarray, shape (..., 3), uint8
        Colors of the day.

    Returns
    -------
    ndarray, shape (..., 3), float32
        What the night mixes in.
    """
    grey = grey_of(colors).astype(np.float32)[..., None]
    faded = (grey + np.float32(0.4) * (colors.astype(np.float32) - grey)).astype(np.uint8)
    result: NDArray[np.float32] = (faded + np.array(TINT, np.float32)) * np.float32(0.5)
    return result


def grey_of(colors: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the grey of colors as Pillow converts them to `L`: ITU-R 601-2 in fixed point.

    Parameters
    ----------
    colors : ndarray, shape (..., 3), uint8
        Colors.

    Returns
    -------
    ndarray, shape (...), int32
        0 to 255.
    """
    red, green, blue = np.moveaxis(colors.astype(np.int32), -1, 0)
    grey: NDArray[np.int32] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16
    return grey


def _padded(count: int) -> int:
    """Add room for a block, and round up to a multiple of `_ROOM`."""
    return round_up(count + BLOCK, _ROOM)


def _pad(array: NDArray[Any]) -> NDArray[Any]:
    """Pad the last axis with zeros, see `_padded`."""
    padded = np.zeros((*array.shape[:-1], _padded(array.shape[-1])), array.dtype)
    padded[..., : array.shape[-1]] = array
    return padded
