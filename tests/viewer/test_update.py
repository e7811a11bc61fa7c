"""The viewer's state, without a window: one event after the other."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from crafter_dataset.builder.settings import BuildSettings
from crafter_dataset.loader.table import TABLE_DTYPE
from crafter_dataset.viewer import moves
from crafter_dataset.viewer.arrangement import (
    arrange,
    sidebar_lines,
    timeline_frame,
    timeline_x,
    window_size,
)
from crafter_dataset.viewer.events import (
    Close,
    Counted,
    Drag,
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
from crafter_dataset.viewer.keys import BINDINGS, help_lines
from crafter_dataset.viewer.shelf import ORDERS, Shelf
from crafter_dataset.viewer.state import Panels, State
from crafter_dataset.viewer.track import Track
from crafter_dataset.viewer.update import update

LENGTHS = (30, 5, 80, 5, 1)
RETURNS = (1.0, 3.0, -1.0, 0.5, 0.0)
REASONS = (1, 2, 1, 1, 3)


def shelf(lengths=LENGTHS, returns=RETURNS, reasons=REASONS, name="data.zarr"):
    table = np.zeros(len(lengths), TABLE_DTYPE)
    table["episode_ids"] = np.arange(len(lengths))
    table["lengths"], table["returns"], table["end_reasons"] = lengths, returns, reasons
    return Shelf(name, BuildSettings().metadata(), table)


def track(length=30, rewards=(4, 9, 20), unlocks=((5, 3), (10, 3), (21, 7))):
    names = BuildSettings().metadata()
    values = np.zeros(length, np.float32)
    values[list(rewards)] = 1
    counts = np.zeros((length, 22), np.uint16)
    for frame, number in unlocks:
        counts[frame:, number] += 1
    return Track(0, length, "terminated", {"rewards": values, "achievements": counts}, names)


@pytest.fixture
def state():
    return update(State((shelf(), shelf((7, 8), (0, 0), (1, 1), "other.zarr"))), Opened(track()))


def press(state, *names):
    for name in names:
        state = update(state, Key(name))
    return state


def test_frames_wrap_around(state):
    assert press(state, "right").frame == 1
    assert press(state, "left").frame == 29
    assert press(state, "left", "right").frame == 0
    assert press(state, "page up", "page up").frame == 20
    assert press(state, "page up", "page up", "page up").frame == 0
    assert press(state, "page down").frame == 20
    assert press(state, "end").frame == 29
    assert press(state, "end", "right").frame == 0
    assert press(state, "end", "home").frame == 0


def test_episodes_wrap_around_and_begin_at_the_first_frame(state):
    moved = press(state, "right", "up")
    assert (moved.row, moved.frame) == (1, 0)
    assert press(state, "down").row == 4
    assert press(state, "down", "up").row == 0
    assert press(state, "right", "right", "return").frame == 0


def test_datasets_take_turns_and_keep_their_place(state):
    away = press(state, "up", "up", "m", "up")
    assert (away.dataset, away.row, away.track) == (1, 1, None)
    back = press(away, "m")
    assert (back.dataset, back.row, back.frame) == (0, 2, 0)
    back = press(press(back, "right", "right", "right", "m"), "right", "m")
    assert (back.dataset, back.row, back.frame) == (0, 2, 3)
    assert press(back, "m").frame == 1
    alone = press(State((shelf(),)), "m")
    assert (alone.dataset, "one dataset" in alone.message) == (0, True)


def test_a_number_leads_to_its_episode(state):
    typing = press(state, "1", "2", "backspace")
    assert typing.typed == "1"
    there = press(typing, "return")
    assert (there.row, there.typed) == (1, "")
    wrong = press(state, "9", "9", "enter")
    assert (wrong.row, wrong.message) == (0, "episode 99: expected 0 to 4")
    assert press(state, "3", "escape").typed == ""
    assert not press(state, "3", "escape").closing
    assert press(state, "3", "right").typed == ""
    filtered = press(state, "e", "e")  # time limit
    assert filtered.shelf.shown.tolist() == [1]
    shown = press(filtered, "3", "return")
    assert (shown.row, shown.shelf.reason) == (3, None)
    assert "filtered out" in shown.message
    assert press(state, *"12345678901234567890").typed == "1234567890"


def test_rewards_and_unlocks_are_found(state):
    assert press(state, "r").frame == 4
    assert press(state, "r", "r", "r").frame == 20
    end = press(state, "r", "r", "r", "r")
    assert (end.frame, end.message) == (20, "no reward after this frame")
    assert press(end, "R").frame == 9
    assert press(state, "u").frame == 5
    assert press(state, "u").message == "new: collect_iron"
    assert press(state, "u", "u").frame == 21  # the second time is no new achievement
    assert press(state, "u", "u", "U").frame == 5
    assert press(state, "U").message == "no new achievement before this frame"


def test_sorting(state):
    orders = {}
    for _ in ORDERS:
        orders[state.shelf.order] = state.shelf.shown.tolist()
        state = press(state, "o")
        assert state.place == 0
    assert orders == {
        "number": [0, 1, 2, 3, 4],
        "longest": [2, 0, 1, 3, 4],
        "shortest": [4, 1, 3, 0, 2],
        "best return": [1, 0, 3, 4, 2],
        "worst return": [2, 4, 3, 0, 1],
    }
    assert state.shelf.order == "number"


def test_filtering_by_end_reason_keeps_the_episode_if_it_can(state):
    at_two = press(state, "up", "up", "right", "right")
    kept = press(at_two, "e")
    assert (kept.shelf.reason, kept.row, kept.frame) == ("terminated", 2, 2)
    assert kept.shelf.shown.tolist() == [0, 2, 3]
    lost = press(kept, "e")
    assert (lost.shelf.reason, lost.row, lost.frame) == ("time_limit", 1, 0)
    assert press(lost, "e").shelf.reason == "cut"
    assert press(lost, "e", "e").shelf.reason is None
    assert press(lost, "c").shelf.shown.tolist() == [0, 1, 2, 3, 4]


def test_filtering_by_achievement_waits_until_it_is_counted(state):
    asked = press(state, "a")
    assert asked.shelf.counting
    assert asked.shelf.shown.tolist() == [0, 1, 2, 3, 4]
    reached = np.zeros((5, 22), bool)
    reached[[1, 3], 2] = reached[4, 21] = True
    known = update(asked, Counted(0, reached))
    assert (known.shelf.achievement, known.shelf.shown.tolist()) == ("collect_drink", [1, 3])
    assert press(known, "a").shelf.achievement == "wake_up"
    assert press(known, "a", "a").shelf.achievement is None
    assert press(known, "A").shelf.achievement is None
    grown = update(known, Grown(0, replace(known.shelf, table=shelf((*LENGTHS, 9),
        (*RETURNS, 0), (*REASONS, 1)).table)))  # fmt: skip
    assert grown.shelf.counting
    assert grown.shelf.shown.tolist() == [1, 3]


def test_a_filter_that_leaves_nothing(state):
    reached = np.zeros((5, 22), bool)
    reached[2, 5] = True
    empty = update(press(state, "a", "e", "e"), Counted(0, reached))
    assert (empty.row, empty.length) == (None, 0)
    for name in [key for binding in BINDINGS for key in binding.keys]:
        press(empty, name)
    assert press(empty, "c").row == 0


def test_a_filter_that_is_taken_back_stays_away(state):
    reached = np.zeros((5, 22), bool)
    reached[1, 2] = True
    known = update(press(state, "a", "c"), Counted(0, reached))
    assert (known.shelf.achievement, len(known.shelf.shown)) == (None, 5)
    elsewhere = update(press(state, "a", "m"), Counted(0, reached))
    assert (elsewhere.dataset, elsewhere.message) == (1, "")
    assert elsewhere.shelves[0].shown.tolist() == [1]


def test_showing_all_keeps_the_episode(state):
    sorted_ = press(state, "o", "up", "up", "right")
    assert (sorted_.shelf.order, sorted_.row, sorted_.frame) == ("longest", 1, 1)
    shown = press(sorted_, "c")
    assert (shown.shelf.order, shown.row, shown.frame) == ("number", 1, 1)


def test_what_is_not_stored_is_said(state):
    meta = state.shelf.metadata
    fields = tuple(f for f in meta.fields if f not in ("semantic", "positions", "achievements"))
    bare = replace(state, shelves=(replace(state.shelf, metadata=replace(meta, fields=fields)),))
    assert press(bare, "v").panels.map == "off"
    assert press(bare, "v", "v").panels.map == "terrain"
    for key in "tfs":
        assert press(bare, key).message == "this dataset does not store positions"
    assert press(bare, "a").message == "this dataset does not store achievements"


def test_playing_goes_on_to_the_last_frame(state):
    playing = press(state, "space")
    assert playing.playing
    half = update(playing, Tick(0.025))
    assert (half.frame, half.elapsed) == (0, 0.5)
    assert update(half, Tick(0.025)).frame == 1
    assert update(playing, Tick(0.5)).frame == 10
    over = update(playing, Tick(60))
    assert (over.frame, over.playing) == (29, False)
    again = press(over, "space")
    assert (again.frame, again.playing) == (0, True)
    assert not press(playing, "right").playing
    assert press(playing, "up").playing
    assert update(state, Tick(9)).frame == 0


def test_speeds(state):
    assert press(state, "+").fps == 30
    assert press(state, "-", "-").fps == 5
    assert press(state, *"+" * 20).fps == 240
    assert press(state, *"-" * 20).fps == 1
    assert press(replace(state, fps=25.0), "-").fps == 20


def test_the_timeline_seeks(state):
    rect = arrange(state).timeline
    pressed = update(state, Press(rect.x + rect.width // 2, rect.y + 3))
    assert (pressed.seeking, pressed.frame) == (True, 15)
    assert update(pressed, Tick(9)).frame == 15
    dragged = update(pressed, Drag(rect.x + 10 * rect.width, -5))
    assert dragged.frame == 29
    assert update(dragged, Drag(-50, 0)).frame == 0
    released = update(dragged, Release())
    assert update(released, Drag(0, 0)).frame == 29
    assert update(state, Press(rect.x, rect.y - 1)).frame == 0
    for length in (1, 2, 30, 5000):
        for frame in {0, length // 3, length - 1}:
            found = timeline_frame(rect, timeline_x(rect, frame, length), length)
            assert abs(found - frame) <= length / rect.width


def test_achievements_are_clicked(state):
    rect = arrange(state).sidebar
    lines = sidebar_lines(rect, 16, 22)
    clicked = update(state, Press(rect.x + 30, lines.achievements + 7 * lines.line + 2))
    assert clicked.frame == 21
    nothing = update(state, Press(rect.x + 30, lines.achievements + 8 * lines.line + 2))
    assert nothing.frame == 0
    assert lines.achievements + 22 * lines.line <= rect.y + rect.height


def test_wheel_resize_close_and_messages(state):
    assert update(state, Wheel(-2)).frame == 2
    assert update(state, Wheel(3)).frame == 0  # the wheel stops at the ends
    assert update(state, Wheel(-999)).frame == 29
    assert update(press(state, "space"), Wheel(0)).playing
    timeline = arrange(state).timeline
    assert update(press(state, "h"), Press(timeline.x + 99, timeline.y)).frame == 0
    assert update(state, Resize(900, 700)).size == (900, 700)
    assert update(state, Close()).closing
    assert press(state, "q").closing
    assert press(state, "escape").closing
    assert not press(state, "h", "escape").closing
    acted = press(state, "h", "right")
    assert (acted.help, acted.frame) == (False, 1)
    told = update(state, Told("something"))
    assert told.message == "something"
    assert press(told, "right").message == ""
    assert press(state, "p").pictures == 1


def test_panels_are_toggled(state):
    for key, name in {"t": "trail", "f": "view", "s": "heat", "x": "header", "i": "sidebar",
                      "l": "timeline"}.items():  # fmt: skip
        changed = press(state, key)
        assert getattr(changed.panels, name) != getattr(state.panels, name)
        assert press(changed, key).panels == state.panels
        assert changed.message.endswith(("on", "off"))
    assert [press(state, *"v" * n).panels.map for n in range(4)] == ["now", "terrain", "off", "now"]


def test_held_keys_repeat_only_where_that_makes_sense(state):
    assert update(state, Key("right", held=True)).frame == 1
    assert not update(state, Key("space", held=True)).playing
    assert not update(state, Key("h", held=True)).help
    assert update(state, Key("nothing")) == state


def test_a_dataset_that_grows_keeps_the_episode(state):
    at_two = press(state, "up", "up", "right")
    grown = update(at_two, Grown(0, shelf((30, 5, 90, 6, 7, 8), range(6), [1] * 6)))
    assert (grown.row, grown.frame, grown.length) == (2, 1, 90)
    assert "6 episodes now" in grown.message
    shrunk = update(at_two, Grown(0, shelf((30,), (0,), (1,))))
    assert (shrunk.row, shrunk.frame) == (0, 0)
    assert not press(state, "h", "h").help
    other = update(at_two, Grown(1, shelf((9, 9, 9), (0,) * 3, (1,) * 3)))
    assert (other.row, other.frame) == (2, 1)
    empty = State((shelf((), (), ()),))
    assert empty.row is None
    assert update(empty, Grown(0, shelf())).row == 0


def test_every_state_is_left_as_it_was(state):
    before = repr(replace(state, track=None))
    for binding in BINDINGS:
        press(state, *binding.keys)
    assert repr(replace(state, track=None)) == before


def test_every_binding_is_in_the_help_and_no_key_has_two():
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(set(keys)) == len(keys)
    assert {about for _, about in help_lines()} >= {binding.about for binding in BINDINGS}


@pytest.mark.parametrize("size", [(200, 150), (640, 480), (900, 1600), (1280, 680), (3840, 2160)])
@pytest.mark.parametrize("panels", [Panels(), Panels.bare(), Panels(map="off"), Panels(heat=True)])
def test_panels_lie_in_the_window_and_apart(state, size, panels):
    layout = arrange(replace(state, size=size, panels=panels))
    rects = [rect for rect in layout if rect is not None]
    if min(size) >= 480:
        for rect in rects:
            assert rect.x >= 0
            assert rect.x + rect.width <= size[0]
            assert rect.y >= 0
            assert rect.y + rect.height <= size[1]
        for index, one in enumerate(rects):
            for other in rects[index + 1 :]:
                apart = (
                    one.x + one.width <= other.x
                    or other.x + other.width <= one.x
                    or one.y + one.height <= other.y
                    or other.y + other.height <= one.y
                )
                assert apart, (one, other)
    assert layout.frame.width % 64 == 0 or 64 % layout.frame.width == 0


@pytest.mark.parametrize("scale", [1, 3, 8])
@pytest.mark.parametrize("panels", [Panels(), Panels.bare(), Panels(map="off")])
def test_a_window_for_a_scale_shows_frames_at_it(state, scale, panels):
    size = window_size((64, 64), panels, scale)
    layout = arrange(replace(state, size=size, panels=panels))
    assert (layout.frame.width, layout.frame.height) == (64 * scale, 64 * scale)
    if panels == Panels.bare():
        assert size == (64 * scale, 64 * scale)


def test_states_need_no_pygame():
    code = (
        "import sys; from crafter_dataset.viewer import update, session, plots; "
        "print('pygame' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_moves_of_an_empty_dataset_do_nothing():
    empty = State((shelf((), (), ()),))
    for binding in BINDINGS:
        assert binding.act(empty).frame == 0
    assert moves.enter(replace(empty, typed="3")).message == "episode 3: there is no episode yet"
