"""A pool of local worker processes.

Each worker has a pipe of its own: a worker that is killed can leave no shared
queue or lock in a bad state, and the parent knows which episodes it held.
"""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from builder.collect import CollectError, Collector, Job
from builder.envs.stock import warm_up
from builder.episodes import EncodedEpisode

MOST_DEATHS = 3
"""Times that an episode may take its worker down with it."""


@dataclass
class _Worker:
    process: BaseProcess
    connection: Connection
    episodes: list[int] = field(default_factory=list)


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
        warm_up()
        self._job = job
        # Spawned, not forked: a policy may hold threads or a GPU.
        self._context = multiprocessing.get_context("spawn")
        self._deaths: collections.Counter[int] = collections.Counter()
        self._workers: list[_Worker] = []
        try:
            for _ in range(workers):
                self._workers.append(self._spawn())
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
        # If it is dead, `receive` will find out and give the episode to another.
        with contextlib.suppress(OSError):
            worker.connection.send(episode)

    def receive(self, timeout: float) -> list[EncodedEpisode]:
        """Wait for whole episodes; replace workers that died and give them their episodes again."""
        ready = wait([w.connection for w in self._workers], timeout)
        received = []
        for index, worker in enumerate(self._workers):
            if worker.connection not in ready:
                continue
            try:
                message = worker.connection.recv()
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
            worker.connection.close()
        self._workers.clear()

    def _room(self, worker: _Worker) -> int:
        # One more than it has lanes, so that a lane that ends need not wait for an answer.
        return self._job.num_envs + 1 - len(worker.episodes)

    def _spawn(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_work, args=(theirs, self._job), name="crafter-worker", daemon=True
        )
        process.start()
        # With the worker the only holder of its end, its death is the end of the file.
        theirs.close()
        return _Worker(process, ours)

    def _replace(self, dead: _Worker) -> _Worker:
        dead.process.join()
        dead.connection.close()
        for episode in dead.episodes:
            self._deaths[episode] += 1
        code = dead.process.exitcode
        worst = max(dead.episodes, key=self._deaths.__getitem__, default=None)
        if worst is None or self._deaths[worst] >= MOST_DEATHS:
            raise CollectError(
                f"workers: expected to play episode {worst}, found that {MOST_DEATHS} of them "
                f"died of it (exit code {code}); is there enough memory?"
                if worst is not None
                else f"workers: one died before its first episode (exit code {code})"
            )
        print(
            f"a worker died (exit code {code}); its {len(dead.episodes)} episodes are done again",
            file=sys.stderr,
        )
        worker = self._spawn()
        worker.episodes = dead.episodes
        with contextlib.suppress(OSError):
            for episode in dead.episodes:
                worker.connection.send(episode)
        return worker


def _work(connection: Connection, job: Job) -> None:
    """Run a worker: take episode numbers from the pipe, send back whole episodes."""
    # Ctrl-C reaches the whole process group; the parent alone decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def take(wait_for_one: bool) -> int | None:
        if not wait_for_one and not connection.poll():
            return None
        episode: int = connection.recv()
        return episode

    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):  # no parent left
        try:
            Collector(job, take, connection.send).run()
        except CollectError as error:
            connection.send(error)


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
