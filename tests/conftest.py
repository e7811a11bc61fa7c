"""Shared fixtures: small real datasets, built once a session."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from crafter_dataset.builder import compression
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.engine import draw
from crafter_dataset.engine.engines import warm_up
from crafter_dataset.engine.fast.branching_lanes import BranchingLanes
from crafter_dataset.schemas.cores import usable_cores
from tests.building import build

# Tests hold behaviour; how long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

Command = Callable[..., subprocess.CompletedProcess[str]]

SMALL_WORLD = {"area": (24, 20), "length": 60}
"""Settings under which episodes are quick: worlds generate in a few milliseconds."""


def pytest_configure(config: pytest.Config) -> None:
    """Compile once before pytest's own workers start, not in all of them at once."""
    if not hasattr(config, "workerinput"):
        warm_up("crafter", (64, 64))
        branching = BranchingLanes((64, 64), (9, 9), (64, 64), 10_000, True)
        warm_up("fast", (64, 64), [*branching.needed(), *draw.needed()])
        compression.warm_up(BuildSettings().metadata())


def pytest_xdist_auto_num_workers() -> int:
    """Run half as many tests again as there are cores: many wait for processes and the disk."""
    return (usable_cores() * 3 + 1) // 2


@pytest.fixture(scope="session")
def dataset_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a real dataset of default settings; its last episode is cut. Never written to."""
    path = tmp_path_factory.mktemp("data") / "data.zarr"
    build(path, BuildSettings(seed=5), Target(frames=700), workers=0, num_envs=3)
    return path


@pytest.fixture(scope="session")
def small_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a dataset of many short episodes, two a world, some at the time limit."""
    path = tmp_path_factory.mktemp("data") / "small.zarr"
    settings = BuildSettings(seed=1, trajectories_per_world=2, chunk_frames=16, **SMALL_WORLD)
    build(path, settings, Target(episodes=12), workers=0)
    return path


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run an installed command in an empty folder, as a user does."""

    def run(*args: object, timeout: float = 120, **env: str) -> subprocess.CompletedProcess[str]:
        script = Path(sys.executable).with_name(str(args[0]))
        return subprocess.run(
            [str(script), *map(str, args[1:])],
            capture_output=True,
            text=True,
            timeout=timeout,
            cwd=tmp_path,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
        )

    return run
