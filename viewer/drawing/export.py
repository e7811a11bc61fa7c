"""Pictures and films of the window, drawn without a screen."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
import pygame
from numpy.typing import NDArray

from viewer.contact_sheet import contact_sheet
from viewer.drawing.scene import Scene
from viewer.files import FILMS, write_film, write_picture
from viewer.source import Library
from viewer.state import State


def pixels(surface: pygame.Surface) -> NDArray[np.uint8]:
    """Give a surface as an RGB array, shape (height, width, 3), uint8."""
    width, height = surface.get_size()
    rows = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return rows.reshape(height, width, 3)


def draw(state: State, library: Library, scene: Scene | None = None) -> NDArray[np.uint8]:
    """Draw the window of a state, shape (height, width, 3), uint8."""
    surface = pygame.Surface(state.size)
    (scene or Scene()).draw(surface, state, library.shot(state))
    return pixels(surface)


def screenshot(path: Path, state: State, library: Library) -> None:
    """Write the window of a state to a file."""
    write_picture(path, draw(state, library))


def export(path: Path, state: State, library: Library, scale: int = 2) -> None:
    """Write an episode, from the frame of a state on, to a file.

    Parameters
    ----------
    path : Path
        A film of the window, if its ending is `.gif` or `.mp4`; else one
        picture of 16 frames.
    state : State
        Where to begin, what to show and how fast.
    library : Library
        Where the dataset is read.
    scale : int
        Pixels of the one picture for one of a frame.
    """
    if path.suffix.lower() in FILMS:
        write_film(path, _pictures(state, library), state.fps)
    elif state.row is not None:
        episode = library.sources[state.dataset].dataset[state.row]
        write_picture(path, contact_sheet(episode, state.frame, scale=scale))


def _pictures(state: State, library: Library) -> Iterator[NDArray[np.uint8]]:
    scene, frames = Scene(), range(state.frame, state.length)
    with click.progressbar(frames, label="frames", show_pos=True, file=sys.stderr) as shown:
        for frame in shown:
            yield draw(replace(state, frame=frame), library, scene)


def picture_name(state: State) -> str:
    """Name the file of a picture of the window."""
    number = state.track.id if state.track is not None else 0
    return f"{Path(state.shelf.name).stem}-episode{number}-frame{state.frame}.png"


def save_window(state: State, surface: pygame.Surface) -> str:
    """Write a picture of the window into the current folder, and say so."""
    name = picture_name(state)
    try:
        write_picture(Path(name), pixels(surface))
    except OSError as error:
        return f"{name}: {error.strerror or error}"
    return f"wrote {name}"
