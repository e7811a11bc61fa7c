"""Cores are counted by what the system lets a process use."""

from __future__ import annotations

import os

import pytest

from crafter_dataset.schemas.cores import usable_cores

ALL = len(os.sched_getaffinity(0))


def counted(tmp_path, groups, files):
    (tmp_path / "cgroup").write_text(groups)
    for name, text in files.items():
        path = tmp_path / "groups" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return usable_cores(tmp_path / "cgroup", tmp_path / "groups")


@pytest.mark.parametrize(
    ("groups", "files", "cores"),
    [
        ("0::/\n", {}, ALL),
        ("0::/\n", {"cpu.max": "max 100000\n"}, ALL),
        ("0::/\n", {"cpu.max": "100000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "20000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "99900000 100000\n"}, ALL),
        ("0::/job/step\n", {"job/cpu.max": "100000 100000", "job/step/cpu.max": "max 9"}, 1),
        ("0::/job\n", {"other/cpu.max": "100000 100000"}, ALL),
        ("4:cpu,cpuacct:/job\n0::/\n", {"cpu/job/cpu.cfs_quota_us": "50000\n",
                                        "cpu/job/cpu.cfs_period_us": "50000\n"}, 1),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "50000"}, ALL),
        ("5:memory:/a\n", {"cpu/a/cpu.cfs_quota_us": "1", "cpu/a/cpu.cfs_period_us": "1"}, ALL),
        ("something else", {"cpu.max": "100000 100000"}, ALL),
        ("0::/../..\n", {"cpu.max": "nonsense"}, ALL),
    ],
)  # fmt: skip
def test_quotas_count(tmp_path, groups, files, cores):
    assert counted(tmp_path, groups, files) == cores


def test_without_control_groups_affinity_counts(tmp_path):
    assert usable_cores(tmp_path / "none", tmp_path) == ALL
    os.sched_setaffinity(0, one := set(list(everywhere := os.sched_getaffinity(0))[:1]))
    try:
        assert usable_cores(tmp_path / "none", tmp_path) == len(one)
    finally:
        os.sched_setaffinity(0, everywhere)
