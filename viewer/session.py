"""A state together with the datasets it looks at: what a state needs read is read."""

from __future__ import annotations

from dataclasses import replace

from crafter_dataset.viewer.events import Event, Opened
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.state import State
from crafter_dataset.viewer.update import update


def take(state: State, event: Event, library: Library) -> State:
    """Give the state after an event, with the fields of its episode."""
    return opened(update(state, event), library)


def opened(state: State, library: Library) -> State:
    """Read the small fields of the episode shown, unless the state has them."""
    if state.row is None:
        return state if state.track is None else replace(state, track=None)
    track, shelf = state.track, state.shelf
    if (
        track is None
        or track.id != shelf.table["episode_ids"][state.row]
        or track.names is not shelf.metadata
    ):
        track = library.track(state)
    return state if track is state.track or track is None else update(state, Opened(track))
