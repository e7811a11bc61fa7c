"""How `--help` looks: options in groups, lines that break between words alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import click

Groups = Mapping[str, Sequence[str]]
"""Headings, and the names of the parameters under each."""

REST = "Other options"
"""Heading of the options that are in no group."""

_NAMES_SHARE = 3
"""Names take at most one part in so many of the width, and a little; longer ones a line."""

_LEAST_NAMES = 8


class Formatter(click.HelpFormatter):
    """Writes help; neither words nor the names of options are ever broken, as click breaks them."""

    def write_text(self, text: str) -> None:
        r"""Write paragraphs; see `click.HelpFormatter`.

        Parameters
        ----------
        text : str
            Paragraphs, with empty lines between them; the lines of one that
            begins with `\b` are kept.
        """
        margin = " " * self.current_indent
        paragraphs = [paragraph.strip("\n") for paragraph in text.split("\n\n")]
        written = []
        for paragraph in paragraphs:
            first, _, kept = paragraph.partition("\n")
            if first.strip() == "\b":
                lines = [margin + line for line in kept.splitlines()]
            else:
                lines = [margin + line for line in wrapped(paragraph, self.width - len(margin))]
            written.append("\n".join(lines))
        self.write("\n\n".join(written) + "\n")

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        """Write names and what they mean in two columns; see `click.HelpFormatter`.

        Parameters
        ----------
        rows : iterable of tuple of str
            Name and text of each.
        col_max : int
            Width of the column of names, at most.
        col_spacing : int
            Spaces between the columns.
        """
        rows = list(rows)
        most = min(col_max, self.width // _NAMES_SHARE + 2)
        widest = max((len(name) for name, _ in rows if len(name) <= most), default=_LEAST_NAMES)
        margin, column = " " * self.current_indent, widest + col_spacing
        for name, text in rows:
            lines = wrapped(text, self.width - len(margin) - column)
            if len(name) > widest:
                self.write(f"{margin}{name}\n")
                name = ""
            for line in lines or [""]:
                self.write(f"{margin}{name:<{column}}{line}".rstrip() + "\n")
                name = ""


def wrapped(text: str, width: int) -> list[str]:
    """Return the lines of a paragraph, broken between words.

    Parameters
    ----------
    text : str
        The paragraph.
    width : int
        Characters of a line; a longer word has a line of its own.
    """
    return textwrap.wrap(
        " ".join(text.split()), width, break_long_words=False, break_on_hyphens=False
    )


class _Context(click.Context):
    formatter_class = Formatter


class GroupedCommand(click.Command):
    """A command whose help has its options in groups.

    Parameters
    ----------
    *args : object
        As for `click.Command`.
    groups : mapping of str to sequence of str
        Headings, and the names of the parameters under each; what is in none
        comes last.
    **kwargs : object
        As for `click.Command`.
    """

    context_class = _Context

    def __init__(self, *args: Any, groups: Groups | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = dict(groups or {})

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, under their headings; see `click.Command`.

        Parameters
        ----------
        ctx : click.Context
            The command that is run.
        formatter : click.HelpFormatter
            What writes.
        """
        heading_of = {name: heading for heading, names in self.groups.items() for name in names}
        rest = REST if self.groups else "Options"
        rows: dict[str, list[tuple[str, str]]] = {each: [] for each in (*self.groups, rest)}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                rows[heading_of.get(str(parameter.name), rest)].append(record)
        for heading, records in rows.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)
