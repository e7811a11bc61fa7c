"""A pool of local worker processes.

Each worker has pipes and memory of its own: a worker that is killed can leave
no shared queue or lock in a bad state, and the parent knows which episodes it
held.
"""

from __future__ import annotations

import collections
import os
import selectors
import signal
import subprocess
from dataclasses import dataclass, field

import numpy as np

from crafter_dataset.builder.collectors.job import CollectError, Job
from crafter_dataset.builder.episodes import EncodedEpisode
from crafter_dataset.builder.pool.launch import Pipe, SharedMemory, launch
from crafter_dataset.builder.pool.ring import LINE_BYTES, MOST_BYTES, RING_BYTES
from crafter_dataset.builder.pool.transport import EpisodePipe
from crafter_dataset.builder.pool.worker import MOST_NUMBERS, NUMBER
from crafter_dataset.engine.engines import warm_up
from crafter_dataset.schemas.progress import tell

MOST_DEATHS = 3
"""Times that an episode may take its worker down with it."""

_NO_EPISODE = -1


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    requests: Pipe
    results: Pipe
    episode_pipe: EpisodePipe
    place: slice
    episodes: list[int] = field(default_factory=list)
    unsent: bytearray = field(default_factory=bytearray)

    def ask(self, episode: int) -> None:
        """Ask for an episode; if the worker is dead, `receive` will find out."""
        self.unsent += NUMBER.pack(episode)
        self.flush()

    def flush(self) -> None:
        """Send what the pipe takes now: the worker might be waiting, too."""
        while self.unsent:
            try:
                sent = os.write(self.requests.writing, self.unsent[: MOST_NUMBERS * NUMBER.size])
            except OSError:
                return
            del self.unsent[:sent]

    def close(self) -> None:
        """Close the pipes."""
        self.requests.close()
        self.results.close()


def _reason(code: int) -> str:
    """Return what may have ended a worker, by its exit code."""
    if code == -signal.SIGKILL:
        return "is there enough memory?"
    if code == -signal.SIGBUS:
        return "is there enough shared memory?"
    if code < 0:
        return f"it was ended by signal {-code} ({signal.strsignal(-code)})"
    return "does the policy end its process? What it printed stands above"


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
        self._deaths: collections.Counter[int] = collections.Counter()
        self._workers: list[_Worker] = []
        self._results = selectors.DefaultSelector()
        self._lifeline = Pipe.open()
        room = min(RING_BYTES, MOST_BYTES // workers // LINE_BYTES * LINE_BYTES)
        self._memory: SharedMemory | None = None
        try:
            # One for all: each takes a descriptor.
            self._memory = SharedMemory(workers * room)
            for number in range(workers):
                self._workers.append(self._start(slice(number * room, (number + 1) * room)))
        except BaseException:
            self.close()
            raise

    def free(self) -> int:
        """Count the episodes that would be started soon."""
        return sum(self._room(worker) for worker in self._workers)

    def submit(self, episode: int) -> None:
        """Ask the least busy worker for an episode.

        Parameters
        ----------
        episode : int
            Its number.
        """
        worker = max(self._workers, key=self._room)
        worker.episodes.append(episode)
        worker.ask(episode)

    def receive(self, timeout: float) -> list[EncodedEpisode]:
        """Wait for whole episodes; replace workers that died, and play their episodes again.

        Parameters
        ----------
        timeout : float
            Seconds to wait, at most.

        Returns
        -------
        list of EncodedEpisode
            Those that are whole now, in any order; maybe none.

        Raises
        ------
        CollectError
            If the policy or an environment raised, or the workers keep dying.
        """
        ready = {key.fd for key, _ in self._results.select(timeout)}
        received = []
        for index, worker in enumerate(self._workers):
            worker.flush()
            if worker.results.reading not in ready:
                continue
            try:
                message = worker.episode_pipe.receive()
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
            worker.process.wait()
            worker.close()
        self._workers.clear()
        self._results.close()
        self._lifeline.close()
        if self._memory is not None:
            self._memory.close()

    def _room(self, worker: _Worker) -> int:
        # One more than it has lanes, so that a lane that ends need not wait for an answer.
        return self._job.num_envs + 1 - len(worker.episodes)

    def _start(self, place: slice) -> _Worker:
        assert self._memory is not None
        memory = np.frombuffer(self._memory.view, np.uint8)[place]
        memory[:] = 0
        # Two pipes of one direction each: a socket, which goes both ways, takes twice the time.
        requests, results = Pipe.open(), Pipe.open()
        try:
            results.widen()
            os.set_blocking(requests.writing, False)
            # The worker alone holds its ends, so when it dies, reading finds the end of the file.
            process = launch(self._job, (requests, results), self._lifeline, self._memory, place)
        except BaseException:
            requests.close()
            results.close()
            raise
        self._results.register(results.reading, selectors.EVENT_READ)
        pipe = EpisodePipe(results.reading, memory, self._job.metadata)
        return _Worker(process, requests, results, pipe, place)

    def _replace(self, dead: _Worker) -> _Worker:
        code = dead.process.wait()
        self._results.unregister(dead.results.reading)
        dead.close()
        for episode in dead.episodes:
            self._deaths[episode] += 1
        if not dead.episodes:
            self._deaths[_NO_EPISODE] += 1
        worst = max(dead.episodes or [_NO_EPISODE], key=self._deaths.__getitem__)
        if self._deaths[worst] >= MOST_DEATHS:
            doing = "without an episode" if worst == _NO_EPISODE else f"playing episode {worst}"
            raise CollectError(
                f"workers: expected them to live, found that {MOST_DEATHS} died {doing} "
                f"(exit code {code}); {_reason(code)}"
            )
        tell(f"a worker died (exit code {code}); its {len(dead.episodes)} episodes are done again")
        worker = self._start(dead.place)
        worker.episodes = dead.episodes
        for episode in dead.episodes:
            worker.ask(episode)
        return worker
