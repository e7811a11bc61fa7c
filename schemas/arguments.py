"""Arguments of callers, as what they are meant for: whole numbers, and pairs of them."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from crafter_dataset.schemas.errors import ArgumentError


def as_integer(value: Any) -> int | None:
    """Return a whole number, NumPy's too, as Python's.

    Parameters
    ----------
    value : object
        What may be one.

    Returns
    -------
    int or None
        None for anything that is no integer by its type, truth values included.
    """
    if isinstance(value, bool | np.bool_):  # NumPy 1 takes its own for an index
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def whole_number(
    argument: str,
    value: Any,
    low: int,
    high: int | None = None,
    error: type[ArgumentError] = ArgumentError,
) -> int:
    """Return a whole number within a range.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : object
        What was given for it.
    low : int
        Least number that is allowed.
    high : int, optional
        Largest number that is allowed.
    error : type
        The error to raise.

    Returns
    -------
    int
        The number.

    Raises
    ------
    ArgumentError
        If it is no integer, or out of the range.
    """
    number = as_integer(value)
    if number is None or number < low or (high is not None and number > high):
        kind = "" if number is not None else "a whole number, "
        above = "or more" if high is None else f"to {high}"
        raise error(argument, f"expected {kind}{low} {above}, found {value!r}")
    return number


def as_pair(
    argument: str, value: Any, error: type[ArgumentError] = ArgumentError
) -> tuple[int, int]:
    """Return two whole numbers, a single one for both; whether they fit is not looked at.

    Crafter does so for `view` and `size`.

    Parameters
    ----------
    argument : str
        Name of the argument.
    value : int or sequence of int
        One number, or two.
    error : type
        The error to raise.

    Returns
    -------
    tuple of int
        Two numbers.

    Raises
    ------
    ArgumentError
        If it is neither one whole number nor two.
    """
    single = as_integer(value)
    if single is not None:
        return single, single
    try:
        x, y = map(as_integer, value)
    except (TypeError, ValueError):
        x = y = None
    if x is None or y is None:
        raise error(argument, f"expected a whole number or two, found {value!r}")
    return x, y
