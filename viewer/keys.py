"""The keys: what each does, in one table from which help is printed as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from crafter_dataset.viewer import moves
from crafter_dataset.viewer.state import State


class Binding(NamedTuple):
    """Keys that do one thing.

    Parameters
    ----------
    keys : tuple of str
        Names, as in `viewer.events.Key`.
    act : callable
        Takes a state and returns the next.
    shown : str
        The keys, for people.
    about : str
        What they do.
    repeats : bool
        Whether it is done again while the key is held.
    """

    keys: tuple[str, ...]
    act: Callable[[State], State]
    shown: str
    about: str
    repeats: bool = False


def _steps(frames: int) -> Callable[[State], State]:
    return partial(moves.step, frames=frames)


BINDINGS: tuple[Binding, ...] = (
    Binding(("right",), _steps(1), "right", "next frame", True),
    Binding(("left",), _steps(-1), "left", "previous frame", True),
    Binding(("page up",), _steps(10), "page up", "10 frames on", True),
    Binding(("page down",), _steps(-10), "page down", "10 frames back", True),
    Binding(("home",), moves.first_frame, "Home", "first frame"),
    Binding(("end",), moves.last_frame, "End", "last frame"),
    Binding(("space",), moves.play, "space", "play or pause"),
    Binding(("+", "="), moves.faster, "+", "faster", True),
    Binding(("-",), moves.slower, "-", "slower", True),
    Binding(("r",), moves.next_reward, "r", "next reward", True),
    Binding(("R",), moves.previous_reward, "R", "previous reward", True),
    Binding(("u",), moves.next_unlock, "u", "next new achievement", True),
    Binding(("U",), moves.previous_unlock, "U", "previous new achievement", True),
    Binding(("up",), partial(moves.leaf, episodes=1), "up", "next episode", True),
    Binding(("down",), partial(moves.leaf, episodes=-1), "down", "previous episode", True),
    Binding(("return", "enter"), moves.enter, "Enter", "first frame, or the episode typed"),
    Binding(("backspace",), moves.erase, "0-9", "type an episode's number, then Enter", True),
    Binding(("m",), moves.next_dataset, "m", "next dataset"),
    Binding(("o",), moves.next_order, "o", "sort: number, longest, shortest, best, worst"),
    Binding(("e",), moves.next_reason, "e", "filter by end reason"),
    Binding(("a",), moves.next_achievement, "a", "filter by achievement", True),
    Binding(("A",), moves.previous_achievement, "A", "filter by achievement, backwards", True),
    Binding(("c",), moves.show_all, "c", "all episodes, by number"),
    Binding(("v",), moves.next_map, "v", "map: now, terrain at reset, off"),
    Binding(("t",), partial(moves.toggle, panel="trail"), "t", "trail on the map"),
    Binding(("f",), partial(moves.toggle, panel="view"), "f", "field of view on the map"),
    Binding(("s",), partial(moves.toggle, panel="heat"), "s", "heatmap of what was seen"),
    Binding(("x",), partial(moves.toggle, panel="header"), "x", "header"),
    Binding(("i",), partial(moves.toggle, panel="sidebar"), "i", "inventory and achievements"),
    Binding(("l",), partial(moves.toggle, panel="timeline"), "l", "timeline"),
    Binding(("p",), moves.take_picture, "p", "write a picture of the window"),
    Binding(("h", "?"), moves.toggle_help, "h, ?", "these keys"),
    Binding(("q",), moves.close, "q", "quit"),
    Binding(("escape",), moves.escape, "ESC", "leave help or typing; else quit"),
)

BY_KEY: dict[str, Binding] = {key: binding for binding in BINDINGS for key in binding.keys}

MOUSE: tuple[tuple[str, str], ...] = (
    ("timeline", "click or drag to go to a frame"),
    ("achievement", "click to go to where it was reached"),
    ("wheel", "next or previous frame"),
)
"""What the mouse does."""


def help_lines() -> list[tuple[str, str]]:
    """Return every key and mouse action, each with what it does."""
    return [(binding.shown, binding.about) for binding in BINDINGS] + list(MOUSE)
