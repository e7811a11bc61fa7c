"""What a disk may hold after the power has failed.

What was synced is there: a file's bytes by a sync of the file, a folder's
names by a sync of the folder. Of the rest the disk may have any sectors of
the writes, and of each folder's names as many changes as it came to.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.recorder import ROOT, Step

SECTOR = 512
"""Bytes that a disk writes whole or not at all."""


@dataclass
class Disk:
    """Files and folders by number, names by folder."""

    files: dict[int, bytearray] = field(default_factory=dict)
    names: dict[int, dict[str, int]] = field(default_factory=lambda: defaultdict(dict))
    folders: set[int] = field(default_factory=lambda: {ROOT})

    def apply(self, step: Step) -> None:
        """Do one step."""
        if step.kind == "link":
            self._link(step)
        elif step.kind == "write":
            self.put(step.node or 0, step.offset, step.data)
        elif step.kind == "resize":
            content = self.files.setdefault(step.node or 0, bytearray())
            del content[step.offset :]
            content.extend(bytes(step.offset - len(content)))

    def put(self, node: int, offset: int, data: bytes) -> None:
        """Write bytes; what is skipped is zeros."""
        content = self.files.setdefault(node, bytearray())
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data

    def _link(self, step: Step) -> None:
        if step.old is not None:
            self.names[step.old[0]].pop(step.old[1], None)
        if step.node is None:
            self.names[step.folder].pop(step.name, None)
            return
        self.names[step.folder][step.name] = step.node
        if step.is_folder:
            self.folders.add(step.node)
        else:
            self.files.setdefault(step.node, bytearray())

    def content(self, node: int = ROOT, at: str = "") -> dict[str, bytes | None]:
        """Return all files by their path, and None for folders."""
        found: dict[str, bytes | None] = {}
        for name, child in self.names[node].items():
            path = f"{at}{name}"
            if child in self.folders:
                found[path] = None
                found |= self.content(child, f"{path}/")
            else:
                found[path] = bytes(self.files.get(child, b""))
        return found


def place_content(content: dict[str, bytes | None], root: Path) -> None:
    """Make the files and folders."""
    for path, data in content.items():
        if data is None:
            (root / path).mkdir()
        else:
            (root / path).write_bytes(data)


def owner(step: Step) -> int | None:
    """Return the file or folder whose sync makes a step durable."""
    return step.folder if step.kind == "link" else step.node


def split_by_sync(steps: Sequence[Step]) -> tuple[list[Step], list[Step]]:
    """Part the steps into those that a sync has made durable, and the others."""
    last = {step.node: number for number, step in enumerate(steps) if step.kind == "sync"}
    synced, pending = [], []
    for number, step in enumerate(steps):
        if step.kind in ("link", "write", "resize"):
            (synced if number < last.get(owner(step), -1) else pending).append(step)
    return synced, pending


def nothing_more(pending: Sequence[Step], rng: random.Random) -> list[Step]:
    """Lose all that was not synced."""
    return []


def a_prefix(pending: Sequence[Step], rng: random.Random) -> list[Step]:
    """Lose what came last, from a random moment on."""
    return list(pending[: rng.randint(0, len(pending))])


def any_sectors(pending: Sequence[Step], rng: random.Random) -> list[Step]:
    """Keep any sectors of the writes, and the first changes of each folder's names."""
    kept: list[Step] = []
    cut = {node: rng.random() for node in map(owner, pending)}
    share = rng.random()
    changes: dict[int | None, list[int]] = defaultdict(list)
    for number, step in enumerate(pending):
        if step.kind == "link":
            changes[owner(step)].append(number)
    names = {n for node, all_ in changes.items() for n in all_[: round(cut[node] * len(all_))]}
    for number, step in enumerate(pending):
        if step.kind == "write":
            kept += [part for part in _sectors(step) if rng.random() < share]
        elif number in names or (step.kind == "resize" and rng.random() < share):
            kept.append(step)
    return kept


def _sectors(step: Step) -> list[Step]:
    stop = step.offset + len(step.data)
    bounds = [step.offset, *range(-(-(step.offset + 1) // SECTOR) * SECTOR, stop, SECTOR), stop]
    return [
        Step("write", step.node, offset=low, data=step.data[low - step.offset : high - step.offset])
        for low, high in itertools.pairwise(bounds)
        if low < high
    ]


LOSSES = (nothing_more, a_prefix, any_sectors)


def after_power_loss(steps: Sequence[Step], loss: object, rng: random.Random) -> Disk:
    """Return a disk as it may be when the power fails after these steps."""
    synced, pending = split_by_sync(steps)
    disk = Disk()
    for step in [*synced, *loss(pending, rng)]:  # type: ignore[operator]
        disk.apply(step)
    return disk
