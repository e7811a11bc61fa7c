"""A pool of local worker processes.

Each worker has pipes and memory of its own: a worker that is killed can leave
no shared queue or lock in a bad state, and the parent knows which episodes it
held.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import fcntl
import gc
import multiprocessing
import os
import select
import selectors
import signal
import struct
import sys
import threading
import traceback
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np

from crafter_dataset.builder.collectors import make_collector
from crafter_dataset.builder.collectors.job import CollectError, Job
from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.pool.ring import LINE_BYTES, MOST_BYTES, RING_BYTES
from crafter_dataset.builder.pool.transport import EpisodePipe
from crafter_dataset.engine.engines import warm_up

MOST_DEATHS = 3
"""Times that an episode may take its worker down with it."""

_NO_EPISODE = -1
_NUMBER = struct.Struct("<q")
_MOST_NUMBERS = select.PIPE_BUF // _NUMBER.size
"""Numbers that a pipe takes all at once or not at all."""
_PIPE_BYTES = 2**20


@dataclass
class _Worker:
    process: BaseProcess
    requests: Connection
    results: EpisodePipe
    place: slice
    episodes: list[int] = field(default_factory=list)
    unsent: bytearray = field(default_factory=bytearray)

    def ask(self, episode: int) -> None:
        """Ask for an episode; should it be dead, `receive` will find out."""
        self.unsent += _NUMBER.pack(episode)
        self.flush()

    def flush(self) -> None:
        """Send what the pipe takes now: to wait could be to wait for one that waits, too."""
        while self.unsent:
            try:
                sent = os.write(self.requests.fileno(), self.unsent[: _MOST_NUMBERS * _NUMBER.size])
            except OSError:
                return
            del self.unsent[:sent]

    def close(self) -> None:
        """Close the pipes."""
        self.requests.close()
        self.results.close()


class ProcessPool:
    """Plays episodes in worker processes, and replaces those that die.

    Parameters
    ----------
    job : Job
        What to collect; it must be picklable.
    workers : int
        Number of processes.
    """

    def __init__(self, job: Job, workers: int) -> None:
        warm_up(job.engine, job.metadata.env.area)
        self._job = job
        # Spawned, not forked: a policy may hold threads or a GPU.
        self._context = multiprocessing.get_context("spawn")
        self._deaths: collections.Counter[int] = collections.Counter()
        self._workers: list[_Worker] = []
        self._results = selectors.DefaultSelector()
        room = min(RING_BYTES, MOST_BYTES // workers // LINE_BYTES * LINE_BYTES)
        try:
            # One for all: each takes two descriptors.
            self._memory: Any = self._context.RawArray(ctypes.c_ubyte, workers * room)
            for number in range(workers):
                self._workers.append(self._spawn(slice(number * room, (number + 1) * room)))
        except BaseException:
            self.close()
            raise

    def free(self) -> int:
        """Count the episodes that would be started soon."""
        return sum(self._room(worker) for worker in self._workers)

    def submit(self, episode: int) -> None:
        """Ask the least busy worker for an episode."""
        worker = max(self._workers, key=self._room)
        worker.episodes.append(episode)
        worker.ask(episode)

    def receive(self, timeout: float) -> list[EncodedEpisode]:
        """Wait for whole episodes; replace workers that died and give them their episodes again."""
        ready = {key.fd for key, _ in self._results.select(timeout)}
        received = []
        for index, worker in enumerate(self._workers):
            worker.flush()
            if worker.results.fileno() not in ready:
                continue
            try:
                message = worker.results.receive()
            except (EOFError, OSError):
                self._workers[index] = self._replace(worker)
                continue
            if isinstance(message, CollectError):
                raise message
            worker.episodes.remove(message.episode)
            received.append(message)
        return received

    def close(self) -> None:
        """Kill the workers."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.close()
        self._workers.clear()
        self._results.close()

    def _room(self, worker: _Worker) -> int:
        # One more than it has lanes, so that a lane that ends need not wait for an answer.
        return self._job.num_envs + 1 - len(worker.episodes)

    def _spawn(self, place: slice) -> _Worker:
        memory = np.frombuffer(self._memory, np.uint8)[place]
        memory[:] = 0
        # Two pipes of one direction each: a socket, which goes both ways, takes twice the time.
        requested, requests = self._context.Pipe(duplex=False)
        results, give = self._context.Pipe(duplex=False)
        _widen(give)
        os.set_blocking(requests.fileno(), False)
        process = self._context.Process(
            target=_work,
            args=(requested, give, self._memory, place, self._job),
            name="crafter-worker",
            daemon=True,
        )
        # Ctrl-C and SIGTERM may reach the whole process group; the parent alone decides what they
        # mean. A blocked signal stays blocked in the new process, from its very start. (To start
        # the resource tracker, which a first process does, unblocks them.)
        resource_tracker.ensure_running()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        # With the worker the only holder of its ends, its death is the end of the file.
        requested.close()
        give.close()
        self._results.register(results, selectors.EVENT_READ)
        pipe = EpisodePipe(results, memory, self._job.metadata)
        return _Worker(process, requests, pipe, place)

    def _replace(self, dead: _Worker) -> _Worker:
        dead.process.join()
        self._results.unregister(dead.results)
        dead.close()
        for episode in dead.episodes:
            self._deaths[episode] += 1
        code = dead.process.exitcode
        if not dead.episodes:
            self._deaths[_NO_EPISODE] += 1
        worst = max(dead.episodes or [_NO_EPISODE], key=self._deaths.__getitem__)
        if self._deaths[worst] >= MOST_DEATHS:
            doing = "without an episode" if worst == _NO_EPISODE else f"playing episode {worst}"
            raise CollectError(
                f"workers: expected them to live, found that {MOST_DEATHS} died {doing} "
                f"(exit code {code}); is there enough memory?"
            )
        print(
            f"a worker died (exit code {code}); its {len(dead.episodes)} episodes are done again",
            file=sys.stderr,
        )
        worker = self._spawn(dead.place)
        worker.episodes = dead.episodes
        for episode in dead.episodes:
            worker.ask(episode)
        return worker


def _widen(pipe: Connection) -> None:
    """Let a pipe hold a whole episode, so that neither side waits for the other in between."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
        with contextlib.suppress(OSError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _work(requested: Connection, give: Connection, memory: Any, place: slice, job: Job) -> None:
    """Run a worker: take episode numbers from one pipe, send whole episodes into the other."""
    # For what the user's policy imports later; last, so that ours comes first.
    sys.path.append(os.getcwd())
    results = EpisodePipe(give, np.frombuffer(memory, np.uint8)[place], job.metadata)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    file, waiting = requested.fileno(), collections.deque[int]()
    poll = select.poll()
    poll.register(file, select.POLLIN)

    def take(wait_for_one: bool) -> int | None:
        if not waiting and (wait_for_one or poll.poll(0)):
            numbers = os.read(file, _MOST_NUMBERS * _NUMBER.size)
            if not numbers:
                os._exit(1)  # The parent is gone.
            waiting.extend(number for (number,) in _NUMBER.iter_unpack(numbers))
        return waiting.popleft() if waiting else None

    def send(message: EncodedEpisode | CollectError) -> None:
        try:
            results.send(message)
        except BrokenPipeError:
            os._exit(1)  # The parent is gone.

    try:
        collector = make_collector(job, take, send)
        gc.freeze()  # what is there by now stays: no need to look through it again and again
        while collector.advance():
            pass
    except CollectError as error:
        send(error)
    except Exception as error:  # ours, not the policy's: say so rather than die of it
        text = " ".join(f"{type(error).__name__}: {error}".split())
        send(CollectError(f"a worker failed: {text}", traceback.format_exc()))


def _end_with_parent() -> None:
    """End this process, whatever it is doing, with its parent."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
