"""What keys do: functions from a state to the next, with no effect on the state before."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from crafter_dataset.viewer.shelf import ORDERS, Shelf
from crafter_dataset.viewer.state import MAPS, SPEEDS, State

PANELS = {
    "trail": "trail",
    "view": "field of view",
    "heat": "what was seen",
    "header": "header",
    "sidebar": "inventory and achievements",
    "timeline": "timeline",
}
"""Names shown to the user of what can be shown or hidden."""

Choice = TypeVar("Choice", str, str | None)


def close(state: State) -> State:
    """Return the state that quits.

    Parameters
    ----------
    state : State
        The state before.
    """
    return replace(state, closing=True)


def escape(state: State) -> State:
    """Return the state without the help or the number being typed; else the one that quits.

    Parameters
    ----------
    state : State
        The state before.
    """
    if state.help:
        return replace(state, help=False)
    return replace(state, typed="") if state.typed else close(state)


def enter(state: State) -> State:
    """Return the state at the episode whose number was typed; else at the first frame.

    Parameters
    ----------
    state : State
        The state before.
    """
    if not state.typed:
        return seek(state, 0)
    number, state = int(state.typed), replace(state, typed="")
    try:
        place = state.shelf.place_of_episode(number)
    except KeyError as error:
        return tell(state, f"episode {number}: {error.args[0]}")
    if place is None:
        state = state.with_shelf(state.shelf.everything())
        state = tell(state, f"episode {number} was filtered out; showing all")
        place = state.shelf.place_of_episode(number)
    return state.at_place(place or 0)


def erase(state: State) -> State:
    """Return the state without the last digit that was typed.

    Parameters
    ----------
    state : State
        The state before.
    """
    return replace(state, typed=state.typed[:-1])


def digit(state: State, typed: str) -> State:
    """Return the state with a digit added to the number being typed.

    Parameters
    ----------
    state : State
        The state before.
    typed : str
        The digit.
    """
    return replace(state, typed=(state.typed + typed)[:10])


def tell(state: State, message: str) -> State:
    """Return the state with a line for the user.

    Parameters
    ----------
    state : State
        The state before.
    message : str
        The line.
    """
    return replace(state, message=message)


def seek(state: State, frame: int) -> State:
    """Return the state at a frame of the episode.

    Parameters
    ----------
    state : State
        The state before.
    frame : int
        The frame; the nearest one there is, if there is no such frame.
    """
    frame = min(max(frame, 0), max(state.length - 1, 0))
    return replace(state, frame=frame, elapsed=0.0, direction=1 if frame >= state.frame else -1)


def step(state: State, frames: int) -> State:
    """Return the state some frames on or back, around the ends of the episode, and paused.

    Parameters
    ----------
    state : State
        The state before.
    frames : int
        How many frames on; negative for back.
    """
    frame = (state.frame + frames) % max(state.length, 1)
    direction = 1 if frames > 0 else -1
    return replace(state, frame=frame, elapsed=0.0, playing=False, direction=direction)


def scroll(state: State, frames: int) -> State:
    """Return the state some frames on or back, as far as the episode goes, and paused.

    Parameters
    ----------
    state : State
        The state before.
    frames : int
        How many frames on; negative for back.
    """
    return replace(seek(state, state.frame + frames), playing=False)


def first_frame(state: State) -> State:
    """Return the state at the first frame.

    Parameters
    ----------
    state : State
        The state before.
    """
    return replace(seek(state, 0), direction=1)


def last_frame(state: State) -> State:
    """Return the state at the last frame, and paused.

    Parameters
    ----------
    state : State
        The state before.
    """
    return replace(seek(state, state.length - 1), playing=False, direction=-1)


def leaf(state: State, episodes: int) -> State:
    """Return the state some episodes on or back, around the ends of the dataset.

    Parameters
    ----------
    state : State
        The state before.
    episodes : int
        How many episodes on; negative for back.
    """
    count = len(state.shelf.shown)
    return state.at_place((state.place + episodes) % count) if count else state


def next_dataset(state: State) -> State:
    """Return the state at the next dataset, where it was left.

    Parameters
    ----------
    state : State
        The state before.
    """
    if len(state.shelves) == 1:
        return tell(state, "there is one dataset; give more paths to switch between them")
    frames = (*state.frames[: state.dataset], state.frame, *state.frames[state.dataset + 1 :])
    chosen = (state.dataset + 1) % len(state.shelves)
    return replace(
        state, dataset=chosen, frames=frames, frame=frames[chosen], elapsed=0.0, track=None
    )


def play(state: State) -> State:
    """Return the state playing, from the start if at the end; or paused, if it was playing.

    Parameters
    ----------
    state : State
        The state before.
    """
    if not state.playing and state.frame >= state.length - 1:
        state = seek(state, 0)
    return replace(state, playing=not state.playing, elapsed=0.0, direction=1)


def faster(state: State) -> State:
    """Return the state at the next higher speed.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _at_speed(state, [s for s in SPEEDS if s > state.fps][:1])


def slower(state: State) -> State:
    """Return the state at the next lower speed.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _at_speed(state, [s for s in SPEEDS if s < state.fps][-1:])


def _at_speed(state: State, speeds: list[int]) -> State:
    fps = float(speeds[0]) if speeds else state.fps
    return tell(replace(state, fps=fps), f"{fps:g} frames a second")


def pass_time(state: State, seconds: float) -> State:
    """Return the state after some time: if it is playing, frames on, up to the last.

    Parameters
    ----------
    state : State
        The state before.
    seconds : float
        Time that has passed.
    """
    if not state.playing:
        return state
    elapsed = state.elapsed + seconds * state.fps
    frame = state.frame + int(elapsed)
    last = state.length - 1
    if frame >= last:
        return replace(state, frame=max(last, 0), elapsed=0.0, playing=False)
    return replace(state, frame=frame, elapsed=elapsed % 1.0, direction=1)


def next_reward(state: State) -> State:
    """Return the state at the next frame whose action was rewarded or punished.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _jump(state, state.track.reward_frames if state.track else (), 1, "reward")


def previous_reward(state: State) -> State:
    """Return the state at the previous frame whose action was rewarded or punished.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _jump(state, state.track.reward_frames if state.track else (), -1, "reward")


def next_unlock(state: State) -> State:
    """Return the state at the next frame that shows a new achievement.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _jump(state, _unlock_frames(state), 1, "new achievement")


def previous_unlock(state: State) -> State:
    """Return the state at the previous frame that shows a new achievement.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _jump(state, _unlock_frames(state), -1, "new achievement")


def _unlock_frames(state: State) -> list[int]:
    return [frame for frame, _ in state.track.unlocks] if state.track else []


def _jump(state: State, frames: Iterable[int], direction: int, what: str) -> State:
    ahead = [frame for frame in frames if (frame - state.frame) * direction > 0]
    if not ahead:
        where = "after" if direction > 0 else "before"
        return tell(state, f"no {what} {where} this frame")
    frame = min(ahead) if direction > 0 else max(ahead)
    state = replace(seek(state, frame), playing=False)
    names = [
        state.shelf.metadata.achievements[number]
        for at, number in (state.track.unlocks if state.track else ())
        if at == frame and what == "new achievement"
    ]
    return tell(state, "new: " + ", ".join(names)) if names else state


def next_order(state: State) -> State:
    """Return the state with the episodes sorted by the next of `ORDERS`.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _refile(state, replace(state.shelf, order=_after(ORDERS, state.shelf.order)))


def next_reason(state: State) -> State:
    """Return the state with the episodes of the next end reason; after the last, with all.

    Parameters
    ----------
    state : State
        The state before.
    """
    choices = (None, *state.shelf.reasons)
    return _refile(state, replace(state.shelf, reason=_after(choices, state.shelf.reason)))


def next_achievement(state: State) -> State:
    """Return the state with the episodes of the next achievement; after the last, with all.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _filter(state, (None, *state.shelf.achievements))


def previous_achievement(state: State) -> State:
    """Return the state with the episodes of the achievement before; in the end, with all.

    Parameters
    ----------
    state : State
        The state before.
    """
    return _filter(state, (None, *reversed(state.shelf.achievements)))


def _filter(state: State, choices: tuple[str | None, ...]) -> State:
    if "achievements" not in state.shelf.metadata.fields:
        return tell(state, "this dataset does not store achievements")
    chosen = _after(choices, state.shelf.achievement)
    return _refile(state, replace(state.shelf, achievement=chosen))


def show_all(state: State) -> State:
    """Return the state with all episodes, by number; the episode stays.

    Parameters
    ----------
    state : State
        The state before.
    """
    state = state.with_shelf(state.shelf.everything())
    return tell(state, filed(state))


def _after(choices: tuple[Choice, ...], chosen: Choice) -> Choice:
    found = choices.index(chosen) if chosen in choices else -1
    return choices[(found + 1) % len(choices)]


def _refile(state: State, shelf: Shelf) -> State:
    """Return the state with its shelf changed; the episode stays, unless the order is another."""
    reordered = shelf.order != state.shelf.order
    state = state.with_shelf(shelf)
    return tell(state.at_place(0) if reordered else state, filed(state))


def filed(state: State) -> str:
    """Describe in one line how the episodes are sorted and filtered, and how many there are.

    Parameters
    ----------
    state : State
        What is shown.
    """
    shelf = state.shelf
    if shelf.counting:
        return "looking which episodes reached it"
    count = f"{len(shelf.shown):,} episode{'' if len(shelf.shown) == 1 else 's'}"
    return f"{shelf.describe() or 'all, by number'}: {count}"


def next_map(state: State) -> State:
    """Return the state with the next of `MAPS`, without `now` if no semantic maps are stored.

    Parameters
    ----------
    state : State
        The state before.
    """
    stored = "semantic" in state.shelf.metadata.fields
    choices = MAPS if stored else MAPS[1:]
    shown = _after(
        choices, state.panels.map if stored else state.panels.map.replace("now", MAPS[1])
    )
    state = replace(state, panels=replace(state.panels, map=shown))
    said = {
        "now": "the semantic map at this frame",
        "terrain": "the terrain at reset",
        "off": "off",
    }
    return tell(state, f"map: {said[shown]}")


def toggle(state: State, panel: str) -> State:
    """Return the state with a panel, or something on the map, shown or hidden.

    Parameters
    ----------
    state : State
        The state before.
    panel : str
        One of `PANELS`.
    """
    if panel in ("trail", "view", "heat") and "positions" not in state.shelf.metadata.fields:
        return tell(state, "this dataset does not store positions")
    shown = not getattr(state.panels, panel)
    state = replace(state, panels=replace(state.panels, **{panel: shown}))  # type: ignore[arg-type]
    return tell(state, f"{PANELS[panel]}: {'on' if shown else 'off'}")


def toggle_help(state: State) -> State:
    """Return the state with the keys shown or hidden.

    Parameters
    ----------
    state : State
        The state before.
    """
    return replace(state, help=not state.help)


def take_picture(state: State) -> State:
    """Return the state that asks for a picture of the window.

    Parameters
    ----------
    state : State
        The state before.
    """
    return replace(state, pictures=state.pictures + 1)
