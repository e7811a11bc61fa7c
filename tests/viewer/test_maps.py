"""Maps are right to the cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crafter_dataset.loader import open_dataset
from crafter_dataset.viewer.maps.picture import WorldPainter, shrink
from crafter_dataset.viewer.maps.seen import field_of_view, moved, seen, view_rect, visits
from crafter_dataset.viewer.maps.textures import texture
from crafter_dataset.viewer.track import Track


@pytest.fixture(scope="module")
def dataset(dataset_path):
    return open_dataset(dataset_path)


def test_the_position_is_the_players_cell_at_every_frame(dataset):
    player = len(dataset.metadata.materials) + 1
    frames = 0
    for episode in dataset:
        semantic, positions = episode["semantic"][:], episode["positions"][:]
        for ids, position in zip(semantic, positions, strict=True):
            assert np.argwhere(ids == player).tolist() == [position.tolist()]
            frames += 1
    assert frames == dataset.frames


def test_the_field_of_view_is_what_the_frame_shows(dataset):
    """By day, every cell of ground in the picture is the texture of the cell on the map."""
    meta = dataset.metadata
    view = field_of_view(meta)
    assert view == (9, 7)
    textures = [None, *(texture_of_crafter(name) for name in meta.materials)]
    compared = shifted = 0
    for episode in dataset:
        sleeps = Track.read(episode, meta).asleep
        for step in range(0, episode.length, 5):
            light = float(episode["daylight"][step])
            if light < 0.95 or sleeps[step]:
                continue
            frame, ids = episode["frames"][step].astype(int), episode["semantic"][step]
            left, top, width, height = view_rect(episode["positions"][step], view)
            for x in range(width):
                for y in range(height):
                    cell = frame[y * 7 : y * 7 + 7, x * 7 : x * 7 + 7]
                    for code, counts in (
                        (ids[left + x, top + y], True),
                        (ids[left + x + 1, top + y], False),
                    ):
                        if code <= len(meta.materials):
                            far = np.abs(cell - textures[code]).max() > 255 * (1 - light) + 1
                            compared += counts
                            shifted += far and not counts
                            assert not (far and counts)
    assert compared > 1000
    assert shifted > 10  # so that a view off by a cell would be found


def texture_of_crafter(name):
    from crafter import constants, engine

    return engine.Textures(constants.root / "assets").get(name, (7, 7)).transpose(1, 0, 2)[..., :3]


def test_no_row_or_column_of_terrain_is_lost(dataset):
    meta, terrain = dataset.metadata, dataset[0].terrain
    for cell in (1, 3, 8, 16):
        picture = WorldPainter(meta.materials, meta.objects, cell).paint(terrain)
        assert picture.shape == (64 * cell, 64 * cell, 3)
        for x, y in [(0, 0), (63, 0), (0, 63), (63, 63), (5, 40), (40, 5)]:
            tile = texture(meta.materials[terrain[x, y] - 1], cell)[..., :3]
            np.testing.assert_array_equal(
                picture[y * cell : (y + 1) * cell, x * cell : (x + 1) * cell], tile
            )


def test_objects_are_drawn_over_the_ground(dataset):
    meta = dataset.metadata
    painter = WorldPainter(meta.materials, meta.objects, 16)
    grass, stone, path = (meta.materials.index(n) + 1 for n in ("grass", "stone", "path"))
    cow = len(meta.materials) + 1 + meta.objects.index("cow")
    ids = np.array([[cow, cow, grass]], np.uint8)
    picture = painter.paint(ids, np.array([[grass, stone, grass]], np.uint8))
    rgba = texture("cow", 16)
    clear, solid = rgba[..., 3] == 0, rgba[..., 3] == 255
    assert clear.any()
    assert solid.any()
    for row, ground in enumerate((grass, path)):  # where there was stone, a path was dug
        tile = texture(meta.materials[ground - 1], 16)[..., :3]
        drawn = picture[row * 16 : row * 16 + 16]
        np.testing.assert_array_equal(drawn[clear], tile[clear])
        np.testing.assert_array_equal(drawn[solid], rgba[solid][:, :3])


def test_unknown_ids_and_names_have_a_picture(dataset):
    painter = WorldPainter(("grass", "../../../etc/passwd"), ("dragon",), 4)
    picture = painter.paint(np.array([[0, 2, 3, 200]], np.uint8))
    unknown = texture("unknown", 4)[..., :3]
    for row in (0, 1, 3):
        np.testing.assert_array_equal(picture[row * 4 : row * 4 + 4], unknown)


@given(
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(0, 9),
    st.integers(0, 999),
)
def test_seen_counts_frames_in_view(width, height, view_x, view_y, seed):
    rng = np.random.default_rng(seed)
    positions = rng.integers(0, (width, height), (20, 2)).astype(np.int16)
    expected = np.zeros((width, height), np.int64)
    for position in positions:
        left, top, across, down = view_rect(position, (view_x, view_y))
        for x in range(max(left, 0), min(left + across, width)):
            for y in range(max(top, 0), min(top + down, height)):
                expected[x, y] += 1
    found = seen(visits(positions, (width, height)), (view_x, view_y))
    np.testing.assert_array_equal(found, expected)


def test_moves_are_the_frames_elsewhere():
    positions = np.array([[1, 1], [1, 1], [2, 1], [2, 1], [2, 2], [1, 1]])
    assert np.flatnonzero(moved(positions)).tolist() == [0, 2, 4, 5]


def test_shrinking_keeps_the_edge():
    picture = np.zeros((5, 7, 3), np.uint8)
    picture[-1, -1] = 200
    small = shrink(picture, 2)
    assert small.shape == (3, 4, 3)
    assert small[-1, -1].tolist() == [200, 200, 200]
    assert shrink(picture, 1) is picture
