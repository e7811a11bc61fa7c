"""A state together with its datasets: reads what a state needs."""

from __future__ import annotations

from dataclasses import replace

from crafter_dataset.viewer.events import Event, Opened
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.state import State
from crafter_dataset.viewer.update import update


def take(state: State, event: Event, library: Library) -> State:
    """Return the state after an event, with the fields of its episode.

    Parameters
    ----------
    state : State
        The state before.
    event : Event
        What happened.
    library : Library
        Where the datasets are read.
    """
    return opened(update(state, event), library)


def opened(state: State, library: Library) -> State:
    """Return the state with the small fields of the episode shown, read unless it has them.

    Parameters
    ----------
    state : State
        The state before.
    library : Library
        Where the datasets are read.
    """
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
