"""Pictures and films of the window, drawn without a screen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pygame
from numpy.typing import NDArray

from crafter_dataset.loader.export.pictures import FILMS, write_film, write_picture
from crafter_dataset.schemas.progress import Progress, Report, ignore
from crafter_dataset.viewer.contact_sheet import contact_sheet
from crafter_dataset.viewer.drawing.scene import Scene
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.state import State


def pixels(surface: pygame.Surface) -> NDArray[np.uint8]:
    """Return a surface as an array.

    Parameters
    ----------
    surface : pygame.Surface
        The surface.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
        RGB, indexed [y, x].
    """
    width, height = surface.get_size()
    rows = np.frombuffer(pygame.image.tobytes(surface, "RGB"), np.uint8)
    return rows.reshape(height, width, 3)


def draw(
    state: State,
    library: Library,
    scene: Scene | None = None,
    problems: dict[str, None] | None = None,
) -> NDArray[np.uint8]:
    """Draw the window of a state.

    Parameters
    ----------
    state : State
        What to show.
    library : Library
        Where the dataset is read.
    scene : Scene, optional
        What draws it; by default a new one.
    problems : dict of str to None, optional
        Takes what could not be read and is shown as damaged, as keys.

    Returns
    -------
    ndarray, shape (height, width, 3), uint8
        RGB, indexed [y, x].
    """
    surface, shot = pygame.Surface(state.size), library.shot(state)
    (scene or Scene()).draw(surface, state, shot)
    if problems is not None and shot is not None:
        problems.update(dict.fromkeys(shot.problems))
    return pixels(surface)


def screenshot(path: Path, state: State, library: Library) -> list[str]:
    """Write the window of a state to a file.

    Parameters
    ----------
    path : Path
        The file; its ending names the format.
    state : State
        What to show.
    library : Library
        Where the dataset is read.

    Returns
    -------
    list of str
        What could not be read, and is shown as damaged.
    """
    problems: dict[str, None] = dict.fromkeys(state.track.problems if state.track else ())
    write_picture(path, draw(state, library, problems=problems))
    return list(problems)


def export(
    path: Path,
    state: State,
    library: Library,
    scale: int = 2,
    on_progress: Report = ignore,
) -> list[str]:
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
        Pixels of the picture of 16 frames for one of a frame.
    on_progress : callable
        Called with a `Progress` after each frame of a film.

    Returns
    -------
    list of str
        What could not be read, and is shown as damaged.
    """
    problems: dict[str, None] = {}
    if path.suffix.lower() in FILMS:
        problems.update(dict.fromkeys(state.track.problems if state.track else ()))
        write_film(path, _pictures(state, library, problems, on_progress), state.fps)
    elif state.row is not None:
        episode = library.readers[state.dataset].dataset[state.row]
        sheet = contact_sheet(episode, state.frame, scale=scale, problems=problems)
        write_picture(path, sheet)
    return list(problems)


def _pictures(
    state: State, library: Library, problems: dict[str, None], on_progress: Report
) -> Iterator[NDArray[np.uint8]]:
    scene, begun, total = Scene(hint=False), time.monotonic(), state.length - state.frame
    for done, frame in enumerate(range(state.frame, state.length), 1):
        yield draw(replace(state, frame=frame), library, scene, problems)
        seconds = time.monotonic() - begun
        on_progress(Progress("frames", total, None, done, 0, done, seconds))


def picture_name(state: State) -> str:
    """Return the name of the file for a picture of the window.

    Parameters
    ----------
    state : State
        What it shows.
    """
    number = state.track.id if state.track is not None else 0
    return f"{Path(state.shelf.name).stem}-episode{number}-frame{state.frame}.png"


def save_window(state: State, surface: pygame.Surface) -> str:
    """Write a picture of the window into the current folder.

    Parameters
    ----------
    state : State
        What it shows.
    surface : pygame.Surface
        The window.

    Returns
    -------
    str
        What to tell the user: the name, or why it was not written.
    """
    name = picture_name(state)
    number = 1
    while Path(name).exists():
        number += 1
        name = picture_name(state).removesuffix(".png") + f"-{number}.png"
    try:
        write_picture(Path(name), pixels(surface))
    except OSError as error:
        return f"{name}: {error.strerror or error}"
    return f"wrote {name}"
