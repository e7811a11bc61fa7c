"""Open a dataset again and again while it is built: whole episodes, never fewer."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest

from crafter_dataset.loader import open_dataset
from crafter_dataset.schemas.digests import EpisodeHasher
from crafter_dataset.schemas.errors import NotADatasetError
from crafter_dataset.schemas.layout import digested_fields
from tests.reliability.containers import DRAWN_HDF5, HDF5, ZARR, each_kind, start_build
from tests.reliability.report import campaign

SEED = 6


def check_digest(dataset, index: int) -> None:
    """Check that an episode is what was written."""
    hasher = EpisodeHasher(digested_fields(dataset.fields))
    hasher.update(dataset[index].load())
    stored = dataset.container.read("episodes/digests", index, index + 1)[0]
    assert hasher.digest().tobytes() == stored.tobytes(), f"episode {index}"


@each_kind(ZARR, HDF5, DRAWN_HDF5)
@pytest.mark.parametrize(
    ("opens", "commits"), [(8, 2), pytest.param(1_000, 50, marks=pytest.mark.slow)]
)
def test_readers(tmp_path, kind, opens, commits):
    path = tmp_path / f"d{kind.suffix}"
    options = {"frames": 100_000_000, "commit_seconds": 0, "workers": 1, "num_envs": 1}
    process = start_build(path, "--quiet", pictures=kind.pictures, **options)
    rng = random.Random(SEED)
    held = 0
    try:
        with campaign("readers", kind) as figures:
            while figures["opens"] < opens or figures["commits seen"] < commits:
                assert process.poll() is None, process.communicate()[1]
                try:
                    dataset = open_dataset(path)
                except NotADatasetError:
                    assert not held, "a dataset that was there is none any more"
                    time.sleep(0.02)
                    continue
                case = f"seed {SEED}, open {figures['opens']}"
                assert len(dataset) >= held, case
                if not len(dataset):
                    continue
                time.sleep(rng.uniform(0, 0.02))
                figures["opens"] += 1
                figures["commits seen"] += len(dataset) > held
                held = len(dataset)
                episode = dataset[rng.randrange(held)]
                assert episode["episode_ids"][-1] == episode.id, case
                assert episode["frames"][-1].shape == (18, 18, 3), case
                assert episode["terminations"][-1] == 0, case
                if figures["opens"] % 5 == 0:
                    check_digest(dataset, rng.randrange(held))
                    check_digest(dataset, held - 1)
                    figures["digests"] += 2
            figures["episodes"] = held
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
