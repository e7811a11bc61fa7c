"""`view`: what `view-dataset` does, for Python."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from crafter_dataset.loader.container import local_path
from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.export.pictures import FILMS, PICTURES
from crafter_dataset.schemas.errors import Advice, ArgumentError, CrafterDatasetError, DatasetError
from crafter_dataset.schemas.progress import ProgressOption, ignore, reporting
from crafter_dataset.schemas.wording import one_line
from crafter_dataset.viewer.arrangement import window_size
from crafter_dataset.viewer.contact_sheet import COLUMNS
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.session import opened
from crafter_dataset.viewer.state import Panels, State

ROOM = 1300, 800
"""Size of the window that is opened, at most, in pixels, unless a scale is asked for."""

MOST_PIXELS = 16_384
"""Width and height of a frame in a window, or of a picture of many, at most."""

MOST_SCALE = 64
SPEED = 0.1, 1000
"""Frames a second, at least and at most."""


class DisplayError(CrafterDatasetError):
    """A window cannot be opened, or a frame is too large to be shown."""


def view(
    paths: Dataset | str | Path | Sequence[Dataset | str | Path],
    *,
    episode: int | None = None,
    frame: int = 0,
    fps: float = 20,
    header: bool = True,
    scale: int | None = None,
    screenshot: str | Path | None = None,
    export: str | Path | None = None,
    progress: ProgressOption = None,
    on_file: Callable[[Path], object] | None = None,
    on_window: Callable[[], object] | None = None,
) -> tuple[str, ...]:
    """Show the episodes of datasets in a window, or write pictures and films of it.

    Writing files needs no screen. In the window, `h` shows all keys.

    Parameters
    ----------
    paths : Dataset, str, Path or sequence of these
        A dataset or where it is, or several to switch between; of a part, the
        whole is shown.
    episode : int, optional
        Id of the episode to show first.
    frame : int
        Frame to show first, from 0.
    fps : float
        Frames per second when playing, and of a film, 0.1 to 1,000.
    header : bool
        False shows the frame alone: no header, map or timeline.
    scale : int, optional
        Pixels for one of a frame, 1 to 64; by default as many as fit, and 2 in
        the picture of 16 frames.
    screenshot : str or Path, optional
        Write the window to this file (.png, .jpg), and open none.
    export : str or Path, optional
        Write the episode, from `frame` on, to this file, and open no window: a
        film of it (.gif, .mp4), or 16 frames in one picture (.png).
    progress : bool or callable, optional
        As for `build`.
    on_file : callable, optional
        Called with the Path of each file once it is written.
    on_window : callable, optional
        Called without arguments once the window is open.

    Returns
    -------
    tuple of str
        What could not be read for the files and is shown as damaged, a line each;
        empty after a window.

    Raises
    ------
    ArgumentError
        If an argument is not as above, or there is no such episode or frame; the
        error is a ValueError.
    DisplayError
        If there is no screen to open a window on, or frames are too large.
    MissingPackageError
        If PyAV is needed, for MP4, and not installed.
    DatasetError
        If there is no dataset, or no episode to draw.

    Examples
    --------
    >>> import crafter_dataset
    >>> crafter_dataset.view("data.zarr", episode=2, screenshot="viewer.png")
    ()
    """
    shown_ones = [paths] if isinstance(paths, Dataset | str | Path) else list(paths)
    where = [each.path if isinstance(each, Dataset) else each for each in shown_ones]
    if not where:
        raise ArgumentError("paths", "expected a dataset, found none")
    if not (math.isfinite(fps) and SPEED[0] <= fps <= SPEED[1]):
        raise ArgumentError("fps", f"expected {SPEED[0]} to {SPEED[1]}, found {fps}")
    if scale is not None and not 1 <= scale <= MOST_SCALE:
        raise ArgumentError("scale", f"expected 1 to {MOST_SCALE}, found {scale}")
    shown = _file("screenshot", screenshot, PICTURES)
    written = _file("export", export, (*FILMS, *PICTURES))
    told = on_file or ignore
    library = Library(where)
    try:
        shelves = library.shelves()
        panels = Panels() if header else Panels.bare()
        frame_size = shelves[0].metadata.env.size
        _check_scale(scale, frame_size, written)
        state = State(shelves, _window_size(frame_size, panels, scale), panels=panels, fps=fps)
        state = opened(_at(state, where[0], episode, frame), library)
        with _naming_what_pygame_raises():
            if shown is None and written is None:
                _show(state, library, on_window or ignore)
                return ()
            from crafter_dataset.viewer.drawing import export as drawing

            if state.row is None:
                raise DatasetError(f"{where[0]}: expected an episode to draw, found none")
            problems: list[str] = []
            if shown is not None:
                problems += drawing.screenshot(shown, state, library)
                told(shown)
            if written is not None:
                with reporting(progress) as report:
                    problems += drawing.export(written, state, library, scale or 2, report)
                told(written)
            return tuple(problems)
    finally:
        library.close()


@contextlib.contextmanager
def _naming_what_pygame_raises() -> Iterator[None]:
    import pygame

    try:
        yield
    except pygame.error as error:
        raise DisplayError(f"pygame: expected to draw, found: {one_line(error)}") from error


def _window_size(size: tuple[int, int], panels: Panels, scale: int | None) -> tuple[int, int]:
    scales = [scale] if scale else range(MOST_SCALE, 0, -1)
    sizes = [window_size(size, panels, each) for each in scales]
    fitting = [each for each in sizes if each[0] <= ROOM[0] and each[1] <= ROOM[1]]
    return (fitting or sizes[-1:])[0]


def _check_scale(scale: int | None, size: tuple[int, int], exported: Path | None) -> None:
    """Refuse pictures that are too large to be made."""
    if max(size) > MOST_PIXELS:
        raise DisplayError(
            f"frames: expected at most {MOST_PIXELS}x{MOST_PIXELS} pixels to show, found "
            f"{size[0]}x{size[1]}"
        )
    sheet = exported is not None and exported.suffix.lower() not in FILMS
    most = max(1, MOST_PIXELS // (max(size) * (COLUMNS if sheet else 1)))
    if scale is not None and scale > most:
        raise ArgumentError(
            "scale", f"expected at most {most} for frames of {size[0]}x{size[1]}, found {scale}"
        )


def _file(argument: str, path: str | Path | None, endings: tuple[str, ...]) -> Path | None:
    if path is None:
        return None
    path = local_path(argument, path)
    if path.suffix.lower() not in endings:
        raise ArgumentError(
            argument, f"expected a name that ends in one of {', '.join(endings)}, found {path}"
        )
    if not path.absolute().parent.is_dir():
        raise ArgumentError(argument, f"expected a file in a folder that exists, found {path}")
    return path


def _at(state: State, path: str | Path, episode: int | None, frame: int) -> State:
    """Begin at the episode and frame that were asked for."""
    if episode is not None:
        try:
            state = state.at_place(state.shelf.place_of_episode(episode) or 0)
        except KeyError as error:
            raise ArgumentError("episode", f"{error.args[0]} in {path}, found {episode}") from error
    if frame < 0 or (frame and frame >= state.length):
        raise ArgumentError(
            "frame",
            f"expected 0 to {max(state.length - 1, 0)} in episode {episode or 0} of {path}, "
            f"found {frame}",
        )
    return replace(state, frame=frame)


def _show(state: State, library: Library, on_window: Callable[[], object]) -> None:
    from crafter_dataset.viewer.drawing.export import save_window
    from crafter_dataset.viewer.drawing.window import NoDisplayError, open_window, run_window

    try:
        surface = open_window(state.size)
    except NoDisplayError as error:
        raise DisplayError(
            f"no screen to open a window on: {error}; connect with ssh -X",
            advice=[
                Advice("write a picture with", "screenshot", "FILE"),
                Advice("a film with", "export", "FILE"),
            ],
        ) from error
    on_window()
    run_window(surface, state, library, save_window)
