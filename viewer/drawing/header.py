"""The header: which episode, and what happened at the frame shown."""

from __future__ import annotations

import pygame

from crafter_dataset.schemas.wording import counted
from crafter_dataset.viewer.arrangement import Rect
from crafter_dataset.viewer.drawing.style import DIM, write
from crafter_dataset.viewer.state import State
from crafter_dataset.viewer.track import Track

COLUMNS = (0, 220, 360, 490, 640, 790)
"""Where the pairs of a line begin, in pixels, unless the ones before are longer or there is less
room than `ROOM`."""

ROOM = 900
"""Width for which `COLUMNS` are, in pixels."""

NAME = 32
"""Letters of a dataset's name that are shown, at most; the last ones."""

LINE = 22
"""Height of a line, in pixels."""


def draw_header(surface: pygame.Surface, rect: Rect, state: State) -> None:
    """Draw the three lines of the header.

    Parameters
    ----------
    surface : pygame.Surface
        Where to.
    rect : Rect
        Where on it.
    state : State
        What is shown.
    """
    clip = surface.get_clip()
    surface.set_clip(rect)
    narrow = min(1.0, rect.width / ROOM)
    for number, cells in enumerate(header_lines(state)):
        end, y = rect.x, rect.y + number * LINE
        for column, (label, value) in zip(COLUMNS, cells, strict=False):
            x = max(rect.x + round(column * narrow), end + 12 if column else end)
            if x >= rect.x + rect.width:
                break
            end = write(surface, f"{label} ", x, y, DIM)
            end = write(surface, value, end, y, width=max(rect.x + rect.width - end, 1))
    surface.set_clip(clip)


def header_lines(state: State) -> list[list[tuple[str, str]]]:
    """Return the header as pairs of label and value, line by line.

    The reward and the flags are those of the action at this frame, as stored in
    its row.

    Parameters
    ----------
    state : State
        What is shown.

    Returns
    -------
    list of list of tuple of str
        Three lines, each a list of pairs.
    """
    shelf, track = state.shelf, state.track
    name = shelf.name if len(shelf.name) <= NAME else "..." + shelf.name[3 - NAME :]
    if len(state.shelves) > 1:
        name += f" ({state.dataset + 1} of {len(state.shelves)})"
    if shelf.metadata.status == "building":
        name += ", being built"
    first = [("dataset", name)]
    if track is None:
        return [first, [("episodes", f"none shown ({len(shelf.table):,} in all)")], []]
    of = f"{track.id}  ({state.place + 1:,} of {len(shelf.shown):,}"
    filed = shelf.describe()
    first += [("episode", of + (f": {filed})" if filed else ")")), ("end", track.end_reason)]
    first += [("policy", track.policy)] if track.policy is not None else []
    return [first, _action(track, state.frame), _returns(track, state.frame)]


def _action(track: Track, frame: int) -> list[tuple[str, str]]:
    last = frame == track.length - 1
    number = track.at("actions", frame)
    names = track.names.actions
    action = "none, the final frame" if last else _name(names, number)
    truncated, ended = track.at("truncations", frame), track.at("terminations", frame)
    reward = track.at("rewards", frame)
    return [
        ("action", action),
        ("timestep", f"{frame:,}"),
        ("length", counted(track.length, "frame")),
        ("reward", "-" if last else "?" if reward is None else f"{reward:+.1f}"),
        ("done", "-" if last else _flag(truncated or ended)),
        ("trunc", "-" if last else _flag(truncated)),
    ]


def _returns(track: Track, frame: int) -> list[tuple[str, str]]:
    if "rewards" not in track.fields:
        return [("return", "?")]
    gains = track.gains
    before = float(track.returns_before[frame])
    return [
        ("return (+)", f"{gains[gains > 0].sum():.1f}"),
        ("return (-)", f"{gains[gains < 0].sum():.1f}"),
        ("total", f"{gains.sum():.1f}"),
        ("return to here", f"{before:.1f}"),
        ("to go", f"{gains.sum() - before:.1f}"),
    ]


def _name(names: tuple[str, ...], number: int | None) -> str:
    if number is None:
        return "?"
    return names[number] if number < len(names) else f"unknown ({number})"


def _flag(value: bool | None) -> str:
    return "?" if value is None else str(bool(value))
