"""Run cases in child processes, so that a crash or a hang is one case's failure."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

PROCESSES = 2
_MODULES = ["h5py", "crafter_dataset.loader.zarr.zarr_python", "tests.reliability.containers"]


@dataclass
class Outcome:
    """What became of one case.

    Parameters
    ----------
    case : Any
        The case.
    result : Any
        What the function gave.
    death : str
        How the child ended instead; "" if it did not.
    """

    case: Any
    result: Any = None
    death: str = ""


@dataclass
class _Child:
    process: BaseProcess
    results: Connection
    left: list[Outcome]
    since: float


def run_cases(
    function: Callable[[Any], Any], cases: Sequence[Any], seconds: float
) -> list[Outcome]:
    """Call a function of this package with each case, in children that are made anew if need be.

    Parameters
    ----------
    function : callable
        Of a module, so that it can be named to another process; as may its result.
    cases : sequence
        Its arguments.
    seconds : float
        How long a case may take; then its child is killed.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_MODULES)  # without threads, so that it can be forked
    outcomes = [Outcome(case) for case in cases]
    children = [
        _start(context, function, outcomes[first::PROCESSES])
        for first in range(min(PROCESSES, len(cases)))
    ]
    while children:
        ready = wait([child.results for child in children], 0.2)
        for child in list(children):
            death = ""
            if child.results in ready:
                try:
                    child.left.pop(0).result = child.results.recv()
                    child.since = time.monotonic()
                except EOFError:
                    child.process.join()
                    death = f"the process ended with {child.process.exitcode}"
            elif time.monotonic() - child.since > seconds:
                os.kill(child.process.pid or 0, signal.SIGKILL)
                death = f"not done after {seconds:g} s"
            if not death and child.left:
                continue
            if death and child.left:
                child.left.pop(0).death = death
            child.process.join()
            child.results.close()
            children.remove(child)
            if child.left:
                children.append(_start(context, function, child.left))
    return outcomes


def _start(context: Any, function: Callable[[Any], Any], left: list[Outcome]) -> _Child:
    results, give = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(give, function, [o.case for o in left]))
    process.start()
    give.close()
    return _Child(process, results, list(left), time.monotonic())


def _work(give: Connection, function: Callable[[Any], Any], cases: list[Any]) -> None:
    for case in cases:
        give.send(function(case))


def limit_memory(nbytes: int) -> None:
    """Grant this process so much address space more than it has now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + nbytes, hard))


def unlimited_memory() -> None:
    """Take the limit away."""
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
