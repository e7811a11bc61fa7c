"""The file itself: bytes at its end, and the superblock that makes them count."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from crafter_dataset.builder.episodes import Buffer
from crafter_dataset.builder.storage.files import create_partial, name_error, sync_folder
from crafter_dataset.builder.storage.hdf5.checksum import lookup3
from crafter_dataset.schemas.errors import MetadataError, NotADatasetError
from crafter_dataset.schemas.hdf5_format import SIGNATURE

SUPERBLOCK_BYTES = 48
_UNDEFINED = 2**64 - 1


class AppendedFile:
    """A file that grows at its end, as seen by its only writer.

    What was appended is part of the file after `publish`.

    Parameters
    ----------
    path : Path
        The file, which is there.
    end : int
        Address of the end of its content; what lies beyond was never published.
    descriptor : int
        The file, open for reading and writing.
    """

    def __init__(self, path: Path, end: int, descriptor: int) -> None:
        self.path = path
        self.end = self._published = end
        self._file = descriptor

    @classmethod
    def create(cls, path: Path) -> AppendedFile:
        """Start a file under another name; `publish_as` moves it to its own.

        Parameters
        ----------
        path : Path
            Its own name.

        Raises
        ------
        OSError
            If it cannot be created.
        """
        descriptor, partial = create_partial(path)
        return cls(partial, SUPERBLOCK_BYTES, descriptor)

    @classmethod
    def open(cls, path: Path) -> AppendedFile:
        """Go on with a file after what was published.

        Parameters
        ----------
        path : Path
            The file.

        Raises
        ------
        NotADatasetError
            If it is no HDF5 file.
        MetadataError
            If it is one that other software has laid out.
        """
        with open(path, "rb") as file:
            stored = file.read(SUPERBLOCK_BYTES)
        if stored[:8] != SIGNATURE:
            raise NotADatasetError(f"{path}: expected a Crafter dataset, found no HDF5 file")
        if len(stored) < SUPERBLOCK_BYTES or lookup3(stored[:-4]) != stored[-4:]:
            raise MetadataError(
                f"{path}: expected a file that this software has written, found another; "
                "the dataset can be read but not extended"
            )
        return cls(path, struct.unpack_from("<Q", stored, 28)[0], os.open(path, os.O_RDWR))

    def append(self, *parts: Buffer) -> int:
        """Write bytes at the end; return their address.

        Parameters
        ----------
        *parts : bytes or memoryview
            What to write, one after the other.
        """
        address = self.end
        self._write_at(address, parts)
        self.end += sum(map(len, parts))
        return address

    def read(self, address: int, size: int) -> bytes:
        """Read bytes back.

        Parameters
        ----------
        address : int
            Address of the first one.
        size : int
            Number of bytes.
        """
        return os.pread(self._file, size, address)

    def publish(self, root: int) -> None:
        """Make all that was appended durable, and then part of the file.

        Parameters
        ----------
        root : int
            Address of the root group's object header.

        Raises
        ------
        FileNotFoundError
            If the file was removed or replaced.
        """
        self._sync()
        # Whatever was written to a file that is no longer there would be lost with it.
        if not os.path.samestat(os.fstat(self._file), os.stat(self.path)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self.path))
        block = SIGNATURE + struct.pack(
            "<BBBBQQQQ", 2, 8, 8, 0, 0, _UNDEFINED, self.end, root
        )  # version; sizes of addresses and lengths; no flags; no base, no extension
        # From here on the superblock may state this end, whatever happens before the sync is over.
        self._published = self.end
        self._write_at(0, [block + lookup3(block)])
        self._sync()

    def publish_as(self, path: Path) -> None:
        """Move the file to its own name.

        Parameters
        ----------
        path : Path
            Its own name.

        Raises
        ------
        FileExistsError
            If there is another of that name.
        """
        if os.path.lexists(path):  # somebody has just made it
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))
        os.replace(self.path, path)
        sync_folder(path.parent)
        self.path = path

    def close(self) -> None:
        """Cut off what lies beyond the content, and close the file."""
        with contextlib.suppress(OSError):  # the disk may be gone
            os.ftruncate(self._file, self._published)
        os.close(self._file)

    def _write_at(self, address: int, parts: Iterable[Buffer]) -> None:
        data = memoryview(b"".join(parts))
        try:
            while data:
                written = os.pwrite(self._file, data, address)
                data, address = data[written:], address + written
        except OSError as error:
            raise name_error(error, self.path) from None

    def _sync(self) -> None:
        try:
            os.fsync(self._file)
        except OSError as error:
            raise name_error(error, self.path) from None
