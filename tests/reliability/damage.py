"""Random damage to a dataset's files."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.containers import Place, copy

KINDS = ("flip", "flips", "zeros", "truncate", "delete")
_WEIGHTS = (40, 20, 20, 15, 5)


@dataclass(frozen=True)
class Damage:
    """One damage.

    Parameters
    ----------
    number : int
        Seed of the case.
    kind : str
        One of `KINDS`.
    place : Place
        Where it is.
    """

    number: int
    kind: str
    place: Place

    def do(self, source: Path, target: Path) -> list[tuple[int, int]]:
        """Make a damaged copy of a dataset; return which bytes of the file are not as they were."""
        copy(source, target, self.place.file)
        file = target / self.place.file if self.place.file else target
        if self.kind == "delete":
            size = file.stat().st_size
            file.unlink()
            return [(0, size)]
        rng = random.Random(self.number)
        before = file.read_bytes()
        after = bytearray(before)
        while after == before:
            spoil(after, self.kind, self.place, rng)
        file.write_bytes(after)
        if len(after) < len(before):
            return [(len(after), len(before))]
        return [(i, i + 1) for i, byte in enumerate(before) if after[i] != byte]


def spoil(data: bytearray, kind: str, place: Place, rng: random.Random) -> None:
    """Damage the bytes of a place."""
    if kind in ("flip", "flips"):
        for _ in range(1 if kind == "flip" else rng.randint(2, 20)):
            data[rng.randrange(place.start, place.stop)] ^= 1 << rng.randrange(8)
    elif kind == "zeros":
        start = rng.randrange(place.start, place.stop)
        stop = min(start + rng.choice((1, 16, 512, 4096)), place.stop)
        data[start:stop] = bytes(stop - start)
        if rng.random() < 0.1:  # where there are zeros already
            spoil(data, "flip", place, rng)
    else:
        del data[rng.randrange(place.start, place.stop) :]


def draw(places: Sequence[Place], count: int, seed: int) -> list[Damage]:
    """Draw damages: half of them to metadata; files are as likely as each other."""
    rng = random.Random(seed)
    by_use: dict[bool, dict[tuple[str, str], list[Place]]] = {
        use: defaultdict(list) for use in (False, True)
    }
    for place in places:
        by_use[bool(place.field)][place.file, place.field].append(place)
    damages = []
    for number in range(count):
        files = by_use[number % 2 == 0]
        place = rng.choice(files[rng.choice(sorted(files))])
        damages.append(Damage(number, rng.choices(KINDS, _WEIGHTS)[0], place))
    return damages
