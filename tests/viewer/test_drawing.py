"""Whatever happens in whatever order, and whatever the window's size, there is a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pygame
import pytest

from crafter_dataset.viewer.arrangement import arrange
from crafter_dataset.viewer.drawing.export import draw
from crafter_dataset.viewer.drawing.header import header_lines
from crafter_dataset.viewer.drawing.scene import Scene
from crafter_dataset.viewer.drawing.style import GOLD, GREEN, NIGHT, RED, SLEEP, write_wrapped
from crafter_dataset.viewer.drawing.timeline import _strip
from crafter_dataset.viewer.drawing.window import _key_name
from crafter_dataset.viewer.events import Drag, Key, Press, Release, Resize, Tick, Wheel
from crafter_dataset.viewer.keys import BY_KEY
from crafter_dataset.viewer.library import Library
from crafter_dataset.viewer.reader import Shot
from crafter_dataset.viewer.session import opened, take
from crafter_dataset.viewer.state import Panels, State
from tests.synthetic import write_dataset

KEYS = [key for key in BY_KEY if key not in ("q", "escape")] + list("0123456789")


def any_event(rng):
    x, y = int(rng.integers(-20, 2500)), int(rng.integers(-20, 1500))
    most = int(rng.choice([60, 700, 2500]))
    return rng.choice(
        np.array(
            [
                Key(KEYS[rng.integers(len(KEYS))], bool(rng.integers(2))),
                Key(KEYS[rng.integers(len(KEYS))]),
                Key(KEYS[rng.integers(len(KEYS))]),
                Press(x, y),
                Drag(x, y),
                Release(),
                Wheel(int(rng.integers(-3, 4))),
                Tick(float(rng.random())),
                Resize(*(int(side) for side in rng.integers(1, most, 2))),
            ],
            object,
        )
    )


@pytest.mark.parametrize("seed", range(4))
def test_any_events_lead_to_a_picture(seed, dataset_path, small_path, tmp_path):
    write_dataset(tmp_path / "odd.zarr", (9, 1, 30), end_reasons=(1, 2, 3))
    write_dataset(tmp_path / "empty.zarr", (), complete=False)
    paths = [dataset_path, small_path, tmp_path / "odd.zarr", tmp_path / "empty.zarr"]
    library, rng, scene = Library(paths), np.random.default_rng(seed), Scene()
    state = opened(State(library.shelves()), library)
    for _ in range(250):
        state = take(state, any_event(rng), library)
        for event in library.news(state):
            state = take(state, event, library)
        assert 0 <= state.frame <= max(state.length - 1, 0)
        if rng.random() < 0.2:
            assert draw(state, library, scene).shape == (state.size[1], state.size[0], 3)
    library.close()


def test_the_header_is_that_of_the_frame_shown(dataset_path):
    library = Library([dataset_path])
    dataset = library.readers[0].dataset
    names = dataset.metadata.actions
    for row in range(len(dataset)):
        episode = dataset[row]
        arrays = episode.load(["actions", "rewards", "terminations", "truncations"])
        rewards = arrays["rewards"].astype(float)
        for frame in {0, 7, episode.length - 2, episode.length - 1}:
            state = opened(State(library.shelves()).at_place(row, frame), library)
            shown = dict(pair for line in header_lines(state) for pair in line)
            last = frame == episode.length - 1
            expected = "none, the final frame" if last else names[arrays["actions"][frame]]
            assert shown["action"] == expected
            ended = arrays["terminations"][frame] or arrays["truncations"][frame]
            if last:
                assert (shown["reward"], shown["trunc"], shown["done"]) == ("-", "-", "-")
            else:
                assert shown["reward"] == f"{rewards[frame]:+.1f}"
                assert shown["trunc"] == str(bool(arrays["truncations"][frame]))
                assert shown["done"] == str(bool(ended))
            assert shown["return (+)"] == f"{rewards[rewards > 0].sum():.1f}"
            assert shown["return (-)"] == f"{rewards[rewards < 0].sum():.1f}"
            assert shown["total"] == f"{rewards.sum():.1f}"
            assert shown["return to here"] == f"{rewards[:frame].sum():.1f}"
            assert float(shown["to go"]) == pytest.approx(rewards[frame:].sum(), abs=0.051)
            assert (shown["timestep"], shown["length"]) == (str(frame), f"{episode.length} frames")
            assert shown["end"] == episode.end_reason
    library.close()


def test_the_ring_on_the_map_is_around_the_players_cell(dataset_path):
    library, scene = Library([dataset_path]), Scene()
    dataset = library.readers[0].dataset
    panels = Panels(trail=False, view=False)
    for row in range(len(dataset)):
        for frame in range(0, dataset[row].length, 23):
            state = State(library.shelves(), panels=panels).at_place(row, frame)
            shown = draw(opened(state, library), library, scene)
            rect = arrange(state).map
            cells = shown[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
            ys, xs = np.nonzero((cells == GOLD).all(2))
            ring = (xs.min() + xs.max()) / 2, (ys.min() + ys.max()) / 2
            cell = rect.width / 64
            expected = (dataset[row]["positions"][frame] + 0.5) * cell
            assert np.abs(ring - expected).max() <= 1
    library.close()


def test_maps_from_frame_to_frame_are_those_drawn_at_once(dataset_path, small_path):
    library, scene, rng = Library([dataset_path, small_path]), Scene(), np.random.default_rng(0)
    state = opened(State(library.shelves()), library)
    for step in range(120):
        key = ["right", "left", "page up", "up", "m", "v"][
            rng.choice(6, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
        ]
        state = replace(take(state, Key(str(key)), library), message="")
        if step % 3 == 0:
            np.testing.assert_array_equal(draw(state, library, scene), draw(state, library))
        else:
            draw(state, library, scene)
    library.close()


@pytest.mark.parametrize(("area", "size"), [((700, 500), (330, 260)), ((41, 97), (900, 600))])
def test_a_large_world_is_drawn_the_same_from_frame_to_frame(dataset_path, area, size):
    library, scene, rng = Library([dataset_path]), Scene(), np.random.default_rng(0)
    state = opened(State(library.shelves(), size=size, panels=Panels(trail=False)), library)
    meta = state.shelf.metadata
    shelf = replace(state.shelf, metadata=replace(meta, env=replace(meta.env, area=area)))
    state = replace(state, shelves=(shelf,))
    terrain = rng.integers(1, 13, area).astype(np.uint8)
    ids, frame = terrain.copy(), np.zeros((64, 64, 3), np.uint8)
    for step in range(12):
        ids = ids.copy()
        for _ in range([3, 3, 3, 900][step % 4]):
            ids[rng.integers(area[0]), rng.integers(area[1])] = rng.integers(1, 19)
        kept, fresh = pygame.Surface(size), pygame.Surface(size)
        scene.draw(kept, state, Shot(frame, ids, terrain))
        Scene().draw(fresh, state, Shot(frame, ids, terrain))
        np.testing.assert_array_equal(
            pygame.surfarray.array3d(kept), pygame.surfarray.array3d(fresh)
        )
    library.close()


def test_what_is_typed_is_seen_without_a_header(dataset_path):
    library = Library([dataset_path])
    for panels in (Panels(header=False), Panels.bare()):
        state = opened(State(library.shelves(), panels=panels), library)
        typing = take(state, Key("7"), library)
        assert (draw(typing, library) != draw(state, library)).any()
        told = take(typing, Key("return"), library)
        assert told.message
        assert (draw(told, library) != draw(state, library)).any()
    library.close()


@pytest.mark.parametrize(
    ("key", "scancode", "typed", "mod", "name"),
    [
        ("r", 21, "r", 0, "r"),
        ("r", 21, "R", pygame.KMOD_SHIFT, "R"),
        ("r", 21, "R", pygame.KMOD_CAPS, "r"),
        ("r", 21, "r", pygame.KMOD_CAPS | pygame.KMOD_SHIFT, "R"),
        ("right", 79, "", 0, "right"),
        ("space", 44, " ", 0, "space"),
        ("return", 40, "\r", 0, "return"),
        ("/", 56, "?", pygame.KMOD_SHIFT, "?"),
        ("=", 46, "+", pygame.KMOD_SHIFT, "+"),
        ("&", 30, "1", pygame.KMOD_SHIFT, "1"),  # French
        (0x439, 20, "\u0439", 0, "q"),  # Russian
        (0x419, 20, "\u0419", pygame.KMOD_SHIFT, "Q"),
        (0x161, 32, "3", pygame.KMOD_SHIFT, "3"),  # Czech
    ],
)
def test_keys_of_any_keyboard(key, scancode, typed, mod, name, monkeypatch, request):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.init()
    request.addfinalizer(pygame.display.quit)
    code = key if isinstance(key, int) else pygame.key.key_code(key)
    event = pygame.event.Event(pygame.KEYDOWN, key=code, scancode=scancode, unicode=typed, mod=mod)
    assert _key_name(event) == name


def test_long_worlds_and_pictures_keep_their_ends(dataset_path):
    library = Library([dataset_path])
    state = opened(State(library.shelves(), size=(330, 250)), library)
    meta = state.shelf.metadata
    for area in ((20, 300), (300, 20), (3, 999)):
        env = replace(meta.env, area=area, size=area)
        shelf = replace(state.shelf, metadata=replace(meta, env=env))
        ids = np.ones(area, np.uint8)
        ids[-1, -1] = 7  # lava
        frame = np.zeros((area[1], area[0], 3), np.uint8)
        frame[-1, -1] = 255
        for size in ((330, 250), (1200, 700)):
            at = replace(state, shelves=(shelf,), size=size, panels=Panels(trail=False))
            surface = pygame.Surface(size)
            Scene().draw(surface, at, Shot(frame, ids, ids))
            shown = pygame.surfarray.array3d(surface)
            for rect, first in ((arrange(at).frame, 0), (arrange(at).map, 2)):
                corner = shown[rect.x + rect.width - 1, rect.y + rect.height - 1]
                above = shown[rect.x + rect.width - 1, rect.y]
                assert (corner != above).any(), (area, size, first)
    library.close()


def test_names_that_no_font_or_encoding_has(dataset_path):
    library = Library([dataset_path])
    state = opened(State(library.shelves()), library)
    meta = state.shelf.metadata
    strange = ("nul\0", "half \ud800", "\u4e2d\u6587", "x" * 5000, "\n")
    for name in strange:
        names = replace(meta, items=(name, *meta.items[1:]), actions=(name,) * 17,
                        achievements=(name, *meta.achievements[1:]))  # fmt: skip
        shelf = replace(state.shelf, metadata=names, name=name)
        track = replace(state.track, names=names)
        draw(replace(state, shelves=(shelf,), track=track, message=name), library)
        write_wrapped(pygame.Surface((90, 90)), f"damaged: {name}", (0, 0, 90, 90))
    library.close()


def test_the_timeline_shows_what_happened_where(dataset_path):
    library = Library([dataset_path])
    state = opened(State(library.shelves()), library)
    track, width = state.track, arrange(state).timeline.width
    strip = pygame.surfarray.array3d(_strip(track, width, 46))
    place = np.round(np.arange(track.length) / (track.length - 1) * (width - 1)).astype(int)
    for frame, _ in track.unlocks:
        assert tuple(strip[place[frame], 3]) == GOLD
    for frame in track.reward_frames:
        gained = track.gains[frame] > 0
        row = 16 if gained else 36
        assert tuple(strip[place[frame], row]) == (GREEN if gained else RED)
    violet = (strip[place, 44] == SLEEP).all(1)
    np.testing.assert_array_equal(violet[track.asleep], True)
    assert violet.mean() < track.asleep.mean() + 0.05
    darkest = int(track.fields["daylight"].argmin())
    assert np.abs(strip[place[darkest], 26].astype(int) - NIGHT).max() < 60
    library.close()
