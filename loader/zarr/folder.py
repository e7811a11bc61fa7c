"""The folder of a Zarr group, which stays the same one whatever gets its name later."""

from __future__ import annotations

import json
import os
import weakref
from pathlib import Path
from typing import Any

from crafter_dataset.loader.reading.regular_files import open_regular, read_regular
from crafter_dataset.schemas.errors import CorruptDataError, NotADatasetError

MOST_DOCUMENT_BYTES = 2**26
"""Bytes of a metadata document, at most."""


class Folder:
    """An open folder, below which files are opened.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    NotADatasetError
        If there is none.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            # Where a system has it, what only names a folder need not be allowed to list it.
            self._descriptor = os.open(path, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY)
        except FileNotFoundError:
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found nothing") from None
        except NotADirectoryError:
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found a file") from None
        weakref.finalize(self, os.close, self._descriptor)

    def open(self, name: str) -> int:
        """Open a regular file, and return its descriptor.

        Parameters
        ----------
        name : str
            Its path in the folder.

        Raises
        ------
        CorruptDataError
            If there is none, since another folder is here now.
        OSError
            If there is none, or it is a pipe, a device or a folder.
        """
        try:
            return open_regular(name, self._descriptor)
        except FileNotFoundError:
            self.check()
            raise

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Read a JSON document; None if there is none, or it is no mapping.

        Parameters
        ----------
        name : str
            Its path in the folder.
        """
        try:
            document = json.loads(read_regular(name, MOST_DOCUMENT_BYTES, self._descriptor))
        except (OSError, ValueError, RecursionError):
            return None
        return document if isinstance(document, dict) else None

    def check(self) -> None:
        """Refuse to go on where another folder has taken the place of this one.

        Raises
        ------
        CorruptDataError
            If the path no longer leads here.
        """
        try:
            same = os.path.samestat(os.fstat(self._descriptor), os.stat(self.path))
        except OSError:
            same = False
        if not same:
            raise CorruptDataError(
                f"expected the dataset that was opened, found another one or nothing in its place "
                f"({self.path})"
            )
