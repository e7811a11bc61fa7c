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


class TooLongError(ValueError):
    """An attribute is longer than an object header takes."""


def group(links: Mapping[str, int], attributes: Mapping[str, str | Sequence[str]]) -> bytes:
    """Make the object header of a group.

    Parameters
    ----------
    links : mapping of str to int
        Address of the object header of each member.
    attributes : mapping of str to str or sequence of str
        Text or texts of each attribute.

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
        *((_LINK, _link(name, address)) for name, address in links.items()),
        *((_ATTRIBUTE, _attribute(name, value)) for name, value in attributes.items()),
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
    ]
    return _header(messages)


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


def _link(name: str, address: int) -> bytes:
    encoded = name.encode("ascii")
    return struct.pack("<BBB", 1, 0, len(encoded)) + encoded + struct.pack("<Q", address)


def _attribute(name: str, value: str | Sequence[str]) -> bytes:
    texts = [text.encode() for text in ([value] if isinstance(value, str) else value)]
    size = max(1, *map(len, texts))
    # A text of fixed length, UTF-8, filled up with zeros.
    datatype = struct.pack("<BBBBI", 0x13, 0x11, 0, 0, size)
    space = _dataspace((), None) if isinstance(value, str) else _dataspace((len(texts),), None)
    encoded = name.encode("ascii") + b"\0"
    head = struct.pack("<BBHHHB", 3, 0, len(encoded), len(datatype), len(space), 0)
    data = b"".join(text.ljust(size, b"\0") for text in texts)
    return head + encoded + datatype + space + data


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
            name = name.ljust(8 * math.ceil(len(name) / 8), b"\0")
            message += struct.pack("<H", len(name))
        message += struct.pack("<HH", 0, len(used.values)) + name
        message += struct.pack(f"<{len(used.values)}I", *used.values)
    return message
