"""Option types and the configuration file of the command line."""

from __future__ import annotations

import json
import re
import tomllib
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crafter_dataset.loader.container import is_address

if TYPE_CHECKING:
    _ParamType = click.ParamType[Any]
else:  # generic only since click 8.4
    _ParamType = click.ParamType


class Place(click.Path):
    """Where a dataset is or is to be: a path, in which `~` is the home, or an address."""

    name = "path"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | Path:
        """Read a path, and leave an address as it is; see `click.ParamType`.

        Parameters
        ----------
        value : str or Path
            A path or an address, from the command line or a configuration file.
        param : click.Parameter or None
            The option.
        ctx : click.Context or None
            The command that is run.

        Returns
        -------
        str or Path
            A text for an address; a Path otherwise.

        Raises
        ------
        click.BadParameter
            If the home is not known, or the value is no text.
        """
        if not isinstance(value, str | Path):
            self.fail(f"expected a path, found {value!r}", param, ctx)
        if is_address(value):
            return str(value)
        try:
            path = Path(value).expanduser()
        except RuntimeError as error:
            self.fail(f"{error} ({value})", param, ctx)
        super().convert(str(path), param, ctx)
        return path


MOST_SHOWN = 2**31 - 1
"""Upper limits from here on are not shown in help."""


class Number(click.IntRange):
    """A whole number, which may be written as people do: `1000000`, `1_000_000`, `1e6`, `100k`."""

    name = "integer"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read a number from the command line or a configuration file; see `click.ParamType`.

        Parameters
        ----------
        value : str, int or float
            The number; a float as TOML has it, if it is whole.
        param : click.Parameter or None
            The option.
        ctx : click.Context or None
            The command that is run.

        Returns
        -------
        int
            The number.

        Raises
        ------
        click.BadParameter
            If it is no whole number, or out of its range.
        """
        number = None if isinstance(value, bool) else _whole(str(value).strip())
        if number is None:
            text = f"expected a whole number such as 2000, 1e6 or 100k, found {value!r}"
            self.fail(text, param, ctx)
        return int(super().convert(number, param, ctx))

    def _describe_range(self) -> str:
        """Describe the range for `--help`, without limits that nobody meets."""
        if self.max is None or self.max >= MOST_SHOWN:
            return f"{self.min:.0f} or more"
        return f"{self.min:.0f} to {self.max:.0f}"


def _whole(text: str) -> int | None:
    """Return the whole number that a text stands for; None for anything else."""
    match = re.fullmatch(r"([+-]?\d[\d_]{0,30}(?:\.\d{1,30})?(?:[eE][+]?\d{1,2})?)([kKM]?)", text)
    if match is None or not text.isascii():
        return None
    try:
        number = Decimal(match[1]) * {"": 1, "k": 1000, "K": 1000, "M": 10**6}[match[2]]
    except InvalidOperation:
        return None
    return int(number) if number == number.to_integral_value() else None


class Pair(_ParamType):
    """Two positive integers, `64x48`, or one for both, `64`."""

    name = "N|WxH"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        """Read a value from the command line or a configuration file; see `click.ParamType`.

        Parameters
        ----------
        value : str, int or iterable of int
            A text such as `64` or `64x48`, an integer, or two.
        param : click.Parameter or None
            The option.
        ctx : click.Context or None
            The command that is run.

        Returns
        -------
        tuple of int
            Width and height.

        Raises
        ------
        click.BadParameter
            If it is not such a value.
        """
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        parts = value.lower().split("x") if isinstance(value, str) else list(value)
        if len(parts) == 1:
            parts = parts * 2
        try:
            first, second = (int(part) for part in parts)
        except (TypeError, ValueError):
            self.fail(f"expected an integer or two as in 64x48, found {value!r}", param, ctx)
        return first, second


class Names(_ParamType):
    """Names separated by commas."""

    name = "NAME,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, ...]:
        """Read a value from the command line or a configuration file; see `click.ParamType`.

        Parameters
        ----------
        value : str or iterable
            A text with commas, or several names.
        param : click.Parameter or None
            The option.
        ctx : click.Context or None
            The command that is run.

        Returns
        -------
        tuple of str
            The names.
        """
        parts = value.split(",") if isinstance(value, str) else value
        return tuple(str(part).strip() for part in parts if str(part).strip())


_ARGUMENT = re.compile(r"[^\W\d]\w*|[\w.]+:[\w.]+")
"""Name of a parameter, or of a policy of a mixture."""


class Argument(_ParamType):
    """An argument of the policy, `NAME=VALUE`, where the value is JSON or otherwise a text."""

    name = "NAME=VALUE"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Read a value from the command line or a configuration file; see `click.ParamType`.

        Parameters
        ----------
        value : str or tuple
            A text, or what was read already.
        param : click.Parameter or None
            The option.
        ctx : click.Context or None
            The command that is run.

        Returns
        -------
        tuple of str and object
            Name and value.

        Raises
        ------
        click.BadParameter
            If it is not such a text.
        """
        if isinstance(value, tuple):
            return value
        name, equals, text = str(value).partition("=")
        if not (equals and _ARGUMENT.fullmatch(name)):
            self.fail(f"expected NAME=VALUE, found {value!r}", param, ctx)
        try:
            return name, json.loads(text)
        except ValueError:
            return name, text


def read_config(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    """Make the entries of a TOML file the defaults of the options of the same names.

    Parameters
    ----------
    ctx : click.Context
        The command that is run; its `default_map` is set.
    param : click.Parameter
        The option that names the file.
    value : Path or None
        The file.

    Returns
    -------
    Path or None
        `value` unchanged.

    Raises
    ------
    click.UsageError
        If it is not a TOML file, or has an entry that is not an option.
    """
    if value is None:
        return None
    try:
        entries = tomllib.loads(Path(value).read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.UsageError(f"{value}: expected a TOML file, found: {error}") from error
    known = {
        option.removeprefix("--").replace("-", "_"): each
        for each in ctx.command.params
        if each.expose_value and isinstance(each, click.Option)
        for option in each.opts
    }
    defaults = {}
    for key, entry in entries.items():
        option = known.get(key.replace("-", "_"))
        if option is None:
            raise click.UsageError(
                f"{value}: expected options of {ctx.command.name}, found {key[:100]!r}"
            )
        if isinstance(entry, dict) and option.multiple:
            entry = [f"{k}={json.dumps(v, default=str)}" for k, v in entry.items()]
        _require_type(ctx, option, entry, f"{value}: {key}")
        defaults[str(option.name)] = entry
    ctx.default_map = {**(ctx.default_map or {}), **defaults}
    return value


def _require_type(ctx: click.Context, option: click.Option, entry: Any, where: str) -> None:
    """Refuse an entry of a type that the option does not take, which click would stumble over."""
    found = f"found {str(entry)[:100]!r}"
    if option.is_flag:
        if not isinstance(entry, bool):
            raise click.UsageError(f"{where}: expected true or false, {found}")
        return
    try:
        option.type_cast_value(ctx, entry)
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise click.UsageError(f"{where}: expected {option.type.name}, {found}") from error
