"""What can go wrong, as one tree of exceptions; the text of each is one line for the user.

A text names the thing, what was expected and what was found. What it says of
arguments is worded for Python (`resume=True`); a command has it in its own
words (`--resume`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What the user can do about an error by giving an argument.

    Parameters
    ----------
    text : str
        What that does, up to the argument: `go on with it with`.
    argument : str
        Name of the argument in Python.
    value : bool, int or str
        What to give it.
    """

    text: str
    argument: str
    value: bool | int | str = True

    def in_python(self) -> str:
        """Word it for those who call a function."""
        return f"{self.text} {self.argument}={self.value!r}"

    def for_command(self, names: Mapping[str, str]) -> str:
        """Word it for those who give a command.

        Parameters
        ----------
        names : mapping of str to str
            What the command calls arguments.
        """
        value = "" if self.value is True else f" {shlex.quote(str(self.value))}"
        return f"{self.text} {_named(self.argument, names)}{value}"


def _named(argument: str, names: Mapping[str, str]) -> str:
    """Return what a command calls an argument; by default as options are called."""
    return names.get(argument, "--" + argument.rstrip("_").replace("_", "-"))


def _worded(text: str, ways: Iterable[str]) -> str:
    """Say what is wrong, and then what can be done about it."""
    *others, last = [*ways] or [""]
    advice = f"{', '.join(others)}, or {last}" if others else last
    return f"{text}; {advice}" if advice else text


class Note(str):
    """A note for `add_note` that is worded for Python, and can be worded for a command.

    Parameters
    ----------
    text : str
        What there is to say.
    advice : iterable of Advice
        What can be done about it; any one of these is enough.
    """

    _text: str
    _advice: tuple[Advice, ...]

    def __new__(cls, text: str, advice: Iterable[Advice] = ()) -> Note:
        """Word it for Python."""
        advice = tuple(advice)
        note = super().__new__(cls, _worded(text, (each.in_python() for each in advice)))
        note._text, note._advice = text, advice
        return note

    def for_command(self, names: Mapping[str, str]) -> str:
        """Word it for those who give a command.

        Parameters
        ----------
        names : mapping of str to str
            What the command calls arguments.
        """
        return _worded(self._text, (each.for_command(names) for each in self._advice))


class CrafterDatasetError(Exception):
    """Base of every error that this package raises by design.

    Parameters
    ----------
    message : str
        One line: what is wrong.
    advice : iterable of Advice
        What can be done about it; any one of these is enough.
    details : str
        A traceback, where the cause is the user's code.

    Attributes
    ----------
    exit_code : int
        How a command ends with it: 1 for failed or invalid, 2 for wrong usage.
    """

    exit_code = 1

    def __init__(self, message: str, *, advice: Iterable[Advice] = (), details: str = "") -> None:
        super().__init__(message)
        self.advice = tuple(advice)
        self.details = details

    def __str__(self) -> str:
        return _worded(self._text(), (each.in_python() for each in self.advice))

    def for_command(self, names: Mapping[str, str]) -> str:
        """Return the text with what a command calls arguments in the place of their names.

        Parameters
        ----------
        names : mapping of str to str
            What the command calls arguments; those that are missing it calls
            as options are called, `--chunk-frames`.
        """
        return _worded(self._text(names), (each.for_command(names) for each in self.advice))

    def _text(self, names: Mapping[str, str] | None = None) -> str:
        return str(self.args[0])


class ArgumentError(CrafterDatasetError, ValueError):
    """An argument is not one that can be given, or not to this.

    Parameters
    ----------
    argument : str or tuple of str
        Its name in Python, or those of several that do not go together.
    problem : str
        What was expected, and what was found.
    advice, details
        As `CrafterDatasetError` takes them.
    """

    exit_code = 2

    def __init__(
        self,
        argument: str | tuple[str, ...],
        problem: str,
        *,
        advice: Iterable[Advice] = (),
        details: str = "",
    ) -> None:
        self.argument, self.problem = argument, problem
        super().__init__(self._text(), advice=advice, details=details)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.argument, self.problem), self.__dict__

    def _text(self, names: Mapping[str, str] | None = None) -> str:
        arguments = (self.argument,) if isinstance(self.argument, str) else self.argument
        if names is not None:
            arguments = tuple(_named(argument, names) for argument in arguments)
        return f"{', '.join(arguments)}: {self.problem}"


class UnknownNameError(ArgumentError, KeyError):
    """A name is none of those that there are, which the text lists."""


class MissingPackageError(CrafterDatasetError, ImportError):
    """Something needs a package that is not installed.

    Parameters
    ----------
    package : str
        Name that people know it by.
    extra : str
        The extra of `crafter-dataset` that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package}: expected it to be installed, found it missing; "
            f"pip install 'crafter-dataset[{extra}]'"
        )
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.extra)


class DatasetError(CrafterDatasetError):
    """Base of every error about what is stored."""


class NotADatasetError(DatasetError):
    """The path is missing, or holds something that is no Crafter dataset."""


class VersionError(DatasetError):
    """The dataset was written to a version of the format that this software cannot read."""


class MetadataError(DatasetError):
    """The dataset's metadata breaks the format."""


class CorruptDataError(DatasetError):
    """Stored bytes are missing, cut short, or fail their checksum."""


class CodecError(DatasetError):
    """A codec's name or level is not one the format allows."""

    exit_code = 2
