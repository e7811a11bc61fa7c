"""The format page says what the layout says."""

from __future__ import annotations

from pathlib import Path

from crafter_dataset.schemas.format_page import fill_in

PAGE = Path(__file__).parent.parent.parent / "docs" / "format.md"


def test_the_page_is_up_to_date():
    text = PAGE.read_text()
    assert text == fill_in(text), (
        "run: python -m crafter_dataset.schemas.format_page docs/format.md"
    )
    assert "| `frames` | uint8 | frame, height, width, channel | MUST | 0 |" in text
    assert "| `tiles` | uint8 | frame, column, line | MUST if drawn | 0 | 0 to last tile |" in text
    assert "| `pictures/vignette` | float64 | view_y, view_x | MUST if drawn | 0 | 0 to 1 |" in text
