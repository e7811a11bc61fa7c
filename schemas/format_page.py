"""The tables of `docs/format.md`, made from the layout so that they stay in step with it.

`python -m crafter_dataset.schemas.format_page docs/format.md` brings a page up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from crafter_dataset.schemas.entries import ENTRIES
from crafter_dataset.schemas.layout import (
    END_REASONS,
    FIELDS,
    FORMAT_VERSION,
    FRAME_FIELDS,
    PICTURE_FIELDS,
    TABLE_FIELDS,
    Field,
)


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _range(field: Field) -> str:
    highest = {
        "actions": "last action",
        "materials": "last material",
        "semantic": "last object",
        "end_reasons": str(len(END_REASONS) - 1),
        "sources": "last source",
        "policies": "last policy",
        "tiles": "last tile",
    }
    high = highest[field.high] if isinstance(field.high, str) else field.high
    if field.low is None and high is None:
        return "finite" if np.dtype(field.dtype).kind == "f" else ""
    low = field.low or 0  # where there is none, the type is unsigned
    return f"{low} or more" if high is None else f"{low} to {high}"


def _needed(field: Field) -> str:
    if field.drawn:
        return "MUST if drawn"
    return "MAY" if field.optional else "MUST"


def _fields(fields: Iterable[Field]) -> str:
    return _table(
        ("Path", "Type", "Dimensions", "Needed", "Fill", "Range", "Meaning"),
        (
            (
                f"`{f.path}`",
                f.dtype,
                ", ".join(f.dims),
                _needed(f),
                str(f.fill).lower(),
                _range(f),
                f.about,
            )
            for f in fields
        ),
    )


def _entries() -> str:
    return _table(
        ("Entry", "Needed", "Value", "In the digest", "Meaning"),
        (
            (
                f"`{e.path}`",
                "MAY" if e.optional else "MUST",
                e.expected,
                "yes" if e.digested else "no",
                e.about,
            )
            for e in ENTRIES
        ),
    )


def _digested() -> str:
    return ", ".join(f"`{f.name}`" for f in FIELDS if f.digested and not f.per_episode)


SECTIONS: dict[str, Callable[[], str]] = {
    "version": lambda: f"Version {FORMAT_VERSION}",
    "frame fields": lambda: _fields(FRAME_FIELDS.values()),
    "episode fields": lambda: _fields(TABLE_FIELDS.values()),
    "picture fields": lambda: _fields(PICTURE_FIELDS),
    "metadata": _entries,
    "end reasons": lambda: _table(
        ("Code", "Name"), ((str(code), f"`{name}`") for code, name in enumerate(END_REASONS))
    ),
    "digested": _digested,
}


def fill_in(page: str) -> str:
    """Replace what is between the markers `<!-- begin NAME -->` and `<!-- end NAME -->` of a page.

    Parameters
    ----------
    page : str
        Markdown with the markers of every section.

    Returns
    -------
    str
        The page, up to date.

    Raises
    ------
    ValueError
        If a section is missing or there twice.
    """
    for name, make in SECTIONS.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        count = page.count(begin)
        if count != 1:
            raise ValueError(f"page: expected one section {name!r}, found {count}")
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{make()}\n{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(fill_in(path.read_text()))
