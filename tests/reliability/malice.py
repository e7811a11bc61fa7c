"""Documents as somebody may write them who wishes a reader ill."""

from __future__ import annotations

import json
import random
from typing import Any

NESTED = "@nested"
"""Start of a text that stands for so many brackets."""

VALUES: tuple[Any, ...] = (
    0, 1, -1, 2, 7, 65_536, 2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**12,
    -(10**18), 10**400, 0.5, 1e308, float("nan"), float("inf"), -float("inf"), True, False, None,
    "", "x", "\n", "\x00", "\ud800", "\x1b[2J", "\u202e", "9" * 5_000, "a" * 1_000_000,
    "../../../../etc/passwd", "/etc/passwd", "file:///etc/passwd", "os:system", "1.0", "complete",
    [], {}, [[]], [None], [0], [-1, -1], [2**40, 2**40], [1, 1], [32_767, 32_767], [16, 0],
    ["a", "a"], ["a"] * 300, [{}], {"a": 1}, {"name": "gzip"}, {"name": "bytes"}, list(range(300)),
    [10**12], [10**12, 18, 18, 3], [2**62, 2**62], f"{NESTED} 200", f"{NESTED} 900",
    f"{NESTED} 10000",
)  # fmt: skip


def paths_of(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the ways to all values of a document."""
    items: list[tuple[Any, Any]] = []
    if isinstance(node, dict):
        items = list(node.items())
    elif isinstance(node, list):
        items = list(enumerate(node))
    return [at, *(path for key, value in items for path in paths_of(value, (*at, key)))]


def spoil_document(document: Any, rng: random.Random, under: tuple[Any, ...] = ()) -> str:
    """Change a document at one to three places below a node; say what was done."""
    done = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        paths = [p for p in paths_of(document) if p[: len(under)] == under and p]
        if not paths:
            break
        path = rng.choice(paths)
        parent = document
        for key in path[:-1]:
            parent = parent[key]
        value: Any = rng.choice(VALUES)
        how = rng.random()
        if how < 0.12:
            del parent[path[-1]]
            done.append(f"without {path}")
        elif how < 0.18 and isinstance(parent, dict):
            parent[f"{path[-1]}{rng.choice(('x', '/', '..', chr(0)))}"] = parent.pop(path[-1])
            done.append(f"{path} renamed")
        elif how < 0.24 and isinstance(parent, list):
            parent.insert(path[-1], parent[path[-1]])
            done.append(f"{path} twice")
        else:
            parent[path[-1]] = value
            done.append(f"{path} = {repr(value)[:60]}")
    return "; ".join(done)


def to_text(document: Any) -> str:
    """Serialise it, brackets and all."""
    text = json.dumps(document)
    for depth in (200, 900, 10_000):
        text = text.replace(f'"{NESTED} {depth}"', "[" * depth + "]" * depth)
    return text


def spoil_text(text: str, rng: random.Random) -> tuple[bytes, str]:
    """Change a document's text, so that it may be no JSON at all."""
    data = text.encode()
    middle = rng.randrange(len(data))
    choices = {
        "nothing at all": b"",
        "zeros": bytes(len(data)),
        "cut short": data[:middle],
        "a byte order mark": b"\xef\xbb\xbf" + data,
        "UTF-16": text.encode("utf-16"),
        "no UTF-8": data[:middle] + b"\xff\xfe\xc0" + data[middle:],
        "brackets": b"[" * 100_000,
        "braces": b'{"a":' * 100_000,
        "another value after it": data + data,
        "a number": b"1",
        "many digits": b'{"zarr_format": ' + b"9" * 100_000 + b"}",
        "spaces": b" " * 30_000_000 + data,
        "keys": b"{" + b",".join(b'"k%d": 0' % i for i in range(200_000)) + b"}",
        "a key twice": data.replace(b'"version"', b'"version": "1.0", "version"', 1),
    }
    name = rng.choice(sorted(choices))
    return choices[name], name


def bomb(nbytes: int) -> bytes:
    """Make a Zstandard frame of so many zeros that does not say its size (RFC 8878, 3.1.1)."""
    block = (128 * 1024 << 3 | 1 << 1).to_bytes(3, "little") + b"\0"  # one byte, repeated
    last = (1 << 3 | 1 << 1 | 1).to_bytes(3, "little") + b"\0"
    return b"\x28\xb5\x2f\xfd\x00\x38" + block * (nbytes // (128 * 1024)) + last


TABLES: dict[str, tuple[int, ...]] = {
    "starts": (-1, -(2**63), 2**63 - 1, 2**62, 3, 16, 10**12, 0),
    "lengths": (0, -1, 2**31, 2**63 - 1, 10**12, 1, 61, 62),
    "end_reasons": (4, 255, 0, 3),
    "world_seeds": (-1, 2**63 - 1, 2**32),
    "returns": (0, 10**30),
}
"""Numbers that do not belong into the table of episodes."""


def spoil_table(name: str, values: Any, rng: random.Random) -> str:
    """Put wrong numbers into a column."""
    number = rng.choice(TABLES[name])
    where = slice(None) if rng.random() < 0.3 else rng.randrange(len(values))
    values[where] = number
    return f"{name}[{where}] = {number}"
