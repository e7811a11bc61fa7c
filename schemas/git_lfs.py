"""Pointers of Git LFS, which stand in a checkout for files that were not fetched."""

from __future__ import annotations

import os
from pathlib import Path

_START = b"version https://git-lfs.github.com/spec/v"
MOST_BYTES = 1024
"""Bytes of a pointer, by its specification."""

POINTER = "a Git LFS pointer to it; fetch the file with: git lfs pull"
"""What was found, and what to do, to end a message with."""


def starts_as_pointer(content: bytes) -> bool:
    """Tell whether the bytes of a whole file are those of a pointer.

    Parameters
    ----------
    content : bytes
        The file's bytes.
    """
    return len(content) <= MOST_BYTES and content[: len(_START)] == _START


def is_pointer(path: str | Path, folder: int | None = None) -> bool:
    """Tell whether a file is a pointer of Git LFS rather than what it stands for.

    Parameters
    ----------
    path : str or Path
        The file; anything else, or nothing, is no pointer.
    folder : int, optional
        The open folder that a relative path starts from; by default the working folder.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK, dir_fd=folder)
    except (OSError, ValueError):
        return False
    try:
        return starts_as_pointer(os.read(descriptor, MOST_BYTES + 1))
    except OSError:  # of a folder
        return False
    finally:
        os.close(descriptor)
