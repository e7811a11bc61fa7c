"""One line of figures a campaign."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def campaign(name: str, kind: object) -> Iterator[Counter[str]]:
    """Count what a campaign meets; print the counts and the seconds it took at its end."""
    figures: Counter[str] = Counter()
    begun = time.monotonic()
    yield figures
    counted = ", ".join(f"{what} {count:,}" for what, count in sorted(figures.items()))
    print(f"\nreliability: {name} {kind}: {counted}, {time.monotonic() - begun:,.0f} s")
