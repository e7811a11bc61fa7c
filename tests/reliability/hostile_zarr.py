"""Turn a Zarr dataset into one that somebody made on purpose."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np

from crafter_dataset.schemas.codecs import ChunkCodec, crc32c
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.layout import TABLE_FIELDS
from crafter_dataset.schemas.zarr_format import DOCUMENT
from tests.reliability import malice

CONTENT = ("attributes", ATTRIBUTE)
CONSOLIDATED = ("consolidated_metadata", "metadata")


def spoil(path: Path, rng: random.Random) -> str:
    """Change a dataset; say what was done."""
    kinds: list[Callable[[Path, random.Random], str]] = [
        _metadata, _metadata, _metadata, _consolidated, _consolidated, _own, _array, _array, _text,
        _table, _table, _sizes, _sizes, _link, _bomb, _index, _index, _chunk, _chunk,
    ]  # fmt: skip
    kind = rng.choice(kinds)
    return f"{kind.__name__.strip('_')}: {kind(path, rng)}"


def _arrays(path: Path) -> list[str]:
    own = path.rglob(DOCUMENT)
    return sorted(str(p.parent.relative_to(path)) for p in own if list(p.parent.glob("c.*")))


def _sharded(path: Path) -> list[str]:
    """Name the arrays of which a file holds many chunks."""
    documents = json.loads((path / DOCUMENT).read_text())["consolidated_metadata"]["metadata"]
    first = {name: document.get("codecs", [{}])[0] for name, document in documents.items()}
    return sorted(name for name in first if first[name].get("name") == "sharding_indexed")


def _edit(file: Path, rng: random.Random, under: tuple[str, ...]) -> str:
    document = json.loads(file.read_text())
    done = malice.spoil_document(document, rng, under)
    file.write_text(malice.to_text(document))
    return done


def _metadata(path: Path, rng: random.Random) -> str:
    return _edit(path / DOCUMENT, rng, CONTENT)


def _consolidated(path: Path, rng: random.Random) -> str:
    return _edit(path / DOCUMENT, rng, CONSOLIDATED)


def _own(path: Path, rng: random.Random) -> str:
    name = rng.choice(_arrays(path))
    return f"{name}: {_edit(path / name / DOCUMENT, rng, ())}"


def _array(path: Path, rng: random.Random) -> str:
    """Change an array's document where it is read and where it is checked, in the same way."""
    name, seed = rng.choice(_arrays(path)), rng.random()
    done = _edit(path / name / DOCUMENT, random.Random(seed), ())
    root = json.loads((path / DOCUMENT).read_text())
    malice.spoil_document(root["consolidated_metadata"]["metadata"][name], random.Random(seed))
    (path / DOCUMENT).write_text(malice.to_text(root))
    return f"{name} in both documents: {done}"


def _text(path: Path, rng: random.Random) -> str:
    file = path / rng.choice(["", "episodes", *_arrays(path)]) / DOCUMENT
    data, done = malice.spoil_text(file.read_text(), rng)
    file.write_bytes(data)
    return f"{file.parent.name}: {done}"


def _table(path: Path, rng: random.Random) -> str:
    name = rng.choice(sorted(malice.TABLES))
    field = TABLE_FIELDS[name]
    root = json.loads((path / DOCUMENT).read_text())
    count = root["attributes"][ATTRIBUTE]["counts"]["episodes"]
    rows = root["consolidated_metadata"]["metadata"][field.path]["chunk_grid"]["configuration"]
    codec = ChunkCodec.parse(root["attributes"][ATTRIBUTE]["codec"])
    file = path / field.path / "c.0"
    shape = tuple(rows["chunk_shape"])
    values = codec.decode(file.read_bytes(), np.dtype(field.dtype), shape).copy()
    done = malice.spoil_table(name, values[:count], rng)
    file.write_bytes(codec.encode(values))
    return done


def _sizes(path: Path, rng: random.Random) -> str:
    """Claim other sizes wherever the format asks for the same."""
    size = rng.choice([2**20, 2**28, 2**31 - 1, 2**31, 10**12, 2**62])
    what = rng.choice(["episodes", "rows", "chunk", "file", "image", "area", "length"])
    root = json.loads((path / DOCUMENT).read_text())
    content = root["attributes"][ATTRIBUTE]
    documents = root["consolidated_metadata"]["metadata"]
    for name in _arrays(path):
        document = documents[name]
        grid = document["chunk_grid"]["configuration"]
        if what == ("episodes" if name.startswith("episodes/") else "rows"):
            document["shape"][0] = size
            if rng.random() < 0.5:  # all of it in one file
                grid["chunk_shape"][0] = size
        elif what in ("chunk", "file"):
            grid["chunk_shape"][0] = size
            inner = document["codecs"][0].get("configuration", {})
            if "chunk_shape" in inner and what == "chunk":
                inner["chunk_shape"][0] = size
        elif (what, name) in (("image", "frames"), ("area", "semantic"), ("area", "terrain")):
            document["shape"][1] = grid["chunk_shape"][1] = min(size, 32_767)
        (path / name / DOCUMENT).write_text(json.dumps(document))
    if what in ("episodes", "rows"):
        content["counts"][what] = size
    if what == "chunk":
        content["chunk_frames"] = min(size, 16_384)
    if what == "image":
        content["env"]["size"] = [32_767, min(size, 32_767)]
    if what == "area":
        content["env"]["area"] = [min(size, 32_767), 32_767]
    if what == "length":
        content["env"]["length"] = 65_535
    (path / DOCUMENT).write_text(json.dumps(root))
    return f"{what} {size}"


def _link(path: Path, rng: random.Random) -> str:
    """Put something else in the place of a file."""
    names = [path.joinpath(name) for name in ("", "episodes", *_arrays(path))]
    folder = rng.choice(names)
    file = rng.choice(sorted(p for p in folder.iterdir() if p.is_file()))
    kind = rng.choice(["outside", "passwd", "itself", "folder", "pipe", "endless", "nowhere"])
    content = file.read_bytes()
    file.unlink()
    if kind == "outside":
        outside = path.parent / "outside"
        outside.write_bytes(content)
        file.symlink_to(outside)
    elif kind == "folder":
        file.mkdir()
    elif kind == "pipe":
        os.mkfifo(file)
    else:
        targets = {"passwd": "/etc/passwd", "itself": file.name, "endless": "/dev/zero"}
        file.symlink_to(targets.get(kind, "/nowhere/at/all"))
    return f"{file.relative_to(path)} becomes: {kind}"


def _bomb(path: Path, rng: random.Random) -> str:
    """Let a chunk grow when it is decompressed."""
    data = malice.bomb(rng.choice([2**25, 2**31]))
    drawn = [p for p in ("pictures/tiles", "pictures/daylight") if (path / p).exists()]
    name = rng.choice(["actions", "rewards", "episodes/starts", "episodes/terrain", *drawn])
    file = next((path / name).glob("c.*"))
    file.write_bytes(data + crc32c(data))
    return f"{name} grows"


def _index(path: Path, rng: random.Random) -> str:
    """Change a shard's index and make its checksum right again, so that it is believed."""
    file = rng.choice(
        [file for name in _sharded(path) for file in sorted(path.glob(f"{name}/c.*"))]
    )
    content = bytearray(file.read_bytes())
    root = json.loads((path / DOCUMENT).read_text())
    document = root["consolidated_metadata"]["metadata"][file.parent.name]
    inner = document["codecs"][0]["configuration"]["chunk_shape"][0]
    size = 16 * document["chunk_grid"]["configuration"]["chunk_shape"][0] // inner
    index = np.frombuffer(content[-size - 4 : -4], "<u8").copy()
    spot = rng.randrange(min(len(index), 16))
    index[spot] = rng.choice([0, 1, 2**31, 2**63, 2**64 - 2, 2**64 - 1, int(index[spot]) ^ 1])
    content[-size - 4 :] = index.tobytes() + crc32c(index.tobytes())
    file.write_bytes(content)
    return f"{file.parent.name}, index {spot}: {index[spot]}"


def _chunk(path: Path, rng: random.Random) -> str:
    """Change bytes of a chunk and make its checksum right again, so that they are decoded."""
    arrays = sorted({*_arrays(path)} - {*_sharded(path)})
    file = next((path / rng.choice(arrays)).glob("c.*"))
    body = bytearray(file.read_bytes()[:-4])
    for _ in range(rng.choice([1, 2, 8])):
        body[rng.choice([rng.randrange(min(len(body), 20)), rng.randrange(len(body))])] = (
            rng.randrange(256)
        )
    file.write_bytes(bytes(body) + crc32c(bytes(body)))
    return f"{file.parent.name}: other bytes, checked"
