"""The command `view-dataset`."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from crafter_dataset.commands.ending import run

if TYPE_CHECKING:
    from crafter_dataset.viewer.library import Library
    from crafter_dataset.viewer.state import Panels, State

ROOM = 1300, 800
"""Size of the window that is opened, at most, unless a scale is asked for."""

MOST_PIXELS = 16_384
"""Width and height of a frame in a window, or of a picture of many, at most."""

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("view-dataset", context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--episode", type=click.IntRange(0), help="Number of the episode to show first.")
@click.option("--frame", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--fps",
    type=click.FloatRange(0.1, 1000),
    default=20,
    show_default=True,
    help="Frames a second when playing, and of a film.",
)
@click.option("--no-header", is_flag=True, help="The frame alone: no header, map or timeline.")
@click.option(
    "--scale",
    type=click.IntRange(1, 64),
    help="Pixels for one of a frame; by default as many as fit.",
)
@click.option(
    "--screenshot",
    type=_FILE,
    metavar="FILE",
    help="Write the window to FILE (.png, .jpg) and end.",
)
@click.option(
    "--export",
    "exported",
    type=_FILE,
    metavar="FILE",
    help="Write the episode, from --frame on, to FILE and end: a film of the window (.gif, .mp4), "
    "or 16 of its frames in one picture (.png).",
)
def command(
    paths: tuple[str, ...],
    episode: int | None,
    frame: int,
    fps: float,
    no_header: bool,
    scale: int | None,
    screenshot: Path | None,
    exported: Path | None,
) -> int:
    """Look at the episodes of the datasets at PATH...

    --screenshot and --export need no screen. The keys are printed at the
    start, and shown by h or ?.
    """
    from crafter_dataset.viewer.files import FILMS, PICTURES
    from crafter_dataset.viewer.library import Library
    from crafter_dataset.viewer.session import opened
    from crafter_dataset.viewer.state import Panels, State

    if not math.isfinite(fps):
        raise click.UsageError(f"--fps: expected a number, found {fps}")
    _check_file("--screenshot", screenshot, PICTURES)
    _check_file("--export", exported, (*FILMS, *PICTURES))
    library = Library(paths)
    try:
        shelves = library.shelves()
        panels = Panels.bare() if no_header else Panels()
        _check_scale(scale, shelves[0].metadata.env.size, exported)
        size = _window_size(shelves[0].metadata.env.size, panels, scale)
        state = State(shelves, size=size, panels=panels, fps=fps)
        state = opened(_at(state, paths[0], episode, frame), library)
        if screenshot is None and exported is None:
            _show(state, library)
            return 0
        from crafter_dataset.viewer.drawing import export

        if state.row is None:
            raise click.UsageError(f"{paths[0]}: expected an episode to draw, found none")
        problems = []
        if screenshot is not None:
            problems += export.screenshot(screenshot, state, library)
            click.echo(f"wrote {screenshot}")
        if exported is not None:
            problems += export.export(exported, state, library, scale or 2)
            click.echo(f"wrote {exported}")
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            click.echo(f"view-dataset: damaged: {problems[0]}{more}", err=True)
        return 1 if problems else 0
    finally:
        library.close()


def _window_size(size: tuple[int, int], panels: Panels, scale: int | None) -> tuple[int, int]:
    from crafter_dataset.viewer.arrangement import window_size

    scales = [scale] if scale else range(64, 0, -1)
    sizes = [window_size(size, panels, s) for s in scales]
    fitting = [s for s in sizes if s[0] <= ROOM[0] and s[1] <= ROOM[1]]
    return (fitting or sizes[-1:])[0]


def _check_scale(scale: int | None, size: tuple[int, int], exported: Path | None) -> None:
    """Refuse pictures that are too large to be made."""
    from crafter_dataset.viewer.contact_sheet import COLUMNS
    from crafter_dataset.viewer.files import FILMS

    if max(size) > MOST_PIXELS:
        raise click.ClickException(
            f"frames: expected at most {MOST_PIXELS}x{MOST_PIXELS} pixels to show, found "
            f"{size[0]}x{size[1]}"
        )
    sheet = exported is not None and exported.suffix.lower() not in FILMS
    most = max(1, MOST_PIXELS // (max(size) * (COLUMNS if sheet else 1)))
    if scale is not None and scale > most:
        raise click.UsageError(
            f"--scale: expected at most {most} for frames of {size[0]}x{size[1]}, found {scale}"
        )


def _check_file(option: str, path: Path | None, endings: tuple[str, ...]) -> None:
    if path is None:
        return
    if path.suffix.lower() not in endings:
        raise click.UsageError(
            f"{option}: expected a name that ends in one of {', '.join(endings)}, found {path}"
        )
    if not path.absolute().parent.is_dir():
        raise click.UsageError(f"{option}: expected a file in a folder that exists, found {path}")


def _at(state: State, path: str, episode: int | None, frame: int) -> State:
    """Begin at the episode and frame that were asked for."""
    if episode is not None:
        try:
            state = state.at_place(state.shelf.place_of_episode(episode) or 0)
        except KeyError as error:
            raise click.UsageError(
                f"--episode: {error.args[0]} in {path}, found {episode}"
            ) from error
    if frame and frame >= state.length:
        raise click.UsageError(
            f"--frame: expected 0 to {max(state.length - 1, 0)} in episode {episode or 0} of "
            f"{path}, found {frame}"
        )
    return replace(state, frame=frame)


def _show(state: State, library: Library) -> None:
    from crafter_dataset.viewer.drawing.export import save_window
    from crafter_dataset.viewer.drawing.window import NoDisplayError, open_window, run_window
    from crafter_dataset.viewer.keys import help_lines

    try:
        surface = open_window(state.size)
    except NoDisplayError as error:
        raise click.ClickException(
            f"no screen to open a window on: {error}; use --screenshot FILE or --export FILE, "
            "which need none, or connect with ssh -X"
        ) from error
    for key, about in help_lines():
        click.echo(f"  {key:<12} {about}")
    run_window(surface, state, library, save_window)


def _failures() -> tuple[type[Exception], ...]:
    import pygame

    from crafter_dataset.viewer.files import MissingPackageError

    return MissingPackageError, pygame.error


def main() -> NoReturn:
    """Run `view-dataset`."""
    run(command, _failures)
