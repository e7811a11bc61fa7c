"""The local view by night; mirrors `LocalView._light`, `_noise`, `_tint` and `_sleep`.

Crafter computes it in double precision and truncates to integers, twice. Single
precision takes half the time, and has the same result unless a number is next to
an integer. So a line is first drawn in single precision (`_shade`), which marks
the pixels that are in doubt; their blocks are then redrawn as Crafter draws them
(`_shade_exactly`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.compiled.intrinsics import (
    multiply_add,
    set_bytes,
    trailing_zeros,
    use_wide_vectors,
)
from crafter_dataset.engine.compiled.jit import inlined, kernel
from crafter_dataset.engine.fast.blocks import (
    PIXELS,
    copy_block,
    end_line,
    interleave_block,
    whole_blocks,
)
from crafter_dataset.engine.fast.kinds import Scene
from crafter_dataset.engine.fast.picture import BLOCK, BLUE, GREEN, RED, TINT, Picture
from crafter_dataset.engine.fast.rng import take_words

_MARGIN = np.float32(2**-13)
"""Noise this near to an integer, on either side, is in doubt.

Single precision is off by less: up to 2**-15.6 by the mask, which is rounded
three times and multiplied by up to 223, and 2**-15.1 by the rest.
"""
_MIX_MARGIN = 1e-9
"""The same for mixed colors; double precision rounds them by far less than this."""
_DARKEST, _BRIGHTEST = -510, 319
"""Bounds of twice a color by night minus twice the same by day."""
_BITS = 64
_BLOCK_COLORS = BLOCK // np.dtype(np.float32).itemsize

_u32, _u64 = np.uint32, np.uint64  # loops with signed numbers would not be vectorised
_f32, _f64 = np.float32, np.float64
_SHADES_OF_NOISE = np.float32(95 / 2**24)


@inlined
def draw_night(scene: Scene, picture: Picture, frame: NDArray[np.uint8]) -> None:
    """Draw the local view by night, taking two random words per pixel.

    Parameters
    ----------
    scene : Scene
        A world, or what is seen of one; only its random numbers change.
    picture : Picture
        With the tiles that are seen; overwritten where it is room to work in.
    frame : ndarray, shape (height * width * 3,), uint8
        The lines of the local view are overwritten, in the order [y, x, channel], RGB.
    """
    width = picture.grid_x * picture.unit_x
    height = picture.grid_y * picture.unit_y
    take_words(scene, picture.words, 2 * width * height)
    lanes = _u64(whole_blocks(width, PIXELS))
    red, green, blue = picture.mixed[RED], picture.mixed[GREEN], picture.mixed[BLUE]
    is_plain = _foresee(scene, picture)
    for y in range(height):
        _draw_canvas(picture, y)
        if is_plain:
            _shade(scene, picture, y, width, height, lanes)
            _settle(scene, picture, y, width)
        else:
            _shade_exactly(scene, picture, y, 0, lanes)
        if scene.sleeping:
            _sleep(picture, lanes)
        at = ((picture.border_y + y) * picture.width + picture.border_x) * 3
        for x in range(0, width, PIXELS):
            interleave_block(frame, at + 3 * x, red, green, blue, x)
        end_line(picture, frame, y)


@inlined
def _draw_canvas(picture: Picture, y: int) -> None:
    """Copy a line of the local view without its light."""
    cell_y, line = y // picture.unit_y, y % picture.unit_y
    columns = _u64(picture.grid_x)
    if line == 0:
        for cell_x in range(columns):
            tile = picture.seen[_u64(cell_y), cell_x]
            picture.places[cell_x] = tile * 3 * picture.tiles.shape[2]
    for color in range(3):
        start = color * picture.tiles.shape[2] + line * picture.unit_x
        at = color * picture.canvas.shape[1]
        for cell_x in range(columns):
            origin = picture.places[cell_x] + start
            for block in range(0, picture.unit_x, _BLOCK_COLORS):
                copy_block(picture.canvas, at + block, picture.tiles, origin + block)
            at += picture.unit_x


@inlined
def _foresee(scene: Scene, picture: Picture) -> bool:
    """Tell whether `_shade` can mix the colors of a frame, and where it needs correction.

    A mixed color is `day * c + (1 - day) * (n + tint) / 2`, that is,
    `c + half * d` where `d = n + tint - 2 * c` is an integer. So `half * d` can only
    be one of some 800 numbers: unless one of them is next to an integer, single
    precision truncates them rightly. Where d is 0 the color stays c, or is one less
    if double precision rounds the sum down.
    """
    use_wide_vectors()
    day = scene.daylight
    night = 1 - day
    for color in range(_u64(256)):
        whole = _f64(np.int32(color))
        picture.less[color] = np.int32(day * whole + night * whole) < np.int32(color)
    half = 0.5 * night
    single = _f32(half)
    wrong = 0
    for i in range(_u64(_BRIGHTEST - _DARKEST + 1)):
        difference = np.int32(i) + np.int32(_DARKEST)
        number = half * _f64(difference)
        whole = np.floor(number)
        near = (number - whole < _MIX_MARGIN) | (number - whole > 1 - _MIX_MARGIN)
        other = _f64(np.floor(single * _f32(difference))) != whole
        wrong += np.int32((near | other) & (difference != np.int32(0)))
    return wrong == 0


@inlined
def _shade(scene: Scene, picture: Picture, y: int, width: int, height: int, lanes: int) -> None:
    """Draw a line in single precision, marking what is in doubt and colors that stay the same."""
    use_wide_vectors()
    numbers, step = picture.numbers, _u64(2 * height)
    at = _u64(2 * y)
    for x in range(_u64(width)):
        numbers[x] = picture.words[at]
        at += step
    amount = _f32(2 * (0.5 - scene.daylight))
    half = _f32(0.5 * (1 - scene.daylight))
    canvas, mixed, same = picture.canvas, picture.mixed, picture.same
    line = _u64(y)
    for x in range(lanes):
        # 24 of the number's 53 bits.
        number = _f32(np.int32(numbers[x] >> _u32(8)))
        noise = multiply_add(_SHADES_OF_NOISE, number, _f32(32))
        mask = amount * picture.soft_vignette[line, x]
        red, green, blue = canvas[RED, x], canvas[GREEN, x], canvas[BLUE, x]
        # The margin is added, so that truncating what is in doubt takes off less than twice that.
        noisy_red = red + multiply_add(mask, noise - red, _MARGIN)
        noisy_green = green + multiply_add(mask, noise - green, _MARGIN)
        noisy_blue = blue + multiply_add(mask, noise - blue, _MARGIN)
        dark_red = np.floor(noisy_red)
        dark_green = np.floor(noisy_green)
        dark_blue = np.floor(noisy_blue)
        cut = min(noisy_red - dark_red, noisy_green - dark_green, noisy_blue - dark_blue)
        picture.doubtful[x] = cut < _f32(2) * _MARGIN
        grey = _grey(dark_red, dark_green, dark_blue)
        faded_red = np.floor(grey + _f32(0.4) * (dark_red - grey))
        faded_green = np.floor(grey + _f32(0.4) * (dark_green - grey))
        faded_blue = np.floor(grey + _f32(0.4) * (dark_blue - grey))
        more_red = multiply_add(_f32(-2), red, faded_red + _f32(TINT[RED]))
        more_green = multiply_add(_f32(-2), green, faded_green + _f32(TINT[GREEN]))
        more_blue = multiply_add(_f32(-2), blue, faded_blue + _f32(TINT[BLUE]))
        same[RED, x] = more_red == _f32(0)
        same[GREEN, x] = more_green == _f32(0)
        same[BLUE, x] = more_blue == _f32(0)
        mixed[RED, x] = np.uint8(np.int32(red + np.floor(half * more_red)))
        mixed[GREEN, x] = np.uint8(np.int32(green + np.floor(half * more_green)))
        mixed[BLUE, x] = np.uint8(np.int32(blue + np.floor(half * more_blue)))


@inlined
def _settle(scene: Scene, picture: Picture, y: int, width: int) -> None:
    """Correct what `_shade` has marked in a line."""
    for first in range(0, width, _BITS):
        within = ~_u64(0) >> _u64(max(first + _BITS - width, 0))
        for color in range(3):
            row = color * picture.same.shape[1]
            marks = set_bytes(picture.same, row + first) & within
            while marks:
                x = first + np.int64(trailing_zeros(marks))
                picture.mixed[color, x] -= picture.less[np.int64(picture.canvas[color, x])]
                marks &= marks - _u64(1)
        marks = set_bytes(picture.doubtful, first) & within
        while marks:
            block = np.int64(trailing_zeros(marks)) // PIXELS * PIXELS
            _shade_exactly(scene, picture, y, first + block, first + block + PIXELS)
            marks &= ~(_u64(2**PIXELS - 1) << _u64(block))


@kernel
def _shade_exactly(scene: Scene, picture: Picture, y: int, start: int, stop: int) -> None:
    """Draw some pixels of a line as Crafter does."""
    first, end = _u64(start), _u64(stop)
    height = _u64(picture.grid_y * picture.unit_y)
    most = _u64(len(picture.drawn_pairs) - 1)
    for x in range(first, end):
        picture.pairs[x] = picture.drawn_pairs[min(x * height + _u64(y), most)]
    _add_noise(scene, picture, y, first, end)
    _fade(picture, first, end)
    _mix(scene, picture, first, end)


@inlined
def _add_noise(scene: Scene, picture: Picture, y: int, first: int, end: int) -> None:
    """Add the noise to a line; mirrors `LocalView._noise`."""
    amount = 2 * (0.5 - scene.daylight)
    canvas, dark = picture.canvas, picture.dark
    # uniform(32, 127) is 32 + 95 * number / 2**53; dividing by a power of two first is as exact.
    scale = 95 / 9007199254740992
    for x in range(first, end):
        pair = picture.pairs[x]
        number = ((pair & _u64(0xFFFFFFE0)) << _u64(21)) | (pair >> _u64(38))
        mask = amount * picture.vignette[_u64(y), x]
        noise = mask * (32 + scale * _f64(np.int64(number)))
        rest = 1 - mask
        dark[RED, x] = _f32(np.int32(rest * _f64(canvas[RED, x]) + noise))
        dark[GREEN, x] = _f32(np.int32(rest * _f64(canvas[GREEN, x]) + noise))
        dark[BLUE, x] = _f32(np.int32(rest * _f64(canvas[BLUE, x]) + noise))


@inlined
def _grey(red: float, green: float, blue: float) -> float:
    """Return the grey of a color; mirrors Pillow's conversion to `L`, ITU-R 601-2 in fixed point.

    All numbers are below 2**24, so that single precision, which is faster, holds them exactly.
    """
    fixed = multiply_add(_f32(38470), green, multiply_add(_f32(7471), blue, _f32(32768)))
    fixed = multiply_add(_f32(19595), red, fixed)
    return np.floor(fixed * _f32(1 / 65536))


@inlined
def _fade(picture: Picture, first: int, end: int) -> None:
    """Desaturate a line as Pillow's `ImageEnhance.Color` does, in single precision."""
    dark = picture.dark
    for x in range(first, end):
        red, green, blue = dark[RED, x], dark[GREEN, x], dark[BLUE, x]
        grey = _grey(red, green, blue)
        dark[RED, x] = _f32(np.int32(grey + _f32(0.4) * (red - grey)))
        dark[GREEN, x] = _f32(np.int32(grey + _f32(0.4) * (green - grey)))
        dark[BLUE, x] = _f32(np.int32(grey + _f32(0.4) * (blue - grey)))


@inlined
def _mix(scene: Scene, picture: Picture, first: int, end: int) -> None:
    """Tint a line and mix it with the day's; mirrors the rest of `LocalView._light`."""
    day = scene.daylight
    night = 1 - day
    canvas, dark, mixed = picture.canvas, picture.dark, picture.mixed
    half = 0.5 * night  # halving first is as exact
    for color in range(3):
        tint = _f32(TINT[color])
        for x in range(first, end):
            tinted = half * _f64(dark[color, x] + tint)
            mixed[color, x] = np.uint8(np.int32(day * _f64(canvas[color, x]) + tinted))


@inlined
def to_sleep(red: int, green: int, blue: int) -> int:
    """Return what a color's red and green are while asleep; its blue is 8 more.

    Mirrors `LocalView._sleep`.

    Parameters
    ----------
    red, green, blue : int
        The color, 0 to 255 each.
    """
    grey = _grey(_f32(np.int32(red)), _f32(np.int32(green)), _f32(np.int32(blue)))
    return np.int32(grey) >> 1


@inlined
def _sleep(picture: Picture, lanes: int) -> None:
    """Draw a line as it is while asleep; mirrors `LocalView._sleep`."""
    mixed = picture.mixed
    for x in range(lanes):
        grey = to_sleep(mixed[RED, x], mixed[GREEN, x], mixed[BLUE, x])
        mixed[RED, x] = grey
        mixed[GREEN, x] = grey
        mixed[BLUE, x] = grey + 8
