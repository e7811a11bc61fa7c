"""HDF5 structures as our writer lays them out: object headers, read by a parser of our own.

libhdf5 dies of many a structure that somebody made on purpose, so that it sees none of a file
that this module understands. It knows one way of writing each thing, the way of
`builder/storage/hdf5`; whatever is whole, but written otherwise, is an `OtherLayoutError`.

Source: HDF5 File Format Specification Version 3.0, section IV.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.hdf5_checksum import lookup3
from crafter_dataset.schemas.hdf5_format import SIGNATURE, compression_of_filters
from crafter_dataset.schemas.layout import MOST_CHUNK_BYTES

SUPERBLOCK_BYTES = 48
UNDEFINED = 2**64 - 1
"""The address of what is not there."""

MOST_MEMBERS = 256
"""Members of a group, at most."""

MOST_HEADER_BYTES = 2**19
"""Bytes of an object header, at most; texts of runs fill up to 64 kB of it each."""

_DATASPACE, _LINK_INFO, _DATATYPE, _FILL, _LINK, _LAYOUT = 1, 2, 3, 5, 6, 8
_GROUP_INFO, _FILTERS, _ATTRIBUTE = 10, 11, 12

Read = Callable[[int, int], bytes]
"""Reads bytes of the file by address and number; refuses those that lie outside."""

Texts = dict[str, str | tuple[str, ...]]
"""Attributes: a text or several by name."""


class OtherLayoutError(Exception):
    """What is there is whole, but laid out by other software, as far as can be told."""


@dataclass(frozen=True)
class Superblock:
    """Where the content of a file ends, and its root lies.

    Parameters
    ----------
    end : int
        Bytes of the content.
    root : int
        Address of the root's object header.
    """

    end: int
    root: int


@dataclass(frozen=True)
class GroupHeader:
    """A group.

    Parameters
    ----------
    links : dict of str to int
        Addresses of its members' object headers by name.
    attributes : dict
        Its attributes, texts.
    """

    links: dict[str, int]
    attributes: Texts


@dataclass(frozen=True)
class ArrayHeader:
    """A chunked array.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type, little-endian.
    chunk_rows : int
        Rows of a chunk, which spans all other dimensions.
    filters : tuple of int
        Numbers of the filters that chunks go through.
    node_bytes : int
        Bytes of a node of the chunks' index.
    index : int
        Address of the index; `UNDEFINED` without chunks.
    attributes : dict
        Its attributes, texts.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    chunk_rows: int
    filters: tuple[int, ...]
    node_bytes: int
    index: int
    attributes: Texts


_FLOATS = {2: (5, 10), 4: (8, 23), 8: (11, 52)}
"""Bits of exponent and mantissa, by the bytes of a number."""


def datatype_message(dtype: np.dtype[Any]) -> bytes:
    """Return an element type as HDF5 stores it.

    Parameters
    ----------
    dtype : numpy.dtype
        One of the layout's.

    Raises
    ------
    ValueError
        If it is none of them.
    """
    size = dtype.itemsize
    if dtype.kind in "iu":
        return struct.pack("<BBBBIHH", 0x10, 8 * (dtype.kind == "i"), 0, 0, size, 0, 8 * size)
    if dtype.kind == "f" and size in _FLOATS:
        exponent, mantissa = _FLOATS[size]
        bits, bias = 8 * size, 2 ** (exponent - 1) - 1
        return struct.pack(
            "<BBBBIHHBBBBI", 0x11, 0x20, bits - 1, 0, size, 0, bits, mantissa, exponent, 0,
            mantissa, bias,
        )  # fmt: skip
    if dtype == np.bool_:  # as h5py has it: an enumeration of bytes
        members = b"FALSE\0TRUE\0" + bytes([0, 1])
        return struct.pack("<BBBBI", 0x38, 2, 0, 0, 1) + datatype_message(np.dtype("i1")) + members
    raise ValueError(f"dtype: expected one of the layout, found {dtype}")


_INTEGERS = ("u1", "<u2", "<u4", "<u8", "i1", "<i2", "<i4", "<i8")
_DTYPES = {
    datatype_message(dtype): dtype
    for dtype in map(np.dtype, (*_INTEGERS, "<f2", "<f4", "<f8", "?"))
}


def read_superblock(block: bytes, file_bytes: int) -> Superblock:
    """Read a file's first bytes.

    Parameters
    ----------
    block : bytes
        The first `SUPERBLOCK_BYTES` of it.
    file_bytes : int
        Bytes of the file.

    Raises
    ------
    CorruptDataError
        If they are damaged, or the file is cut short.
    OtherLayoutError
        If other software has written them.
    """
    if block[:8] != SIGNATURE:
        raise OtherLayoutError("no superblock at the start")
    if len(block) < SUPERBLOCK_BYTES:
        raise CorruptDataError("the file is cut short")
    version, *sizes, flags = block[8:12]
    base, extension, end, root = struct.unpack_from("<4Q", block, 12)
    if version not in (2, 3):
        raise OtherLayoutError(f"superblock {version}")
    if lookup3(block[:-4]) != block[-4:]:
        raise CorruptDataError("the superblock fails its checksum")
    if (version, *sizes, flags, base, extension) != (2, 8, 8, 0, 0, UNDEFINED):
        raise OtherLayoutError("another superblock")
    if end > file_bytes:
        raise CorruptDataError(f"expected {end} bytes, found {file_bytes}")
    return Superblock(end, root)


def read_header(read: Read, address: int) -> GroupHeader | ArrayHeader:
    """Read the object header of a group or an array.

    Parameters
    ----------
    read : callable
        Reads bytes of the file.
    address : int
        Where it lies.

    Raises
    ------
    CorruptDataError
        If it is damaged, or lies about itself.
    OtherLayoutError
        If other software has written it.
    """
    messages = _messages(read, address)
    try:
        kinds = [kind for kind, _ in messages if kind not in (_LINK, _ATTRIBUTE)]
        if kinds == [_LINK_INFO, _GROUP_INFO]:
            return _group(messages)
        if kinds == [_DATASPACE, _DATATYPE, _FILL, _LAYOUT, _FILTERS]:
            return _array(messages)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise CorruptDataError("an object header with messages that are cut short") from error
    raise OtherLayoutError(f"messages {kinds[:20]}")


def _messages(read: Read, address: int) -> list[tuple[int, bytes]]:
    head = read(address, 10)
    if head[:2] == b"\1\0":  # which begins without a signature
        raise OtherLayoutError("an object header of version 1")
    if head[:4] != b"OHDR":
        raise CorruptDataError(f"expected an object header at {address}, found none")
    version, flags, size = struct.unpack_from("<BBI", head, 4)
    if (version, flags) != (2, 2):
        raise OtherLayoutError("another object header")
    if size > MOST_HEADER_BYTES:
        raise CorruptDataError(
            f"expected an object header of at most {MOST_HEADER_BYTES} bytes, found {size}"
        )
    body = read(address, 10 + size + 4)
    if lookup3(body[:-4]) != body[-4:]:
        raise CorruptDataError("an object header fails its checksum")
    messages, at, end = [], 10, 10 + size
    while at < end:
        if at + 4 > end:
            raise OtherLayoutError("a gap between messages")
        kind, length, message_flags = struct.unpack_from("<BHB", body, at)
        if message_flags:
            raise OtherLayoutError("a message with flags")
        if at + 4 + length > end:
            raise CorruptDataError("a message reaches beyond its object header")
        messages.append((kind, body[at + 4 : at + 4 + length]))
        at += 4 + length
    return messages


def _group(messages: list[tuple[int, bytes]]) -> GroupHeader:
    links: dict[str, int] = {}
    found = [data for kind, data in messages if kind == _LINK]
    if len(found) > MOST_MEMBERS:
        raise CorruptDataError(f"expected at most {MOST_MEMBERS} members, found {len(found)}")
    for data in found:
        version, flags, length = data[:3]
        if (version, flags) != (1, 0):
            raise OtherLayoutError("another link")
        name = data[3 : 3 + length].decode("ascii")
        if len(data) != 3 + length + 8 or name in links:
            raise CorruptDataError("a link that is cut short, or there twice")
        links[name] = struct.unpack_from("<Q", data, 3 + length)[0]
    infos = [data for kind, data in messages if kind in (_LINK_INFO, _GROUP_INFO)]
    if infos != [b"\0\0" + 16 * b"\xff", b"\0\0"]:
        raise OtherLayoutError("another group")
    return GroupHeader(links, _attributes(messages))


def _array(messages: list[tuple[int, bytes]]) -> ArrayHeader:
    parts = {kind: data for kind, data in messages if kind != _ATTRIBUTE}
    shape = _growing_shape(parts[_DATASPACE])
    dtype = _DTYPES.get(parts[_DATATYPE])
    if dtype is None:
        raise OtherLayoutError("another element type")
    fill = parts[_FILL]
    if fill[:2] != b"\3\x2b" or len(fill) != 6 + dtype.itemsize:
        raise OtherLayoutError("another fill value")
    chunk, node_bytes, index = _layout(parts[_LAYOUT])
    if (chunk[1:-1], chunk[-1:]) != (shape[1:], (dtype.itemsize,)):
        raise OtherLayoutError("chunks that do not span rows")
    if not 0 < math.prod(chunk) <= MOST_CHUNK_BYTES:
        raise CorruptDataError(
            f"expected chunks of at most {MOST_CHUNK_BYTES} bytes, found {math.prod(chunk)}"
        )
    filters = _filters(parts[_FILTERS])
    if compression_of_filters(filters) is None:
        raise OtherLayoutError("other filters")
    return ArrayHeader(shape, dtype, chunk[0], filters, node_bytes, index, _attributes(messages))


def _growing_shape(data: bytes) -> tuple[int, ...]:
    version, rank, flags, kind = data[:4]
    if (version, flags, kind) != (2, 1, 1) or not 1 <= rank <= 8 or len(data) != 4 + 16 * rank:
        raise OtherLayoutError("another dataspace")
    sizes = struct.unpack_from(f"<{2 * rank}Q", data, 4)
    shape, most = sizes[:rank], sizes[rank:]
    if most != (UNDEFINED, *shape[1:]):
        raise OtherLayoutError("an array that grows otherwise")
    if math.prod(shape[1:]) > MOST_CHUNK_BYTES or shape[0] >= 2**63:
        raise CorruptDataError(f"expected a shape that can be, found {shape}")
    return shape


def _layout(data: bytes) -> tuple[tuple[int, ...], int, int]:
    version, kind, flags, rank, width = data[:5]
    if (version, kind, flags) != (4, 2, 0) or not 1 <= width <= 8:
        raise OtherLayoutError("another layout")
    at = 5 + rank * width
    chunk = tuple(
        int.from_bytes(data[5 + i * width : 5 + (i + 1) * width], "little") for i in range(rank)
    )
    index_kind, node_bytes, _, _, index = struct.unpack_from("<BIBBQ", data, at)
    if index_kind != 5 or len(data) != at + 15 or not 128 <= node_bytes <= 2**16:
        raise OtherLayoutError("another index of chunks")
    return chunk, node_bytes, index


def _filters(data: bytes) -> tuple[int, ...]:
    version, count = data[:2]
    if version != 2:
        raise OtherLayoutError("other filters")
    at, numbers = 2, []
    for _ in range(count):
        (number,) = struct.unpack_from("<H", data, at)
        at += 2
        name_bytes = 0
        if number >= 256:
            (name_bytes,) = struct.unpack_from("<H", data, at)
            at += 2
        flags, values = struct.unpack_from("<HH", data, at)
        if flags:
            raise OtherLayoutError("a filter with flags")
        at += 4 + name_bytes + 4 * values
        numbers.append(number)
    if at != len(data):
        raise CorruptDataError("filters that are cut short")
    return tuple(numbers)


def _attributes(messages: list[tuple[int, bytes]]) -> Texts:
    found: Texts = {}
    for kind, data in messages:
        if kind == _ATTRIBUTE:
            name, value = _attribute(data)
            found[name] = value
    return found


def _attribute(data: bytes) -> tuple[str, str | tuple[str, ...]]:
    version, flags, name_bytes, type_bytes, space_bytes, _ = struct.unpack_from("<BBHHHB", data)
    if (version, flags, type_bytes) != (3, 0, 8) or not name_bytes:
        raise OtherLayoutError("another attribute")
    name = data[9 : 9 + name_bytes - 1].decode("ascii")
    at = 9 + name_bytes
    *kind, size = struct.unpack_from("<BBBBI", data, at)
    space = data[at + 8 : at + 8 + space_bytes]
    if kind != [0x13, 0x11, 0, 0] or not size or space[:1] != b"\2" or space[2:3] != b"\0":
        raise OtherLayoutError("an attribute that is no text")
    count = struct.unpack_from("<Q", space, 4)[0] if space[1:4] == b"\1\0\1" else 1
    content = data[at + 8 + space_bytes :]
    if (space[1], len(space)) not in ((0, 4), (1, 12)):
        raise OtherLayoutError("an attribute of more dimensions")
    if len(content) != count * size:
        raise CorruptDataError(f"{name}: expected {count * size} bytes, found {len(content)}")
    texts = tuple(
        content[i : i + size].rstrip(b"\0").decode() for i in range(0, len(content), size)
    )
    return name, texts if space[1] else texts[0]
