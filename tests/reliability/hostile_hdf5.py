"""Turn an HDF5 dataset into one that somebody made on purpose."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.hdf5_checksum import lookup3
from crafter_dataset.schemas.hdf5_format import DIMENSIONS
from tests.reliability import malice

HUGE = (2**31 - 1, 2**31, 10**12, 2**62)


def spoil(path: Path, rng: random.Random) -> str:
    """Change a dataset; say what was done."""
    kinds: list[Callable[[h5py.File, random.Random], str]] = [
        _metadata, _metadata, _metadata, _text, _attribute, _dimensions, _array, _array, _array,
        _table, _table, _counts, _counts, _link, _link, _elsewhere, _group, _bomb,
    ]  # fmt: skip
    if rng.random() < 0.25:
        return f"structure: {_structure(path, rng)}"
    kind = rng.choice(kinds)
    with h5py.File(path, "r+", locking=False) as file:
        return f"{kind.__name__.strip('_')}: {kind(file, rng)}"


def _structure(path: Path, rng: random.Random) -> str:
    """Change bytes of a structure and make its checksum right again, so that it is believed."""
    content = bytearray(path.read_bytes())
    signature = rng.choice([b"\x89HDF", b"OHDR", b"OHDR", b"BTHD", b"BTHD", b"BTLF"])
    place = rng.choice([found.start() for found in re.finditer(re.escape(signature), content)])
    size = _checked_bytes(content, place)
    if size is None:  # of what an earlier commit has left, in part
        return "nothing"
    spots = [rng.randrange(4, size) for _ in range(rng.choice([1, 1, 2, 4]))]
    for spot in spots:
        value = rng.choice([0, 1, 127, 255, content[place + spot] ^ 1 << rng.randrange(8)])
        content[place + spot] = value
    end = place + size
    content[end : end + 4] = lookup3(bytes(content[place:end]))
    path.write_bytes(content)
    return f"{signature!r} at {place}: bytes {spots}"


def _checked_bytes(content: bytearray, place: int) -> int | None:
    """Return how many bytes a checksum covers, by looking for it."""
    signature = bytes(content[place : place + 4])
    if signature == b"OHDR":
        return 10 + int.from_bytes(content[place + 6 : place + 10], "little")
    if signature != b"BTLF":
        return 34 if signature == b"BTHD" else 44
    sizes = range(6, 4093)
    return next((n for n in sizes if _is_checksum(content, place, place + n)), None)


def _is_checksum(content: bytearray, start: int, end: int) -> bool:
    return lookup3(bytes(content[start:end])) == content[end : end + 4]


def _arrays(file: h5py.File) -> list[str]:
    found: list[str] = []
    file.visititems(lambda name, item: found.append(name) if hasattr(item, "shape") else None)
    return sorted(found)


def _write_text(file: h5py.File, name: str, text: str | bytes) -> None:
    """Write an attribute; a long one into a heap of its own, as HDF5 allows."""
    del file.attrs[name]
    try:
        file.attrs[name] = text
    except (OSError, RuntimeError, ValueError):
        kind = h5py.string_dtype()
        file.attrs.create(name, text if isinstance(text, str) else np.bytes_(text), dtype=kind)


def _metadata(file: h5py.File, rng: random.Random) -> str:
    document = json.loads(file.attrs[ATTRIBUTE])
    done = malice.spoil_document(document, rng)
    _write_text(file, ATTRIBUTE, malice.to_text(document))
    return done


def _text(file: h5py.File, rng: random.Random) -> str:
    name = rng.choice([ATTRIBUTE, PROVENANCE])
    text = file.attrs[name]
    data, done = malice.spoil_text(text if isinstance(text, str) else text.decode(), rng)
    _write_text(file, name, np.bytes_(data) if data else "")
    return f"{name}: {done}"


def _attribute(file: h5py.File, rng: random.Random) -> str:
    """Return an attribute another type."""
    name = rng.choice([ATTRIBUTE, PROVENANCE])
    values: dict[str, Any] = {
        "a number": 7,
        "numbers": np.arange(100),
        "texts": ["{}", "{}"],
        "nothing": h5py.Empty("S1"),
        "a reference": file["actions"].ref,
        "a record": np.zeros(2, [("a", "i4"), ("b", "f8")]),
        "opaque": np.void(b"\x00\x01\x02"),
        "zeros": np.bytes_(b"\0" * 100),
        "no UTF-8": np.bytes_(b"{\xff\xfe}"),
        "a bool": True,
    }
    what = rng.choice(sorted(values))
    del file.attrs[name]
    file.attrs[name] = values[what]
    return f"{name}: {what}"


def _dimensions(file: h5py.File, rng: random.Random) -> str:
    array = file[rng.choice(_arrays(file))]
    values: list[Any] = [
        7, "frame", ["a"] * 50, h5py.Empty("S1"), array.ref, np.zeros((3, 3)), [b"\xff\xfe"],
        np.zeros(2, [("a", "i4")]),
    ]  # fmt: skip
    value = rng.choice(values)
    array.attrs[DIMENSIONS] = value
    return f"{array.name}: {value!r}"


def _array(file: h5py.File, rng: random.Random) -> str:
    """Put another array in the place of one."""
    name = rng.choice(_arrays(file))
    old = file[name]
    shape, dtype, data, chunks = old.shape, old.dtype, old[:], old.chunks
    dims = old.attrs[DIMENSIONS]
    variants: dict[str, dict[str, Any]] = {
        "huge shape": {"shape": (rng.choice(HUGE), *shape[1:]), "dtype": dtype, "chunks": chunks},
        "huge chunk": {
            "shape": shape, "dtype": dtype, "maxshape": (None, *shape[1:]),
            "chunks": (2**31 // max(dtype.itemsize * int(np.prod(shape[1:])), 1), *shape[1:]),
        },
        "one chunk of many rows": {
            "shape": shape, "dtype": dtype, "maxshape": (None, *shape[1:]),
            "chunks": (10**6, *shape[1:]), "compression": "gzip", "fletcher32": True,
        },
        "contiguous": {"data": data},
        "scalar": {"data": data.ravel()[0]},
        "empty": {"data": h5py.Empty("u1")},
        "no rows": {"shape": (0, *shape[1:]), "dtype": dtype, "chunks": chunks},
        "more dimensions": {"data": data[..., None]},
        "texts": {"data": np.full(shape[:1], "x", h5py.string_dtype())},
        "references": {"data": np.full(shape[:1], file.ref, h5py.ref_dtype)},
        "records": {"shape": shape, "dtype": [("a", "i4"), ("b", "S3")], "chunks": chunks},
        "floats": {"data": data.astype("f8"), "chunks": chunks, "fletcher32": True},
        "big-endian": {
            "data": data.astype(dtype.newbyteorder(">")), "chunks": chunks, "fletcher32": True,
        },
        "parts of rows": {"data": data, "chunks": tuple(max(1, n // 2) for n in shape)},
        "scale-offset": {"data": data.astype("i4"), "chunks": chunks, "scaleoffset": 0},
        "lzf": {"data": data, "chunks": chunks, "compression": "lzf"},
        "no checksum": {"data": data, "chunks": chunks, "compression": "gzip"},
        "missing chunks": {
            "shape": shape, "dtype": dtype, "chunks": chunks, "compression": "gzip",
            "fletcher32": True,
        },
    }  # fmt: skip
    what = rng.choice(sorted(variants))
    del file[name]
    if "chunks" in variants[what]:
        variants[what].setdefault("maxshape", (None,) * len(shape))
    new = file.create_dataset(name, **variants[what])
    if rng.random() < 0.8:
        new.attrs[DIMENSIONS] = dims
    return f"{name}: {what}"


def _table(file: h5py.File, rng: random.Random) -> str:
    name = rng.choice(sorted(malice.TABLES))
    values = file[f"episodes/{name}"][:]
    done = malice.spoil_table(name, values, rng)
    file[f"episodes/{name}"][:] = values
    return done


def _counts(file: h5py.File, rng: random.Random) -> str:
    """Claim huge sizes, in the arrays' shapes and in the counts alike."""
    size, what = rng.choice(HUGE), rng.choice(["episodes", "rows"])
    for name in _arrays(file):
        old = file[name]
        if name.startswith("episodes/") != (what == "episodes"):
            continue
        shape, dtype, chunks = (size, *old.shape[1:]), old.dtype, old.chunks
        data, dims = old[:], old.attrs[DIMENSIONS]
        del file[name]
        new = file.create_dataset(
            name,
            shape,
            dtype,
            chunks=chunks,
            maxshape=(None, *shape[1:]),
            compression="gzip",
            fletcher32=True,
        )
        new[: len(data)] = data
        new.attrs[DIMENSIONS] = dims
    document = json.loads(file.attrs[ATTRIBUTE])
    document["counts"][what] = min(size, 2**31 - 1) if what == "episodes" else size
    _write_text(file, ATTRIBUTE, json.dumps(document))
    return f"{what} {size}"


def _link(file: h5py.File, rng: random.Random) -> str:
    """Let a name lead elsewhere."""
    name = rng.choice(["episodes", *_arrays(file)])
    other = str(Path(file.filename).with_name("other.h5"))
    links: dict[str, Any] = {
        "itself": h5py.SoftLink(f"/{name}"),
        "another array": h5py.SoftLink("/actions" if name != "actions" else "/rewards"),
        "nowhere": h5py.SoftLink("/nowhere/at/all"),
        "another file": h5py.ExternalLink(other, "/frames"),
        "no HDF5 file": h5py.ExternalLink("/etc/passwd", "/frames"),
        "this file": h5py.ExternalLink(file.filename, "/frames"),
        "a pipe": h5py.ExternalLink("/dev/stdin", "/frames"),
        "the root": file["/"],
        "a type": np.dtype("i4"),
        "nothing": None,
    }
    what = rng.choice(sorted(links))
    if what == "another file":
        with h5py.File(other, "w") as there:
            there["frames"] = np.zeros((3, 3))
    del file[name]
    if what != "nothing":
        file[name] = links[what]
    return f"{name} leads to {what}"


def _elsewhere(file: h5py.File, rng: random.Random) -> str:
    """Let an array's bytes come from other files."""
    name = rng.choice(_arrays(file))
    shape, dtype = file[name].shape, file[name].dtype
    dims = file[name].attrs[DIMENSIONS]
    del file[name]
    if rng.random() < 0.5:
        layout = h5py.VirtualLayout(shape, dtype)
        source = rng.choice(["/etc/passwd", ".", str(file.filename)])
        layout[:] = h5py.VirtualSource(source, "frames", shape)
        new, what = file.create_virtual_dataset(name, layout), f"virtual, of {source}"
    else:
        source = rng.choice(["/etc/passwd", "/dev/zero"])
        parts = [(source, 0, h5py.h5f.UNLIMITED)]
        new, what = file.create_dataset(name, shape, dtype, external=parts), f"raw, of {source}"
    new.attrs[DIMENSIONS] = dims
    return f"{name}: {what}"


def _group(file: h5py.File, rng: random.Random) -> str:
    """Put a group, or many of them, where an array was."""
    name = rng.choice(_arrays(file))
    del file[name]
    group = file.create_group(name)
    for _ in range(rng.choice([0, 1, 200])):
        group = group.create_group("deeper")
    group["back"] = file["/"]
    return f"{name} is a group"


def _bomb(file: h5py.File, rng: random.Random) -> str:
    """Let a small chunk claim to be another: of garbage, or of much more than fits."""
    import zlib

    drawn = [name for name in ("tiles", "pictures/tiles", "pictures/daylight") if name in file]
    name = rng.choice(["actions", "rewards", "episodes/starts", "episodes/terrain", *drawn])
    what = rng.choice(["grows", "is garbage", "is one byte"])
    data = {
        "grows": zlib.compress(bytes(2**28)),
        "is garbage": rng.randbytes(1000),
        "is one byte": b"x",
    }[what]
    array = file[name]
    mask = rng.choice([0, 0, 1, 2, 3])
    array.id.write_direct_chunk((0,) * array.ndim, _with_checksum(data), mask)
    return f"{name} {what}, filters left out {mask}"


def _with_checksum(data: bytes) -> bytes:
    from crafter_dataset.schemas.codecs import fletcher32

    return data + fletcher32(data)
