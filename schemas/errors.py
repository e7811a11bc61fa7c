"""What can go wrong, as one tree of exceptions; the text of each is one line for the user.

A text names the thing, what was expected and what was found. Arguments in it are
worded for Python (`resume=True`); a command words them its own way (`--resume`).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Advice:
    """What the user can do about an error by passing an argument.

    Parameters
    ----------
    text : str
        What that does, up to the argument: `go on with it by`.
    argument : str
        Name of the argument in Python.
    value : bool, int or str
        Value to pass.
    """

    text: str
    argument: str
    value: bool | int | str = True

    def in_python(self) -> str:
        """Return the text for those who call a function."""
        return f"{self.text} {self.argument}={self.value!r}"

    def for_command(self, names: Mapping[str, str]) -> str:
        """Return the text for those who type a command.

        Parameters
        ----------
        names : mapping of str to str
            The command's options by the Python names of arguments; those that are missing follow
            from their names.
        """
        value = "" if self.value is True else f" {shlex.quote(str(self.value))}"
        return f"{self.text} {_named(self.argument, names)}{value}"


def _named(argument: str, names: Mapping[str, str]) -> str:
    """Return what a command calls an argument; by default the option of the same name."""
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
        The note itself, one line.
    advice : iterable of Advice
        What can be done about it; any one of these is enough.
    """

    _text: str
    _advice: tuple[Advice, ...]

    def __new__(cls, text: str, advice: Iterable[Advice] = ()) -> Note:
        """Return the note, worded for Python."""
        advice = tuple(advice)
        note = super().__new__(cls, _worded(text, (each.in_python() for each in advice)))
        note._text, note._advice = text, advice
        return note

    def for_command(self, names: Mapping[str, str]) -> str:
        """Return the text for those who type a command.

        Parameters
        ----------
        names : mapping of str to str
            The command's options by the Python names of arguments; those that are missing follow
            from their names.
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
    frames : str
        The lines of that traceback that are of the user's code.

    Attributes
    ----------
    exit_code : int
        How a command ends with it: 1 for failed or invalid, 2 for wrong usage.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        advice: Iterable[Advice] = (),
        details: str = "",
        frames: str = "",
    ) -> None:
        super().__init__(message)
        self.advice = tuple(advice)
        self.details, self.frames = details, frames

    def __str__(self) -> str:
        return _worded(self._text(), (each.in_python() for each in self.advice))

    def for_command(self, names: Mapping[str, str]) -> str:
        """Return the text for those who type a command, with its options for arguments.

        Parameters
        ----------
        names : mapping of str to str
            The command's options by the Python names of arguments; those that are missing follow
            from their names: `--chunk-frames` for `chunk_frames`.
        """
        return _worded(self._text(names), (each.for_command(names) for each in self.advice))

    def _text(self, names: Mapping[str, str] | None = None) -> str:
        return str(self.args[0])


class ArgumentError(CrafterDatasetError, ValueError):
    """An argument has a value that is not allowed, or is not allowed here.

    Parameters
    ----------
    argument : str or tuple of str
        Its name in Python, or those of several that do not go together.
    problem : str
        What was expected, and what was found.
    advice : iterable of Advice
        What can be done about it; any one of these is enough.
    details : str
        A traceback, where the cause is the user's code.
    frames : str
        The lines of that traceback that are of the user's code.
    """

    exit_code = 2

    def __init__(
        self,
        argument: str | tuple[str, ...],
        problem: str,
        *,
        advice: Iterable[Advice] = (),
        details: str = "",
        frames: str = "",
    ) -> None:
        self.argument, self.problem = argument, problem
        super().__init__(self._text(), advice=advice, details=details, frames=frames)

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.argument, self.problem), self.__dict__

    def _text(self, names: Mapping[str, str] | None = None) -> str:
        arguments = (self.argument,) if isinstance(self.argument, str) else self.argument
        if names is not None:
            arguments = tuple(_named(argument, names) for argument in arguments)
        return f"{', '.join(arguments)}: {self.problem}"


class UnknownNameError(ArgumentError, KeyError):
    """A name is unknown; the text lists those that are known."""


def install_hint(extra: str, *, upgrade: bool = False) -> str:
    """Return what to type to install what an extra names, from an index or in a checkout.

    Parameters
    ----------
    extra : str
        The extra of `crafter-dataset`.
    upgrade : bool
        Whether what is installed is too old.
    """
    install = "pip install -U" if upgrade else "pip install"
    return f"{install} 'crafter-dataset[{extra}]', or in a checkout of it {install} '.[{extra}]'"


class MissingPackageError(CrafterDatasetError, ImportError):
    """Something needs a package that is not installed.

    Parameters
    ----------
    package : str
        Name of the package, as people know it.
    extra : str
        The extra of `crafter-dataset` that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"{package}: expected it to be installed, found it missing; {install_hint(extra)}"
        )
        self.package, self.extra = package, extra

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (self.package, self.extra)


class DatasetError(CrafterDatasetError):
    """Base of every error about what is stored."""


class NotADatasetError(DatasetError):
    """The path is missing, or holds something that is not a Crafter dataset."""


class VersionError(DatasetError):
    """The dataset was written to a version of the format that this software cannot read."""


class MetadataError(DatasetError):
    """The dataset's metadata breaks the format."""


class CorruptDataError(DatasetError):
    """Stored bytes are missing, cut short, or fail their checksum."""


class CodecError(ArgumentError):
    """A codec's name or level is not one that the format or the container allows."""
