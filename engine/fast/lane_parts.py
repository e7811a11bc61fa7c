"""What lanes start from, as bytes that are kept beside the compiled code.

Making it imports crafter and all that it imports.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from crafter_dataset.engine.compiled.memory import LINE, aligned_zeros

_LENGTH_BYTES = 8


def make_parts(area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]) -> bytes:
    """Make what lanes start from.

    Parameters
    ----------
    area, view, size : tuple of int
        As for `FastLanes`.

    Returns
    -------
    bytes
        What `unpack` turns into the record type of a world, and two parts: images
        to draw with, see `picture.make_picture`, and memory to generate worlds
        in, see `worldgen.make_scratch`.
    """
    from crafter_dataset.engine.fast.picture import make_picture
    from crafter_dataset.engine.fast.textures import make_images
    from crafter_dataset.engine.fast.world import cells_for, world_dtype
    from crafter_dataset.engine.fast.worldgen import make_scratch

    parts = make_picture(make_images(view, size), view, size), make_scratch(area)
    return pack(world_dtype(cells_for(area)), parts)


def pack(world: np.dtype[Any], parts: tuple[Any, ...]) -> bytes:
    """Pack a record type and arrays, which may be views of the same memory, as bytes.

    Parameters
    ----------
    world : dtype
        A record type.
    parts : tuple
        Arrays, numbers, and tuples of these.

    Returns
    -------
    bytes
        The length of a JSON document as eight bytes, the document, and the
        arrays' memories.
    """
    starts: dict[int, int] = {}
    memories: list[bytes] = []

    def described(value: Any) -> Any:
        if isinstance(value, tuple):
            return {"parts": [described(item) for item in value]}
        if not isinstance(value, np.ndarray):
            return value
        memory = value
        while isinstance(memory.base, np.ndarray):
            memory = memory.base
        if id(memory) not in starts:
            starts[id(memory)] = sum(map(len, memories))
            # Never next to each other, so that an empty array has a place of its own.
            memories.append(memory.tobytes() + bytes(LINE - memory.nbytes % LINE))
        start = starts[id(memory)] + value.ctypes.data - memory.ctypes.data
        return {"start": start, "dtype": _describe(value.dtype), "shape": value.shape}

    document = json.dumps([_describe(world), described(parts)]).encode()
    return b"".join([len(document).to_bytes(_LENGTH_BYTES, "little"), document, *memories])


def unpack(content: bytes) -> tuple[np.dtype[Any], tuple[Any, ...]]:
    """Make again what `pack` has packed.

    Parameters
    ----------
    content : bytes
        What it returned.

    Returns
    -------
    world : dtype
        The record type.
    parts : tuple
        The others; arrays that were views of the same memory are so again.
    """
    start = _LENGTH_BYTES + int.from_bytes(content[:_LENGTH_BYTES], "little")
    world, parts = json.loads(content[_LENGTH_BYTES:start])
    memory = aligned_zeros((len(content) - start,), np.uint8)
    memory[:] = np.frombuffer(content, np.uint8, offset=start)

    def made(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "parts" in value:
            return tuple(made(item) for item in value["parts"])
        return np.ndarray(value["shape"], _dtype(value["dtype"]), memory, value["start"])

    return _dtype(world), made(parts)


def _describe(dtype: np.dtype[Any]) -> Any:
    if dtype.fields is None:
        base, shape = dtype.subdtype or (dtype, ())
        return [base.str, shape]
    fields = {name: (_describe(kind), start) for name, (kind, start, *_) in dtype.fields.items()}
    return {"fields": fields, "itemsize": dtype.itemsize, "align": dtype.isalignedstruct}


def _dtype(description: Any) -> np.dtype[Any]:
    if not isinstance(description, dict):
        base, shape = description
        return np.dtype((base, tuple(shape)))
    fields = description["fields"]
    return np.dtype(
        {
            "names": list(fields),
            "formats": [_dtype(kind) for kind, _ in fields.values()],
            "offsets": [start for _, start in fields.values()],
            "itemsize": description["itemsize"],
        },
        align=description["align"],
    )
