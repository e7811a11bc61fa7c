"""What keys do: functions from one state to the next."""

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
"""What panels are called when they are shown or hidden."""

Choice = TypeVar("Choice", str, str | None)


def close(state: State) -> State:
    """Quit."""
    return replace(state, closing=True)


def escape(state: State) -> State:
    """Leave the help or the number that is being typed; else quit."""
    if state.help:
        return replace(state, help=False)
    return replace(state, typed="") if state.typed else close(state)


def enter(state: State) -> State:
    """Go to the episode whose number was typed; else back to the first frame."""
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
    """Take the last digit back."""
    return replace(state, typed=state.typed[:-1])


def digit(state: State, typed: str) -> State:
    """Add a digit to an episode's number."""
    return replace(state, typed=(state.typed + typed)[:10])


def tell(state: State, message: str) -> State:
    """Show a line to the user."""
    return replace(state, message=message)


def seek(state: State, frame: int) -> State:
    """Go to a frame of the episode."""
    frame = min(max(frame, 0), max(state.length - 1, 0))
    return replace(state, frame=frame, elapsed=0.0, direction=1 if frame >= state.frame else -1)


def step(state: State, frames: int) -> State:
    """Go some frames on or back, around the ends of the episode, and pause."""
    frame = (state.frame + frames) % max(state.length, 1)
    direction = 1 if frames > 0 else -1
    return replace(state, frame=frame, elapsed=0.0, playing=False, direction=direction)


def scroll(state: State, frames: int) -> State:
    """Go some frames on or back, as far as the episode goes, and pause."""
    return replace(seek(state, state.frame + frames), playing=False)


def first_frame(state: State) -> State:
    """Go to the first frame."""
    return replace(seek(state, 0), direction=1)


def last_frame(state: State) -> State:
    """Go to the last frame."""
    return replace(seek(state, state.length - 1), playing=False, direction=-1)


def leaf(state: State, episodes: int) -> State:
    """Go some episodes on or back, around the ends of the dataset."""
    count = len(state.shelf.shown)
    return state.at_place((state.place + episodes) % count) if count else state


def next_dataset(state: State) -> State:
    """Go to the next dataset, where it was left."""
    if len(state.shelves) == 1:
        return tell(state, "there is one dataset; give more paths to switch between them")
    frames = (*state.frames[: state.dataset], state.frame, *state.frames[state.dataset + 1 :])
    chosen = (state.dataset + 1) % len(state.shelves)
    return replace(
        state, dataset=chosen, frames=frames, frame=frames[chosen], elapsed=0.0, track=None
    )


def play(state: State) -> State:
    """Play, from the start if at the end; or pause."""
    if not state.playing and state.frame >= state.length - 1:
        state = seek(state, 0)
    return replace(state, playing=not state.playing, elapsed=0.0, direction=1)


def faster(state: State) -> State:
    """Play at the next higher speed."""
    return _at_speed(state, [s for s in SPEEDS if s > state.fps][:1])


def slower(state: State) -> State:
    """Play at the next lower speed."""
    return _at_speed(state, [s for s in SPEEDS if s < state.fps][-1:])


def _at_speed(state: State, speeds: list[int]) -> State:
    fps = float(speeds[0]) if speeds else state.fps
    return tell(replace(state, fps=fps), f"{fps:g} frames a second")


def pass_time(state: State, seconds: float) -> State:
    """Go on playing, to the last frame."""
    if not state.playing:
        return state
    elapsed = state.elapsed + seconds * state.fps
    frame = state.frame + int(elapsed)
    last = state.length - 1
    if frame >= last:
        return replace(state, frame=max(last, 0), elapsed=0.0, playing=False)
    return replace(state, frame=frame, elapsed=elapsed % 1.0, direction=1)


def next_reward(state: State) -> State:
    """Go to the next frame whose action was rewarded or punished."""
    return _jump(state, state.track.reward_frames if state.track else (), 1, "reward")


def previous_reward(state: State) -> State:
    """Go to the previous frame whose action was rewarded or punished."""
    return _jump(state, state.track.reward_frames if state.track else (), -1, "reward")


def next_unlock(state: State) -> State:
    """Go to the next frame that shows a new achievement."""
    return _jump(state, _unlock_frames(state), 1, "new achievement")


def previous_unlock(state: State) -> State:
    """Go to the previous frame that shows a new achievement."""
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
    """Sort the episodes by something else."""
    return _refile(state, replace(state.shelf, order=_after(ORDERS, state.shelf.order)))


def next_reason(state: State) -> State:
    """Show the episodes of one end reason, then of the next, then all."""
    choices = (None, *state.shelf.reasons)
    return _refile(state, replace(state.shelf, reason=_after(choices, state.shelf.reason)))


def next_achievement(state: State) -> State:
    """Show the episodes that reached one achievement, then the next, then all."""
    return _filter(state, (None, *state.shelf.achievements))


def previous_achievement(state: State) -> State:
    """Show the episodes that reached one achievement, then the one before, then all."""
    return _filter(state, (None, *reversed(state.shelf.achievements)))


def _filter(state: State, choices: tuple[str | None, ...]) -> State:
    if "achievements" not in state.shelf.metadata.fields:
        return tell(state, "this dataset does not store achievements")
    chosen = _after(choices, state.shelf.achievement)
    return _refile(state, replace(state.shelf, achievement=chosen))


def show_all(state: State) -> State:
    """Show all episodes, by number; the episode stays."""
    state = state.with_shelf(state.shelf.everything())
    return tell(state, filed(state))


def _after(choices: tuple[Choice, ...], chosen: Choice) -> Choice:
    found = choices.index(chosen) if chosen in choices else -1
    return choices[(found + 1) % len(choices)]


def _refile(state: State, shelf: Shelf) -> State:
    """Show a shelf in another order; the episode stays, unless an order was chosen anew."""
    reordered = shelf.order != state.shelf.order
    state = state.with_shelf(shelf)
    return tell(state.at_place(0) if reordered else state, filed(state))


def filed(state: State) -> str:
    """Say how the episodes are sorted and filtered, and how many there are."""
    shelf = state.shelf
    if shelf.counting:
        return "looking which episodes reached it"
    count = f"{len(shelf.shown):,} episode{'' if len(shelf.shown) == 1 else 's'}"
    return f"{shelf.describe() or 'all, by number'}: {count}"


def next_map(state: State) -> State:
    """Show the semantic map at this frame, the terrain at reset, or no map."""
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
    """Show or hide one of the panels, or something on the map."""
    if panel in ("trail", "view", "heat") and "positions" not in state.shelf.metadata.fields:
        return tell(state, "this dataset does not store positions")
    shown = not getattr(state.panels, panel)
    state = replace(state, panels=replace(state.panels, **{panel: shown}))  # type: ignore[arg-type]
    return tell(state, f"{PANELS[panel]}: {'on' if shown else 'off'}")


def toggle_help(state: State) -> State:
    """Show or hide the keys."""
    return replace(state, help=not state.help)


def take_picture(state: State) -> State:
    """Write the window to a file."""
    return replace(state, pictures=state.pictures + 1)
