"""The window: pygame's events in, states drawn; everything else is elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pygame

from crafter_dataset.schemas.progress import ignore
from crafter_dataset.viewer.drawing.scene import Scene
from crafter_dataset.viewer.events import (
    Close,
    Drag,
    Event,
    Key,
    Press,
    Release,
    Resize,
    Tick,
    Wheel,
)
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.session import opened, take
from crafter_dataset.viewer.state import State

IDLE_SECONDS = 0.25
"""How long nothing may happen before the library is asked for news."""

REFRESH = 60
"""Pictures per second while playing, at most; keys are read as often."""

REPEAT_DELAY, REPEAT_PAUSE = 300, 33
"""Milliseconds until a held key repeats, and between repeats."""


class NoDisplayError(Exception):
    """There is no screen to open a window on."""


def run_window(
    surface: pygame.Surface,
    state: State,
    library: Library,
    save: Callable[[State, pygame.Surface], str],
    drawn: Callable[[State], object] = ignore,
) -> State:
    """Show states in a window until the user closes it.

    Parameters
    ----------
    surface : pygame.Surface
        The window, from `open_window`.
    state : State
        What to show first.
    library : Library
        Where the datasets are read.
    save : callable
        Takes a state and the window, writes a picture, and returns what to tell
        the user.
    drawn : callable
        Called with each state once it is on the screen.

    Returns
    -------
    State
        As the user left it.
    """
    state = replace(opened(state, library), size=surface.get_size())
    scene, held, ticked = Scene(), set[int](), time.perf_counter()
    shown: State | None = None
    pictures = state.pictures
    try:
        while not state.closing:
            idle = not state.playing and _visible(state) == shown
            for event in _events(IDLE_SECONDS if idle else 0.0, held):
                if event is None:
                    shown = None
                else:
                    state = take(state, event, library)
            for event in library.news(state):
                state = take(state, event, library)
            if _visible(state) != shown:
                surface = pygame.display.get_surface() or surface
                if surface.get_size() != state.size:
                    state = take(state, Resize(*surface.get_size()), library)
                scene.draw(surface, state, library.shot(state))
                pygame.display.flip()
                drawn(state)
                shown = _visible(state)
                if state.pictures != pictures:
                    pictures = state.pictures
                    state = replace(state, message=save(state, surface))
                library.read_ahead(state)
            if not state.playing:
                ticked = time.perf_counter()
                continue
            due = min((1 - state.elapsed) / state.fps, 1 / REFRESH)
            time.sleep(max(0.0, ticked + due - time.perf_counter()))
            now = time.perf_counter()
            state, ticked = take(state, Tick(now - ticked), library), now
    finally:
        pygame.display.quit()
    return state


def _visible(state: State) -> State:
    """Return the state without what cannot be seen of it."""
    return replace(state, elapsed=0.0, direction=1, seeking=False)


def open_window(size: tuple[int, int]) -> pygame.Surface:
    """Open a window, no larger than the screen, and return its surface.

    Parameters
    ----------
    size : tuple of int
        Width and height, in pixels.

    Raises
    ------
    NoDisplayError
        If there is no screen.
    """
    # Without a screen SDL may use one that nobody sees.
    unseen = sys.platform.startswith("linux") and not any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    )
    if unseen:
        raise NoDisplayError("expected DISPLAY or WAYLAND_DISPLAY to name one, found neither")
    try:
        pygame.display.init()
        desktop = pygame.display.get_desktop_sizes()[0]
        size = min(size[0], desktop[0]), min(size[1], desktop[1])
        surface = pygame.display.set_mode(size, pygame.RESIZABLE)
    except pygame.error as error:
        raise NoDisplayError(f"expected a screen, found none ({error})") from error
    pygame.display.set_caption("view-dataset")
    pygame.key.set_repeat(REPEAT_DELAY, REPEAT_PAUSE)
    return surface


def _events(wait: float, held: set[int]) -> Iterator[Event | None]:
    """Yield what happened, waiting a while for it; None if the window must be drawn again."""
    first = pygame.event.wait(round(wait * 1000)) if wait else pygame.event.poll()
    for event in (first, *pygame.event.get()):
        match event.type:
            case pygame.QUIT:
                yield Close()
            case pygame.KEYDOWN:
                repeated = event.key in held
                held.add(event.key)
                if not event.mod & (pygame.KMOD_CTRL | pygame.KMOD_ALT | pygame.KMOD_META):
                    yield Key(_key_name(event), repeated)
            case pygame.KEYUP:
                held.discard(event.key)
            case pygame.WINDOWFOCUSLOST:
                held.clear()
            case pygame.MOUSEBUTTONDOWN if event.button == 1:
                yield Press(*event.pos)
            case pygame.MOUSEBUTTONUP if event.button == 1:
                yield Release()
            case pygame.MOUSEMOTION if event.buttons[0]:
                yield Drag(*event.pos)
            case pygame.MOUSEWHEEL:
                yield Wheel(event.y)
            case pygame.VIDEORESIZE:
                yield Resize(event.w, event.h)
            case pygame.WINDOWEXPOSED:
                yield None


def _key_name(event: pygame.event.Event) -> str:
    """Name a key: a letter by its key and Shift, whatever Caps Lock and the alphabet are."""
    typed, name = event.unicode, str(pygame.key.name(event.key))
    place = event.scancode - pygame.KSCAN_A
    letter = name if len(name) == 1 and name.isascii() and name.isalpha() else ""
    if not letter and len(typed) == 1 and typed.isascii() and typed.isprintable() and typed != " ":
        return str(typed)
    if not letter and not (name and name.isascii()) and 0 <= place < 26:
        letter = chr(ord("a") + place)  # where Latin keyboards have it
    if letter:
        return letter.upper() if event.mod & pygame.KMOD_SHIFT else letter
    return name
