"""From one state and an event to the next state. pygame is not needed."""

from __future__ import annotations

from dataclasses import replace

from crafter_dataset.schemas.wording import counted
from crafter_dataset.viewer import moves
from crafter_dataset.viewer.arrangement import achievement_at, arrange, timeline_frame
from crafter_dataset.viewer.events import (
    Close,
    Counted,
    Drag,
    Event,
    Grown,
    Key,
    Opened,
    Press,
    Release,
    Resize,
    Tick,
    Told,
    Wheel,
)
from crafter_dataset.viewer.keys import BY_KEY
from crafter_dataset.viewer.state import State


def update(state: State, event: Event) -> State:
    """Return the state after an event; the state itself is not changed.

    Parameters
    ----------
    state : State
        The state before.
    event : Event
        What happened.
    """
    match event:
        case Key():
            return _key(state, event)
        case Press(x, y):
            return state if state.help else _press(state, x, y)
        case Drag(x, _):
            return _seek_to(state, x) if state.seeking else state
        case Release():
            return replace(state, seeking=False)
        case Wheel(steps):
            return moves.scroll(state, -steps) if steps else state
        case Resize(width, height):
            return replace(state, size=(width, height))
        case Tick(seconds):
            return state if state.seeking else moves.pass_time(state, seconds)
        case Opened(track):
            frame = min(state.frame, max(track.length - 1, 0))
            return replace(state, track=track, frame=frame)
        case Grown(dataset, shelf):
            state = state.with_shelf(shelf, dataset)
            return moves.tell(state, f"{shelf.name}: {counted(len(shelf.table), 'episode')} now")
        case Counted(dataset, reached):
            shelf = state.shelves[dataset]
            reached = reached[: len(shelf.table)]
            shelf = replace(shelf, reached=reached)
            if shelf.achievement is None:  # the user has changed their mind
                return state.with_shelf(shelf, dataset)
            if shelf.achievement not in shelf.achievements:  # chosen before it was known
                shelf = replace(shelf, achievement=next(iter(shelf.achievements), None))
            state = state.with_shelf(shelf, dataset)
            return moves.tell(state, moves.filed(state)) if dataset == state.dataset else state
        case Told(text):
            return moves.tell(state, text)
        case Close():
            return moves.close(state)


def _key(state: State, key: Key) -> State:
    if len(key.name) == 1 and key.name in "0123456789":
        return moves.digit(replace(state, message="", help=False), key.name)
    binding = BY_KEY.get(key.name)
    if binding is None or (key.held and not binding.repeats):
        return state
    state = replace(state, message="")
    if binding.act not in (moves.toggle_help, moves.escape):
        state = replace(state, help=False)
    if key.name not in ("return", "enter", "backspace", "escape"):
        state = replace(state, typed="")
    return binding.act(state)


def _press(state: State, x: int, y: int) -> State:
    layout, meta = arrange(state), state.shelf.metadata
    if layout.timeline is not None and layout.timeline.holds(x, y):
        return _seek_to(replace(state, seeking=True), x)
    if layout.sidebar is not None and state.track is not None:
        number = achievement_at(layout.sidebar, x, y, len(meta.items), len(meta.achievements))
        for frame, reached in state.track.unlocks:
            if reached == number:
                return replace(moves.seek(state, frame), playing=False)
    return state


def _seek_to(state: State, x: int) -> State:
    timeline = arrange(state).timeline
    if timeline is None:
        return replace(state, seeking=False)
    return moves.seek(state, timeline_frame(timeline, x, state.length))
