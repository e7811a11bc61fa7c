"""Starting a worker process, and what it shares with the one that starts it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import mmap
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass

from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.pool.worker import Ends

_PROGRAM = """
import json, sys
numbers, sys.path[:] = json.loads(sys.argv.pop())
from crafter_dataset.builder.pool.worker import main
main(*numbers)
"""
"""Finds the modules where its parent does, and nothing else; the current folder comes later."""

_PIPE_BYTES = 2**20
_LEAST_DESCRIPTOR = 3
"""After those of the standard streams, which may be closed."""

_MEMORY_FOLDER = "/dev/shm"


@dataclass
class Pipe:
    """Both ends of a pipe, as descriptors that no other program inherits.

    Parameters
    ----------
    reading, writing : int
        The ends; -1 once closed.
    """

    reading: int
    writing: int

    @classmethod
    def open(cls) -> Pipe:
        """Make a pipe."""
        return cls(*(_raised(end) for end in os.pipe()))

    def close_reading(self) -> None:
        """Close the end that is read from, unless it is closed."""
        self.reading = _closed(self.reading)

    def close_writing(self) -> None:
        """Close the end that is written to, unless it is closed."""
        self.writing = _closed(self.writing)

    def close(self) -> None:
        """Close both ends."""
        self.close_reading()
        self.close_writing()

    def widen(self) -> None:
        """Let it hold a whole episode, so that neither side waits for the other."""
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
            with contextlib.suppress(OSError):
                fcntl.fcntl(self.writing, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def _raised(descriptor: int) -> int:
    """Move a descriptor out of the way of the standard streams."""
    if descriptor >= _LEAST_DESCRIPTOR:
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _LEAST_DESCRIPTOR)
    os.close(descriptor)
    return moved


def _closed(descriptor: int) -> int:
    if descriptor >= 0:
        os.close(descriptor)
    return -1


class SharedMemory:
    """Memory without a name, which other programs can be given.

    Parameters
    ----------
    size : int
        Bytes, 1 or more.

    Attributes
    ----------
    descriptor : int
        What to pass to them.
    view : memoryview
        The memory, zeros at first.
    """

    def __init__(self, size: int) -> None:
        with tempfile.TemporaryFile(dir=_folder_with_room(size), buffering=0) as file:
            self.descriptor = _raised(os.dup(file.fileno()))
        os.truncate(self.descriptor, size)
        self.view = memoryview(mmap.mmap(self.descriptor, size))

    def close(self) -> None:
        """Close the descriptor; the memory is freed once nobody uses it any more."""
        self.descriptor = _closed(self.descriptor)


def _folder_with_room(size: int) -> str | None:
    """Return a folder whose files are memory, None for the system's own choice."""
    with contextlib.suppress(OSError):
        about = os.statvfs(_MEMORY_FOLDER)
        if about.f_bavail * about.f_frsize >= size and os.access(_MEMORY_FOLDER, os.W_OK):
            return _MEMORY_FOLDER
    return None


def launch(
    job: Job, pipes: tuple[Pipe, Pipe], lifeline: Pipe, memory: SharedMemory, place: slice
) -> subprocess.Popen[bytes]:
    """Start a worker process, one of a core: NumPy gets a single thread in it.

    Parameters
    ----------
    job : Job
        What it is to play.
    pipes : tuple of Pipe
        The pipe of the numbers and that of the episodes; the worker's ends are
        closed here.
    lifeline : Pipe
        A pipe whose writing end no other process has.
    memory : SharedMemory
        The memory that it shares with this process.
    place : slice
        Bytes of the memory that are the worker's.

    Returns
    -------
    subprocess.Popen
        The process.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    requests, results = pipes
    # In a file, since a pipe may hold less than a policy's arguments take.
    with tempfile.TemporaryFile() as file:
        pickle.dump(job, file)
        file.seek(0)
        ends = Ends(
            _raised(os.dup(file.fileno())), requests.reading, lifeline.reading, results.writing,
            memory.descriptor, place.start, place.stop,
        )  # fmt: skip
    inherited = ends[:5]
    folders = [os.path.abspath(folder) if folder == "" else folder for folder in sys.path]
    arguments = json.dumps([ends, [folder for folder in folders if isinstance(folder, str)]])
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    try:
        with _stop_signals_blocked():
            return subprocess.Popen(
                [sys.executable, *flags, "-P", "-c", _PROGRAM, arguments],
                stdin=subprocess.DEVNULL,
                env={"OPENBLAS_NUM_THREADS": "1", **os.environ},
                pass_fds=inherited,
            )
    finally:
        _closed(ends.job)
        requests.close_reading()
        results.close_writing()


@contextlib.contextmanager
def _stop_signals_blocked() -> Iterator[None]:
    """Block signals that may reach a whole process group: only the parent acts on them.

    A blocked signal stays blocked in the new process, from its very start.
    """
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
