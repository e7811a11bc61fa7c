"""Threads that share the work of one reader."""

from __future__ import annotations

import multiprocessing
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from crafter_dataset.schemas.cores import usable_cores

Item = TypeVar("Item")

MOST_THREADS = 8
"""More are of little use: Python's own part of the work runs in one thread at a time."""


def default_threads() -> int:
    """Return how many threads a reader uses: the usable cores, or one in a worker process."""
    if multiprocessing.current_process().daemon:
        return 1
    return min(usable_cores(), MOST_THREADS)


class WorkerThreads:
    """Works through lists of items, with some threads beside the calling one.

    Parameters
    ----------
    count : int
        Threads that work at once, the calling one among them.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[Item], None], items: Sequence[Item]) -> None:
        """Call `work` with every item; in any order if there are several threads.

        The first error is raised once no thread is working any more.

        Parameters
        ----------
        work : callable
            Takes an item.
        items : sequence
            What there is to do.
        """
        if self.count == 1 or len(items) < 4:  # handing over costs as much as a small chunk
            for item in items:
                work(item)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.count - 1, "crafter-dataset-reader")
        todo = deque(items)

        def work_through() -> None:
            while todo:
                try:
                    item = todo.popleft()
                except IndexError:
                    return
                try:
                    work(item)
                except BaseException:
                    todo.clear()
                    raise

        helpers: list[Future[None]] = []
        try:
            for _ in range(self.count - 1):
                helpers.append(self._pool.submit(work_through))
            work_through()
        finally:
            # Also after Ctrl-C: nobody may write to the caller's arrays once this has returned.
            todo.clear()
            wait(helpers)
        for helper in helpers:
            helper.result()
