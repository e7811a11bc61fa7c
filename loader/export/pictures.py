"""Pictures and films as files, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

from crafter_dataset.schemas.errors import MissingPackageError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
"""Formats of single pictures, by the file's ending."""

X264 = {"crf": "16", "preset": "veryfast"}
"""Settings of the encoder, with barely a visible difference."""

KEPT = 96
"""Colours of a GIF's picture that are kept exactly, if it has too many colours."""

TABLE_PIXELS = 150_000
"""Pixels from which a picture's colours are found sooner by a table than by sorting."""

CLEAR = 255
"""Number of the transparent colour of a GIF, which leaves the previous picture as it is."""

FILMS = (".gif", ".mp4")
"""Formats of films, by the file's ending."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a name to write to, which becomes `path` at the end; an error leaves nothing.

    Parameters
    ----------
    path : Path
        The file to make or replace.

    Yields
    ------
    Path
        A file in a hidden folder beside it, which nobody else uses.
    """
    with tempfile.TemporaryDirectory(".partial", ".crafter-dataset.", path.parent) as folder:
        yield Path(folder) / path.name
        os.replace(Path(folder) / path.name, path)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture in the format of the file's ending.

    Parameters
    ----------
    path : Path
        The file; its ending is one of `PICTURES`.
    picture : ndarray, shape (height, width, 3), uint8
        RGB.
    """
    with whole_file(path) as part:
        Image.fromarray(picture).save(part)


def write_film(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float) -> None:
    """Write RGB pictures of one size as a GIF or MP4, one after the other.

    Parameters
    ----------
    path : Path
        The file; its ending is one of `FILMS`.
    pictures : iterable of ndarray, shape (height, width, 3), uint8
        RGB, read one by one: a film of any length takes the memory of a few.
    fps : float
        Pictures per second. A GIF counts in hundredths of a second, and viewers
        slow down what is faster than 50.

    Raises
    ------
    MissingPackageError
        If PyAV is needed, for MP4, and not installed.
    """
    with whole_file(path) as part:
        (_write_mp4 if path.suffix.lower() == ".mp4" else _write_gif)(part, pictures, fps)


def _write_gif(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float) -> None:
    """Write each picture as what has changed since the last, in colours of its own.

    Pillow's own way of saving many pictures holds all of them in memory.
    """
    shown_ms = 10 * max(2, round(100 / fps))
    before = None
    with open(path, "wb") as stream:
        for picture in pictures:
            changed = np.ones(picture.shape[:2], np.bool_)
            if before is None:
                size = Image.new("P", (picture.shape[1], picture.shape[0]))
                size.putpalette(bytes(768))
                stream.writelines(GifImagePlugin.getheader(size, info={"loop": 0})[0])
            else:
                changed = (picture != before).any(2)
            rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
            top, left = (int(rows[0]), int(columns[0])) if len(rows) else (0, 0)
            bottom, right = (int(rows[-1]), int(columns[-1])) if len(rows) else (0, 0)
            box = np.s_[top : bottom + 1, left : right + 1]
            image = _indexed(picture[box], changed[box])
            stream.writelines(
                GifImagePlugin.getdata(
                    image,
                    (left, top),
                    duration=shown_ms,
                    disposal=1,
                    transparency=CLEAR,
                    include_color_table=True,
                )
            )
            before = picture
        stream.write(b";")


def _indexed(picture: NDArray[np.uint8], changed: NDArray[np.bool_]) -> Image.Image:
    """Reduce the changed pixels to 255 colours, exactly if there are no more; clear the rest.

    The most frequent colours are kept as they are; the others are gathered so
    that none of them is far off, however rare.
    """
    packed = picture[changed].astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    colours, which, counts = _distinct(packed)
    listed = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], -1).astype(np.uint8)
    numbers = np.arange(len(colours))
    if len(colours) > CLEAR:
        order = np.argsort(-counts, kind="stable")
        kept, others = order[:KEPT], order[KEPT:]
        gathered = Image.fromarray(listed[others][None]).quantize(
            CLEAR - KEPT, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
        numbers[kept] = np.arange(KEPT)
        numbers[others] = KEPT + np.asarray(gathered)[0].astype(np.intp)
        rest = np.array(gathered.getpalette(), np.uint8).reshape(-1, 3)[: CLEAR - KEPT]
        listed = np.concatenate([listed[kept], rest])
    pixels = np.full(changed.shape, CLEAR, np.uint8)
    pixels[changed] = numbers[which]
    height, width = changed.shape
    image = Image.frombytes("P", (width, height), pixels.tobytes())
    image.putpalette(listed.tobytes().ljust(768, b"\0"))
    return image


def _distinct(
    packed: NDArray[np.uint32],
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.intp]]:
    """Return the colours there are, which of them each pixel has, and how often each occurs.

    Many pixels by a table of all colours, few by sorting: a table takes 8 ms
    however few they are, and sorting a million of them seven times as much.
    """
    if packed.size < TABLE_PIXELS:
        return np.unique(packed, return_inverse=True, return_counts=True)
    seen = np.zeros(1 << 24, np.bool_)
    seen[packed] = True
    colours = np.flatnonzero(seen)
    place = np.empty(1 << 24, np.int32)
    place[colours] = np.arange(len(colours), dtype=np.int32)
    which = place[packed]
    return colours, which, np.bincount(which, minlength=len(colours))


def _write_mp4(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float) -> None:
    try:
        import av
    except ImportError as error:
        raise MissingPackageError("PyAV, for MP4", "video") from error
    # The index comes first, so that a browser can show the film before it has all of it.
    index_first = {"movflags": "faststart"}
    with av.open(path, "w", format="mp4", options=index_first) as container:
        stream = None
        for picture in pictures:
            height, width = (size + size % 2 for size in picture.shape[:2])  # for yuv420p, even
            if stream is None:
                rate = Fraction(fps).limit_denominator(1000)
                stream = container.add_stream("libx264", rate, options=X264)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            even = np.zeros((height, width, 3), np.uint8)
            even[: picture.shape[0], : picture.shape[1]] = picture
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode())
