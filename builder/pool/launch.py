"""Starting a worker process, and what it shares with the one that starts it."""

from __future__ import annotations

import contextlib
import errno
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
from crafter_dataset.engine.compiled.cache import in_memory
from crafter_dataset.schemas.errors import Advice, Note

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

_MEMORY_FOLDERS = ("/dev/shm", None)
"""Folders whose files are memory, and the system's own choice of a folder."""


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

    Raises
    ------
    OSError
        If there is no room for it; it names a folder that could be given more.
    """

    def __init__(self, size: int) -> None:
        self.descriptor = _raised(_open_memory(size))
        try:
            self.view = memoryview(mmap.mmap(self.descriptor, size))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the descriptor; the memory is freed once nobody uses it any more."""
        self.descriptor = _closed(self.descriptor)


def _open_memory(size: int) -> int:
    """Open zeros that processes can share, and return the descriptor.

    Linux has files in memory that lie in no folder. Elsewhere, and where it
    refuses, their room is taken at once: whoever writes to a file for which
    there is no room later is killed.
    """
    with contextlib.suppress(OSError, AttributeError):
        descriptor = os.memfd_create("crafter-dataset")
        os.truncate(descriptor, size)
        return descriptor
    problem = OSError(errno.ENOSPC, "there is no folder for temporary files", _MEMORY_FOLDERS[0])
    for folder in _MEMORY_FOLDERS:
        try:
            with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
                _take_room(file.fileno(), size)
                return os.dup(file.fileno())
        except OSError as error:
            if folder or error.filename is None:
                problem = OSError(error.errno, error.strerror, folder or tempfile.gettempdir())
    without = Advice("do without workers by", "workers", 0)
    problem.add_note(Note(f"expected {size} bytes that processes can share", [without]))
    raise problem


def _take_room(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.truncate(descriptor, size)


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
    content = pickle.dumps((job, in_memory()))
    file = _raised(_open_memory(len(content)))
    ends = Ends(
        file, requests.reading, lifeline.reading, results.writing,
        memory.descriptor, place.start, place.stop,
    )  # fmt: skip
    inherited = ends[:5]
    folders = [os.path.abspath(folder) if folder == "" else folder for folder in sys.path]
    arguments = json.dumps([ends, [folder for folder in folders if isinstance(folder, str)]])
    flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    try:
        with open(file, "wb", closefd=False) as stream:
            stream.write(content)
        os.lseek(file, 0, os.SEEK_SET)
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
