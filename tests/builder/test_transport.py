"""What goes from one process to another arrives as it was, with little room or none."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections import deque

import numpy as np
import pytest

from crafter_dataset.builder.collectors.job import CollectError, Job
from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.pool import InlinePool, ProcessPool
from crafter_dataset.builder.pool.ring import LINE_BYTES, SharedRing
from crafter_dataset.builder.pool.transport import EpisodePipe
from crafter_dataset.builder.settings import BuildSettings
from tests.conftest import SMALL_WORLD

METADATA = BuildSettings(seed=1, **SMALL_WORLD).metadata()


def play(pool, count: int) -> dict[int, EncodedEpisode]:
    waiting, got = list(range(count)), {}
    while len(got) < count:
        while waiting and pool.free() > 0:
            pool.submit(waiting.pop(0))
        got |= {episode.episode: episode for episode in pool.receive(0.2)}
    return got


def assert_same(one: EncodedEpisode, other: EncodedEpisode) -> None:
    for name in ("episode", "length", "end_reason", "world_seed"):
        assert getattr(one, name) == getattr(other, name)
    assert one.chunks == other.chunks
    assert one.rows.keys() == other.rows.keys()
    for name, rows in one.rows.items():
        assert rows.dtype == other.rows[name].dtype
        np.testing.assert_array_equal(rows, other.rows[name])
    np.testing.assert_array_equal(one.digest, other.digest)
    np.testing.assert_array_equal(one.terrain, other.terrain)


@pytest.mark.parametrize("room", [LINE_BYTES, 40_000 // LINE_BYTES * LINE_BYTES, 2**22])
def test_episodes_come_whole_whatever_room_there_is(monkeypatch, room):
    monkeypatch.setattr("crafter_dataset.builder.pool.processes.RING_BYTES", room)
    pool, inline = ProcessPool(Job(METADATA, 2), 2), InlinePool(Job(METADATA, 2))
    try:
        got = play(pool, 12)
    finally:
        pool.close()
    for number, expected in play(inline, 12).items():
        assert_same(got[number], expected)


def test_through_the_ring_and_the_pipe_in_turns():
    episodes = play(InlinePool(Job(METADATA, 2)), 12)
    memory = bytearray(2 * max(episode.nbytes for episode in episodes.values()))
    reading, writing = os.pipe()
    sender, receiver = (EpisodePipe(end, memory, METADATA) for end in (writing, reading))
    ends: list[int | None] = []
    put = sender._ring.put
    sender._ring.put = lambda parts, size: ends.append(put(parts, size)) or ends[-1]

    def send() -> None:
        for episode in episodes.values():
            sender.send(episode)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    for episode in episodes.values():
        while None not in ends:  # until there is no room in the ring
            time.sleep(0.01)
        assert_same(receiver.receive(), episode)
    thread.join()
    assert len([end for end in ends if end is not None]) > 2


def test_an_error_comes_with_its_details():
    reading, writing = os.pipe()
    EpisodePipe(writing, bytearray(LINE_BYTES), METADATA).send(
        CollectError("one line", details="many lines")
    )
    error = EpisodePipe(reading, bytearray(LINE_BYTES), METADATA).receive()
    assert (str(error), error.details) == ("one line", "many lines")


def test_a_sender_that_dies_in_between_is_noticed():
    reading, writing = os.pipe()
    os.write(writing, b"half")
    os.close(writing)
    with pytest.raises(EOFError):
        EpisodePipe(reading, bytearray(LINE_BYTES), METADATA).receive()


def test_a_ring_never_overwrites_what_is_not_taken():
    rng = np.random.default_rng(0)
    memory = bytearray(LINE_BYTES + 1000)
    sender, receiver = SharedRing(memory), SharedRing(memory)
    under_way: deque[tuple[int, bytes]] = deque()
    refused = 0
    for _ in range(5000):
        if rng.random() < 0.55:
            content = rng.bytes(int(rng.integers(1, 500)))
            middle = int(rng.integers(len(content) + 1))
            end = sender.put([content[:middle], content[middle:]], len(content))
            if end is None:
                refused += 1
            else:
                under_way.append((end, content))
        elif under_way:
            end, content = under_way.popleft()
            assert receiver.take(end, len(content)).tobytes() == content
    assert 0 < refused < 2500


def test_a_message_larger_than_the_ring_is_refused():
    ring = SharedRing(bytearray(LINE_BYTES + 10))
    assert ring.put([b"12345678901"], 11) is None
    assert ring.put([b"1234567890"], 10) == 10


def test_an_empty_ring_takes_whatever_fits():
    """Wherever the last message ended."""
    memory = bytearray(LINE_BYTES + 10)
    sender, receiver = SharedRing(memory), SharedRing(memory)
    for content in (b"1234", b"1234567", b"123456789", b"1", b"1234567890"):
        end = sender.put([content], len(content))
        assert end is not None
        assert receiver.take(end, len(content)).tobytes() == content


def test_nobody_waits_when_more_is_asked_for_than_a_pipe_holds():
    pool = ProcessPool(Job(METADATA, num_envs=30_000), 1)

    def ask_and_receive() -> None:
        for number in range(30_000):
            pool.submit(number)
        got = 0
        while got < 100:
            got += len(pool.receive(0.2))

    try:
        thread = threading.Thread(target=ask_and_receive, daemon=True)
        thread.start()
        thread.join(120)
        assert not thread.is_alive()
    finally:
        pool.close()


def test_with_many_open_files():
    """Processes inherit the numbers of their descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip("too few open files allowed")
    files: list[int] = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (1200, hard))
        while not files or files[-1] < 1040:
            files.append(os.open(os.devnull, os.O_RDONLY))
        pool = ProcessPool(Job(METADATA, 2), 1)
        try:
            assert len(play(pool, 3)) == 3
        finally:
            pool.close()
    finally:
        for file in files:
            os.close(file)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
