"""Pictures and films as files, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import GifImagePlugin, Image

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp")
"""Formats of single pictures, by the file's ending."""

X264 = {"crf": "16", "preset": "veryfast"}
"""Settings of the encoder: hardly a difference to be seen."""

LARGE_PIXELS = 2**18
"""Pixels from which on the colours of a GIF are chosen quickly."""

FILMS = (".gif", ".mp4")
"""Formats of films, by the file's ending."""


class MissingPackageError(Exception):
    """A package that is optional is needed for this; the text says how to install it."""


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes `path` at the end; on an error nothing is left."""
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield part
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_picture(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write an RGB picture, shape (height, width, 3), in the format of the file's ending."""
    with whole_file(path) as part:
        Image.fromarray(picture).save(part)


def write_film(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float) -> None:
    """Write RGB pictures of one size as a GIF or MP4, one after the other.

    Parameters
    ----------
    path : Path
        The file; its ending is one of `FILMS`.
    pictures : iterable of ndarray, shape (height, width, 3), uint8
        Not kept: a film of any length takes the memory of a few pictures.
    fps : float
        Pictures a second. A GIF counts in hundredths of a second, and viewers
        slow down what is faster than 50.

    Raises
    ------
    MissingPackageError
        If PyAV is needed, for MP4, and not installed.
    """
    with whole_file(path) as part:
        (_write_mp4 if path.suffix.lower() == ".mp4" else _write_gif)(part, pictures, fps)


def _write_gif(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float) -> None:
    # Pillow's own way of saving many pictures holds all of them in memory.
    shown_ms = 10 * max(2, round(100 / fps))
    with open(path, "wb") as stream:
        for number, picture in enumerate(pictures):
            image = Image.fromarray(picture)
            method = Image.Quantize.MEDIANCUT  # good
            if image.width * image.height > LARGE_PIXELS:
                method = Image.Quantize.FASTOCTREE  # five times as fast
            image = image.quantize(256, method, dither=Image.Dither.NONE)
            if not number:
                header, _ = GifImagePlugin.getheader(image, info={"loop": 0})
                stream.writelines(header)
            stream.writelines(
                GifImagePlugin.getdata(image, duration=shown_ms, include_color_table=True)
            )
        stream.write(b";")


def _write_mp4(path: Path, pictures: Iterable[NDArray[np.uint8]], fps: float) -> None:
    try:
        import av
    except ImportError as error:
        raise MissingPackageError(
            "MP4 needs PyAV: pip install 'crafter-dataset[video]', or export a .gif"
        ) from error
    with av.open(path, "w", format="mp4") as container:
        stream = None
        for picture in pictures:
            height, width = (size + size % 2 for size in picture.shape[:2])  # yuv420p is even
            if stream is None:
                rate = Fraction(fps).limit_denominator(1000)
                stream = container.add_stream("libx264", rate, options=X264)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            even = np.zeros((height, width, 3), np.uint8)
            even[: picture.shape[0], : picture.shape[1]] = picture
            container.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
        if stream is not None:
            container.mux(stream.encode())
