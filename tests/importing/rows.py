"""What holds of every imported episode, whatever it was imported from."""

from __future__ import annotations

import numpy as np

from crafter_dataset.builder.episodes import EpisodeEncoder, decode_rows
from crafter_dataset.builder.importing.foreign import ForeignDataset, ForeignEpisode
from crafter_dataset.schemas.layout import (
    FRAME_FIELDS,
    TABLE_FIELDS,
    TERMINATED,
    TIME_LIMIT,
    digested_fields,
)


def read(source: ForeignDataset) -> list[ForeignEpisode]:
    """Read all episodes and hold each against the format: it must come back from storage."""
    metadata = source.metadata
    episodes = list(source.episodes())
    assert len(episodes) == source.count
    sizes = metadata.sizes()
    for number, episode in enumerate(episodes):
        rows = episode.rows
        assert set(rows) == set(digested_fields(metadata.fields))
        length = len(rows["actions"])
        assert length <= metadata.env.length + 1
        for name, values in rows.items():
            field = FRAME_FIELDS[name]
            assert values.dtype == field.dtype, name
            assert values.shape == (length, *field.row_shape(sizes)), name
        for name in ("actions", "rewards", "terminations", "truncations"):
            assert not rows[name][-1]
        for name, reason in (("terminations", TERMINATED), ("truncations", TIME_LIMIT)):
            assert not rows[name][:-2].any()
            assert rows[name][-2] or episode.end_reason != reason
        if "final_frames" not in metadata.episode_fields:
            assert episode.has_final_frame
        assert ("world_seeds" in metadata.episode_fields) == (episode.world_seed is not None)
        encoder = EpisodeEncoder(metadata)
        encoder.extend(rows)
        encoded = encoder.finish(number, episode.end_reason, episode.world_seed, episode.terrain)
        for name, values in decode_rows(encoded, metadata).items():
            np.testing.assert_array_equal(values, rows[name], err_msg=name)
    assert set(metadata.episode_fields) <= set(TABLE_FIELDS)
    return episodes
