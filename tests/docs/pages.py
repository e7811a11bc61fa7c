"""The documentation's pages, and the blocks of code in them."""

from __future__ import annotations

import re
import shlex
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").rglob("*.md"))]

_BLOCK = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)(?: title=\"(?P<title>[\w.]+)\")?\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Parameters
    ----------
    language : str
        `python`, `bash`, `toml` or another.
    title : str
        Name of the file that it is; "" if it is none.
    text : str
        The code.
    line : int
        Where it begins in its page.
    """

    language: str
    title: str
    text: str
    line: int


def blocks(page: Path) -> Iterator[Block]:
    """Yield a page's blocks, indented ones too."""
    text = page.read_text()
    fences = len(re.findall(r"^ *```", text, re.MULTILINE))
    found = list(_BLOCK.finditer(text))
    assert fences == 2 * len(found), f"{page}: a block without a language, or of another form"
    for match in found:
        yield Block(
            match["language"], match["title"] or "", textwrap.dedent(match["text"]),
            text.count("\n", 0, match.start()) + 2,
        )  # fmt: skip


def command_lines(block: Block) -> Iterator[list[str]]:
    """Yield the commands of a block of the shell, split into words."""
    for line in block.text.replace("\\\n", " ").splitlines():
        for part in shlex.join(shlex.split(line, comments=True)).split("'&&'"):
            words = shlex.split(part)
            if words:
                yield words
