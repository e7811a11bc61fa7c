"""Pools: any order out, dead workers replaced, bounded queues."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import time
from contextlib import closing

import psutil
import pytest

from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.errors import BuildError
from crafter_dataset.builder.pool import InlinePool, ProcessPool, launch
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.conftest import SMALL_WORLD

MODULE = "tests.policies_for_tests"
SETTINGS = BuildSettings(seed=1, **SMALL_WORLD)


class PoolContract:
    """What any pool must do."""

    def make(self, job):
        raise NotImplementedError

    def test_every_episode_comes_back_once(self):
        pool = self.make(Job(SETTINGS.metadata(), num_envs=2))
        try:
            wanted, got = [3, 0, 7, 1, 5, 2], []
            waiting = wanted.copy()
            end = time.monotonic() + 60
            while len(got) < len(wanted) and time.monotonic() < end:
                while waiting and pool.free() > 0:
                    pool.submit(waiting.pop(0))
                got += [episode.episode for episode in pool.receive(0.2)]
            assert sorted(got) == sorted(wanted)
            assert pool.free() > 0
        finally:
            pool.close()

    def test_an_episode_is_the_same_wherever_it_is_played(self):
        pool = self.make(Job(SETTINGS.metadata(), num_envs=3))
        other = InlinePool(Job(SETTINGS.metadata(), num_envs=1))
        try:
            for number in (2, 4):
                pool.submit(number)
                other.submit(number)
            got = {}
            while len(got) < 2:
                got |= {e.episode: e for e in pool.receive(0.2)}
            expected = {}
            while len(expected) < 2:
                expected |= {e.episode: e for e in other.receive(0.2)}
            for number, episode in expected.items():
                assert got[number].chunks == episode.chunks
                assert (got[number].digest == episode.digest).all()
                assert got[number].length == episode.length
        finally:
            pool.close()


class TestInlinePool(PoolContract):
    def make(self, job):
        return InlinePool(job)


class TestProcessPool(PoolContract):
    def make(self, job):
        return ProcessPool(job, 2)

    def test_close_leaves_no_process(self):
        before = {p.pid for p in psutil.Process().children()}
        pool = ProcessPool(Job(SETTINGS.metadata(), num_envs=1), 2)
        assert len({p.pid for p in psutil.Process().children()} - before) >= 2
        pool.close()
        left = [
            p
            for p in psutil.Process().children()
            if p.pid not in before and "resource_tracker" not in " ".join(p.cmdline())
        ]
        assert not left

    def test_many_lanes_that_end_at_once(self):
        """Hundreds of numbers go one way while hundreds of episodes come the other."""
        settings = BuildSettings(area=(8, 8), length=1, size=(18, 18), fields=())
        pool = ProcessPool(Job(settings.metadata(), num_envs=700), 1)
        try:
            got, submitted = set(), 0
            end = time.monotonic() + 100
            while len(got) < 1500 and time.monotonic() < end:
                while pool.free() > 0:
                    pool.submit(submitted)
                    submitted += 1
                got |= {episode.episode for episode in pool.receive(0.2)}
            assert len(got) >= 1500
        finally:
            pool.close()

    def test_a_worker_that_dies_idle_is_replaced(self):
        pool = ProcessPool(Job(SETTINGS.metadata(), num_envs=1), 2)
        try:
            pool._workers[1].process.kill()
            pool._workers[1].process.wait()
            assert pool.receive(5) == []
            for number in range(4):
                pool.submit(number)
            got = set()
            while len(got) < 4:
                got |= {episode.episode for episode in pool.receive(0.2)}
        finally:
            pool.close()


def test_a_killed_worker_is_replaced(tmp_path, capsys):
    whole = build(tmp_path / "whole", SETTINGS, Target(episodes=30), workers=0)
    killed = []

    def kill_one():
        workers = [p for p in psutil.Process().children() if "pool.worker" in " ".join(p.cmdline())]
        if len(killed) < 2 and workers and psutil.Process().cpu_times().user:
            workers[len(killed) % len(workers)].kill()
            killed.append(workers)
            time.sleep(1)
        return False

    result = build(tmp_path / "d", SETTINGS, Target(episodes=30), workers=2, should_stop=kill_one)
    assert len(killed) == 2
    assert result.metadata.digest == whole.metadata.digest
    assert "a worker died (exit code -9)" in capsys.readouterr().err


class Gone(io.StringIO):
    """Standard error whose reader has left."""

    def write(self, text):
        raise BrokenPipeError


def test_a_worker_is_replaced_though_nobody_can_be_told(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Gone())
    with closing(ProcessPool(Job(SETTINGS.metadata(), num_envs=1), 1)) as pool:
        pool._workers[0].process.kill()
        pool._workers[0].process.wait()
        assert pool.receive(5) == []
        pool.submit(0)
        assert [episode.episode for episode in pool.receive(60)] == [0]


@pytest.mark.parametrize(("set_by_user", "threads"), [(None, 1), ("3", 3)])
def test_a_worker_takes_one_core_unless_told_otherwise(tmp_path, monkeypatch, set_by_user, threads):
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if set_by_user:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", set_by_user)
    settings = BuildSettings(policy=f"{MODULE}:Threads", **SMALL_WORLD)
    build(tmp_path / "d", settings, Target(episodes=1), workers=1)
    assert set(open_dataset(tmp_path / "d")[0]["actions"][:-1].tolist()) == {threads}


def test_a_worker_that_dies_while_playing_is_replaced(tmp_path):
    settings = BuildSettings(
        policy=f"{MODULE}:KillsItsWorker",
        policy_args={"marks": str(tmp_path), "times": 2},
        **SMALL_WORLD,
    )
    result = build(tmp_path / "d", settings, Target(episodes=5), workers=2, num_envs=2)
    assert result.complete
    assert (tmp_path / "1").exists()


def test_an_episode_that_keeps_killing_its_worker_ends_the_build(tmp_path):
    settings = BuildSettings(
        policy=f"{MODULE}:KillsItsWorker",
        policy_args={"marks": str(tmp_path), "times": 99},
        **SMALL_WORLD,
    )
    with pytest.raises(BuildError, match=r"3 died playing .* -9\); is there enough memory\?"):
        build(tmp_path / "d", settings, Target(episodes=5), workers=1, num_envs=1)


@pytest.mark.parametrize(("how", "said"), [
    ("7", r"3 died playing episode 0 \(exit code 7\); does the policy end its process\?"),
    ("-11", r"\(exit code -11\); it was ended by signal 11 \(Segmentation fault\)"),
    ("-7", r"\(exit code -7\); is there enough shared memory\?"),
])  # fmt: skip
def test_memory_is_blamed_for_a_signal_that_comes_of_it_alone(tmp_path, how, said):
    settings = BuildSettings(
        policy=f"{MODULE}:EndsItsProcess", policy_args={"how": how}, **SMALL_WORLD
    )
    with pytest.raises(BuildError, match=said) as caught:
        build(tmp_path / "d", settings, Target(episodes=2), workers=1, num_envs=1)
    assert "\n" not in str(caught.value)
    assert "is there enough memory" not in str(caught.value)
    assert not (tmp_path / "d").exists()


def test_workers_end_with_a_killed_parent(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "crafter_dataset", "--out", "d", "--workers", "2"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.getcwd()}, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    children = []
    while len(children) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
        children = [
            p
            for p in psutil.Process(process.pid).children()
            if "pool.worker" in " ".join(p.cmdline())
        ]
    assert len(children) == 2
    time.sleep(2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


@pytest.fixture
def no_memory_files(monkeypatch):
    """Let there be no files in memory but those in folders, as on macOS."""

    def fails(name):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(launch.os, "memfd_create", fails, raising=False)


def test_memory_is_shared_through_a_folder_where_it_must_be(no_memory_files, monkeypatch, tmp_path):
    monkeypatch.setattr(launch, "_MEMORY_FOLDERS", ("/nonexistent", str(tmp_path)))
    memory = launch.SharedMemory(1000)
    memory.view[999] = 7
    assert os.pread(memory.descriptor, 1, 999) == b"\x07"
    assert os.fstat(memory.descriptor).st_blocks > 0  # no room later would kill who writes
    memory.close()
    build(tmp_path / "d", SETTINGS, Target(episodes=2), workers=1)


def test_no_room_for_shared_memory_says_what_to_do(no_memory_files, monkeypatch, tmp_path):
    def fails(descriptor, start, size):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(launch.os, "posix_fallocate", fails, raising=False)
    with pytest.raises(OSError, match="No space left") as raised:
        build(tmp_path / "d", SETTINGS, Target(episodes=2), workers=1)
    assert raised.value.filename
    (note,) = raised.value.__notes__
    assert note.endswith("bytes that processes can share; do without workers by workers=0")
    assert note.for_command({}).endswith("do without workers by --workers 0")


def test_memory_that_is_shared_lies_in_no_folder():
    """So a small or read-only /dev/shm, or no folder for temporary files, does no harm."""
    if not hasattr(os, "memfd_create"):
        pytest.skip("needs Linux")
    memory = launch.SharedMemory(1000)
    assert os.readlink(f"/proc/self/fd/{memory.descriptor}").startswith("/memfd:crafter-dataset")
    memory.close()
