"""A worker process: takes episode numbers from one pipe, sends whole episodes into another.

It is started as a program of its own, which knows nothing of the one that
started it: so a script may build without a guard around its main part, and a
policy may hold threads or a GPU.
"""

from __future__ import annotations

import collections
import gc
import mmap
import os
import pickle
import select
import struct
import sys
import threading
import traceback
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crafter_dataset.builder.collectors.job import CollectError, Job
    from crafter_dataset.builder.episodes import EncodedEpisode

NUMBER = struct.Struct("<q")
"""How an episode's number is sent."""

MOST_NUMBERS = select.PIPE_BUF // NUMBER.size
"""Numbers that a pipe takes all at once or not at all."""

_is_worker = False


def is_worker() -> bool:
    """Tell whether this process is a worker of a build."""
    return _is_worker


class Ends(NamedTuple):
    """What a worker inherits, as descriptors, and its place in the shared memory.

    Parameters
    ----------
    job, requests : int
        Where the job and the numbers are read.
    lifeline : int
        What is closed when the parent ends.
    results : int
        Where episodes are written.
    memory : int
        The shared memory.
    start, stop : int
        Bytes of it that are this worker's.
    """

    job: int
    requests: int
    lifeline: int
    results: int
    memory: int
    start: int
    stop: int


def main(*numbers: int) -> None:
    """Play episodes until the parent is gone.

    Parameters
    ----------
    *numbers : int
        The fields of `Ends`, in order.
    """
    global _is_worker
    _is_worker = True
    ends = Ends(*numbers)
    threading.Thread(target=_end_with_parent, args=(ends.lifeline,), daemon=True).start()
    # For what the user's policy imports later; last, so that ours comes first.
    sys.path.append(os.getcwd())
    from crafter_dataset.engine.compiled.cache import take_over

    with open(ends.job, "rb") as file:
        job: Job
        job, compiled = pickle.load(file)  # from a process of our own
    take_over(compiled)
    memory = memoryview(mmap.mmap(ends.memory, 0))[ends.start : ends.stop]
    _play(job, ends, memory)


def _play(job: Job, ends: Ends, memory: memoryview) -> None:
    from crafter_dataset.builder.collectors import make_collector
    from crafter_dataset.builder.collectors.job import CollectError
    from crafter_dataset.builder.pool.transport import EpisodePipe

    results = EpisodePipe(ends.results, memory, job.metadata)
    waiting = collections.deque[int]()
    poll = select.poll()
    poll.register(ends.requests, select.POLLIN)

    def take(wait_for_one: bool) -> int | None:
        if not waiting and (wait_for_one or poll.poll(0)):
            numbers = os.read(ends.requests, MOST_NUMBERS * NUMBER.size)
            if not numbers:
                os._exit(1)  # The parent is gone.
            waiting.extend(number for (number,) in NUMBER.iter_unpack(numbers))
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
        send(CollectError(f"a worker failed: {text}", details=traceback.format_exc()))


def _end_with_parent(lifeline: int) -> None:
    """End this process with its parent, which alone holds the other end, whatever it is doing."""
    os.read(lifeline, 1)
    os._exit(1)
