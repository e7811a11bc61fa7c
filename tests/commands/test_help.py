"""`--help` of every command, at the widths that terminals have."""

from __future__ import annotations

import importlib
import re

import click
import pytest

from crafter_dataset.__main__ import VERBS

COMMANDS = {
    verb: importlib.import_module(f"crafter_dataset.commands.{verb}").command for verb in VERBS
}


def lines_of(verb: str, columns: int) -> list[str]:
    command = COMMANDS[verb]
    with command.make_context(command.name, ["x"] * 3, resilient_parsing=True) as context:
        context.terminal_width = columns - 2  # as click takes it from the terminal
        return command.get_help(context).splitlines()


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("verb", VERBS)
def test_words_are_whole_and_lines_fit(verb, columns):
    lines = lines_of(verb, columns)
    assert max(map(len, lines)) <= columns
    words = set(" ".join(lines).split())
    unbroken = set(" ".join(lines_of(verb, 1000)).split())
    assert words == unbroken
    for option in COMMANDS[verb].params:
        if isinstance(option, click.Option):
            assert any(re.match(rf"  (-h, )?{option.opts[-1]}\b", line) for line in lines)


def test_long_options_are_in_groups():
    headings = [line for line in lines_of("build", 80) if re.match(r"\S.*:$", line)]
    assert headings == ["What is built:", "Where it goes:", "How it is run:", "Other options:"]
    assert "Where it goes:" in lines_of("convert", 80)
    assert "Options:" in lines_of("merge", 80)


@pytest.mark.parametrize("verb", ["build", "convert"])
def test_groups_name_options_that_exist(verb):
    command = COMMANDS[verb]
    named = [name for names in command.groups.values() for name in names]
    assert len(named) == len(set(named))
    assert set(named) <= {parameter.name for parameter in command.params}


def test_limits_are_in_words():
    text = " ".join(" ".join(lines_of("build", 80)).split())
    assert "1 to 65535]" in text
    assert "9223372036854775807" not in text
