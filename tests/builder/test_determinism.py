"""The same command gives the same digest, however it is run."""

from __future__ import annotations

import pytest

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.conftest import SMALL_WORLD

SETTINGS = BuildSettings(seed=11, trajectories_per_world=2, **SMALL_WORLD)
TARGET = Target(frames=700)


@pytest.fixture(scope="module")
def digest(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "reference.zarr"
    return build(path, SETTINGS, TARGET, workers=0, num_envs=1).metadata.digest


@pytest.mark.parametrize(("workers", "num_envs"), [(0, 1), (1, 3), (2, 1), (2, 3), (1, 8), (2, 8)])
def test_digest_does_not_depend_on_workers_and_environments(tmp_path, digest, workers, num_envs):
    result = build(tmp_path / "d", SETTINGS, TARGET, workers=workers, num_envs=num_envs)
    assert result.metadata.digest == digest


@pytest.mark.parametrize("workers", [0, 2])
def test_digest_does_not_depend_on_the_engine(tmp_path, digest, workers):
    result = build(tmp_path / "d", SETTINGS, TARGET, workers=workers, engine="crafter")
    assert result.metadata.digest == digest
    runs = open_dataset(tmp_path / "d").provenance["runs"]
    assert [run["engine"] for run in runs] == ["crafter"]


def test_engines_may_change_between_runs(tmp_path, digest):
    half = Target(frames=300)
    build(tmp_path / "d", SETTINGS, half, workers=0, engine="crafter")
    result = build(tmp_path / "d", SETTINGS, TARGET, workers=0, engine="fast", resume=True)
    assert result.metadata.digest == digest
    runs = open_dataset(tmp_path / "d").provenance["runs"]
    assert [run["engine"] for run in runs] == ["crafter", "fast"]


@pytest.mark.parametrize("hash_seed", ["0", "1", "4711"])
def test_digest_does_not_depend_on_the_hash_seed(command, tmp_path, digest, hash_seed):
    done = command(
        "build-dataset", "--out", "d", "--frames", 700, "--seed", 11,
        "--trajectories-per-world", 2, "--area", "24x20", "--length", 60, "--workers", 2,
        PYTHONHASHSEED=hash_seed,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert open_dataset(tmp_path / "d").metadata.digest == digest
    assert digest in done.stdout


def test_digest_does_not_depend_on_codec_and_chunks(tmp_path, digest):
    from dataclasses import replace

    for codec, chunk_frames in (("none", 5), ("blosc-lz4:9", 64)):
        settings = replace(SETTINGS, codec=codec, chunk_frames=chunk_frames)
        result = build(tmp_path / codec, settings, TARGET, workers=0)
        assert result.metadata.digest == digest


def test_equal_runs_write_equal_bytes(tmp_path):
    for name in ("a", "b"):
        build(tmp_path / name, SETTINGS, TARGET, workers=2, num_envs=2, commit_seconds=0.1)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*.0*"))
    assert files
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


@pytest.mark.parametrize(
    "change", [{"seed": 12}, {"length": 59}, {"area": (24, 21)}, {"fields": ("semantic",)}]
)
def test_digest_depends_on_content(tmp_path, digest, change):
    from dataclasses import replace

    result = build(tmp_path / "d", replace(SETTINGS, **change), TARGET, workers=0)
    assert result.metadata.digest != digest
