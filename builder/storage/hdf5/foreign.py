"""What others have put into a file, in a form in which it can be written again.

Objects stay where they are, and only the links to them are written anew; attributes are copied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from crafter_dataset.builder.storage.hdf5 import objects
from crafter_dataset.builder.storage.hdf5.kept import Kept
from crafter_dataset.schemas.hdf5_library import h5py
from crafter_dataset.schemas.wording import one_line


class NotKeptError(ValueError):
    """Something that cannot be written again as it is."""


def read_kept(
    root: h5py.Group,
    attributes: Mapping[str, Collection[str]],
    members: Mapping[str, Collection[str]],
    append: Callable[[bytes], int],
) -> Kept:
    """Read what of a file is not ours.

    Parameters
    ----------
    root : h5py.Group
        Root of the file.
    attributes : mapping of str to collection of str
        Names of our attributes, by the path of each object of ours.
    members : mapping of str to collection of str
        Names of what is ours in each group of ours, by its path.
    append : callable
        Writes bytes at the end of the file, and returns their address.

    Raises
    ------
    NotKeptError
        If something cannot be written again as it is.
    """
    kept = Kept()
    for path, ours in attributes.items():
        place = root[path] if path else root
        for name in sorted(set(place.attrs) - set(ours)):
            try:
                message = _attribute(place, name, append)
            except NotKeptError:
                raise
            except Exception as error:  # h5py raises many types for what it cannot read
                raise NotKeptError(f"{path}@{name}: {one_line(error)}") from error
            kept.attributes.setdefault(path, []).append(message)
    for path, ours in members.items():
        group = root[path] if path else root
        for name in sorted(set(group) - set(ours)):
            kept.links.setdefault(path, []).append(_link(group, name))
    return kept


def _link(group: h5py.Group, name: str) -> bytes:
    links = group.id.links
    encoded = name.encode("utf-8", "surrogateescape")
    info = links.get_info(encoded)
    if info.type == h5py.h5l.TYPE_HARD:
        return objects.link(name, h5py.h5o.get_info(group.id, encoded).addr)
    if info.type == h5py.h5l.TYPE_SOFT:
        return objects.soft_link(name, links.get_val(encoded))
    raise NotKeptError(f"{name}: expected a member in this file, found a link to another")


def _attribute(place: Any, name: str, append: Callable[[bytes], int]) -> bytes:
    stored = place.attrs.get_id(name)
    kind, space = stored.get_type(), stored.get_space()
    # Encoded for the outside: the number of a message and a version, then the message.
    datatype = bytes(kind.encode())[2:]
    if space.get_simple_extent_type() == h5py.h5s.NULL:
        return objects.attribute(name, datatype, None, b"")
    if math.prod(stored.shape) * kind.get_size() > objects.MOST_MESSAGE_BYTES:
        raise NotKeptError(
            f"{place.name}@{name}: expected at most {objects.MOST_MESSAGE_BYTES} bytes"
        )
    if isinstance(kind, h5py.h5t.TypeStringID) and kind.is_variable_str():
        datatype = datatype[:4] + objects.REFERENCE_SIZE + datatype[8:]  # in memory it is another
        texts = [_encoded(text) for text in np.ravel(np.asarray(place.attrs[name], object))]
        return objects.attribute(name, datatype, stored.shape, _variable(texts, append))
    if stored.dtype.hasobject:
        raise NotKeptError(
            f"{place.name}@{name}: expected numbers or texts, found references or lists"
        )
    values = np.empty(stored.shape, f"V{kind.get_size()}")
    stored.read(values, mtype=kind)
    return objects.attribute(name, datatype, stored.shape, values.tobytes())


def _encoded(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def _variable(texts: list[bytes], append: Callable[[bytes], int]) -> bytes:
    """Write texts of any length to the file, and return what refers to them."""
    address = append(objects.heap([text for text in texts if text]))
    data, index = b"", 0
    for text in texts:
        index += bool(text)
        data += objects.reference(len(text), address if text else 0, index if text else 0)
    return data
