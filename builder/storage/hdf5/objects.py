"""Object headers: groups, datasets and their attributes, as bytes.

Source: HDF5 File Format Specification Version 3.0, section IV.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from crafter_dataset.builder.storage.hdf5.checksum import lookup3
from crafter_dataset.builder.storage.hdf5.tree import UNDEFINED
from crafter_dataset.schemas.hdf5_format import Filter
from crafter_dataset.schemas.hdf5_structures import datatype_message

MOST_MESSAGE_BYTES = 2**16 - 1

_DATASPACE, _LINK_INFO, _DATATYPE, _FILL, _LINK, _LAYOUT = 1, 2, 3, 5, 6, 8
_GROUP_INFO, _FILTERS, _ATTRIBUTE = 10, 11, 12
_UNLIMITED = 2**64 - 1
_CHUNKED, _BTREE_INDEX = 2, 5
_LEAST_HEAP_BYTES = 4096

REFERENCE_SIZE = struct.pack("<I", 16)
"""Bytes of what `reference` returns, as a type's message has their number."""


class TooLongError(ValueError):
    """An attribute is longer than an object header takes."""


def group(
    links: Mapping[str, int],
    attributes: Mapping[str, str | Sequence[str]],
    more_links: Sequence[bytes] = (),
    more_attributes: Sequence[bytes] = (),
) -> bytes:
    """Make the object header of a group.

    Parameters
    ----------
    links : mapping of str to int
        Address of the object header of each member.
    attributes : mapping of str to str or sequence of str
        Text or texts of each attribute.
    more_links : sequence of bytes
        Messages of `link` and `soft_link`.
    more_attributes : sequence of bytes
        Messages of `attribute`.

    Returns
    -------
    bytes
        The object header.

    Raises
    ------
    TooLongError
        If an attribute is too long.
    """
    messages = [
        (_LINK_INFO, b"\0\0" + 2 * UNDEFINED),
        (_GROUP_INFO, b"\0\0"),
        *((_LINK, link(name, address)) for name, address in links.items()),
        *((_LINK, message) for message in more_links),
        *((_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()),
        *((_ATTRIBUTE, message) for message in more_attributes),
    ]
    return _header(messages)


def dataset(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    fill: Any,
    chunk_rows: int,
    filters: Sequence[Filter],
    node_bytes: int,
    index: bytes,
    attributes: Mapping[str, str | Sequence[str]],
    more_attributes: Sequence[bytes] = (),
) -> bytes:
    """Make the object header of a chunked dataset that may grow along its first dimension.

    Parameters
    ----------
    shape : tuple of int
        Shape, rows first.
    dtype : numpy.dtype
        Element type.
    fill : scalar
        Value of elements that are not stored.
    chunk_rows : int
        Rows of a chunk, which spans all other dimensions.
    filters : sequence of Filter
        What chunks go through, in order.
    node_bytes : int
        Size of a node of the index.
    index : bytes
        Address of the index as it is stored, 8 bytes.
    attributes : mapping of str to str or sequence of str
        Text or texts of each attribute.
    more_attributes : sequence of bytes
        Messages of `attribute`.

    Returns
    -------
    bytes
        The object header.

    Raises
    ------
    TooLongError
        If an attribute is too long.
    ValueError
        If the dtype is none of the layout's.
    """
    fill_bytes = np.asarray(fill, dtype.newbyteorder("<")).tobytes()
    chunk = (chunk_rows, *shape[1:], dtype.itemsize)
    width = (max(chunk).bit_length() + 7) // 8
    layout = struct.pack("<BBBBB", 4, _CHUNKED, 0, len(chunk), width)
    layout += b"".join(length.to_bytes(width, "little") for length in chunk)
    layout += struct.pack("<BIBB", _BTREE_INDEX, node_bytes, 100, 40) + index
    # Space is allocated as chunks come; the fill value is written if it is set, and it is.
    fill_message = struct.pack("<BBI", 3, 0x2B, len(fill_bytes)) + fill_bytes
    messages = [
        (_DATASPACE, _dataspace(shape, (_UNLIMITED, *shape[1:]))),
        (_DATATYPE, datatype_message(dtype)),
        (_FILL, fill_message),
        (_LAYOUT, layout),
        (_FILTERS, _filters(filters)),
        *((_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()),
        *((_ATTRIBUTE, message) for message in more_attributes),
    ]
    return _header(messages)


def link(name: str, address: int) -> bytes:
    """Make the message of a link to an object of the same file.

    Parameters
    ----------
    name : str
        Name of the link.
    address : int
        Address of the object's header.
    """
    return _named(name, 0) + struct.pack("<Q", address)


def soft_link(name: str, target: bytes) -> bytes:
    """Make the message of a link to a path of the same file.

    Parameters
    ----------
    name : str
        Name of the link.
    target : bytes
        The path.
    """
    return _named(name, 1) + struct.pack("<H", len(target)) + target


def attribute(name: str, datatype: bytes, shape: tuple[int, ...] | None, data: bytes) -> bytes:
    """Make the message of an attribute.

    Parameters
    ----------
    name : str
        Its name.
    datatype : bytes
        Message of its type.
    shape : tuple of int or None
        Its shape; None for an attribute without any value.
    data : bytes
        Its elements, as the type has them.
    """
    space = struct.pack("<BBBB", 2, 0, 0, 2) if shape is None else _dataspace(shape, None)
    encoded = name.encode("utf-8", "surrogateescape") + b"\0"
    head = struct.pack("<BBHHHB", 3, 0, len(encoded), len(datatype), len(space), not name.isascii())
    return head + encoded + datatype + space + data


def heap(values: Sequence[bytes]) -> bytes:
    """Make a global heap collection, which holds elements of any length.

    Parameters
    ----------
    values : sequence of bytes
        The elements; the first has the index 1.
    """
    body = b"".join(
        struct.pack("<HHIQ", index, 1, 0, len(value)) + _padded(value)
        for index, value in enumerate(values, 1)
    )
    size = max(_LEAST_HEAP_BYTES, 16 + len(body) + 16)
    free = size - 16 - len(body)
    body += struct.pack("<HHIQ", 0, 0, 0, free) + bytes(free - 16)
    return b"GCOL" + struct.pack("<IQ", 1, size) + body


def reference(length: int, address: int, index: int) -> bytes:
    """Make what an attribute has in place of an element of any length.

    Parameters
    ----------
    length : int
        Length of the element; 0 if it is in no heap.
    address, index : int
        Address of the heap, and the element's index in it.
    """
    return struct.pack("<IQI", length, address, index)


def _header(messages: Sequence[tuple[int, bytes]]) -> bytes:
    for _, message in messages:
        if len(message) > MOST_MESSAGE_BYTES:
            raise TooLongError(
                f"expected a message of at most {MOST_MESSAGE_BYTES} bytes, found {len(message)}"
            )
    body = b"".join(struct.pack("<BHB", kind, len(data), 0) + data for kind, data in messages)
    # Flags: four bytes for the size.
    header = b"OHDR" + struct.pack("<BBI", 2, 2, len(body)) + body
    return header + lookup3(header)


def _named(name: str, kind: int) -> bytes:
    """Return the start of a link's message: its kind, the name's characters, the name."""
    encoded = name.encode("utf-8", "surrogateescape")
    width = (len(encoded).bit_length() + 7) // 8 or 1
    size = {1: 0, 2: 1}.get(width, 2)
    flags = size | (0x08 if kind else 0) | (0 if name.isascii() else 0x10)
    optional = (bytes([kind]) if kind else b"") + (b"" if name.isascii() else b"\1")
    return (
        struct.pack("<BB", 1, flags) + optional + len(encoded).to_bytes(2**size, "little") + encoded
    )


def _padded(value: bytes) -> bytes:
    return value.ljust(8 * math.ceil(len(value) / 8), b"\0")


def _attribute(name: str, value: str | Sequence[str]) -> bytes:
    texts = [text.encode() for text in ([value] if isinstance(value, str) else value)]
    size = max(1, *map(len, texts))
    # A text of fixed length, UTF-8, filled up with zeros.
    datatype = struct.pack("<BBBBI", 0x13, 0x11, 0, 0, size)
    data = b"".join(text.ljust(size, b"\0") for text in texts)
    return attribute(name, datatype, () if isinstance(value, str) else (len(texts),), data)


def _dataspace(shape: tuple[int, ...], most: tuple[int, ...] | None) -> bytes:
    kind = 1 if shape else 0  # simple, or a scalar
    sizes = (*shape, *(most or ()))
    return struct.pack(f"<BBBB{len(sizes)}Q", 2, len(shape), int(most is not None), kind, *sizes)


def _filters(filters: Sequence[Filter]) -> bytes:
    message = struct.pack("<BB", 2, len(filters))
    for used in filters:
        message += struct.pack("<H", used.number)
        name = b"" if used.number < 256 else used.name.encode() + b"\0"
        if name:
            name = _padded(name)
            message += struct.pack("<H", len(name))
        message += struct.pack("<HH", 0, len(used.values)) + name
        message += struct.pack(f"<{len(used.values)}I", *used.values)
    return message
