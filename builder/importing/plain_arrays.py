"""NumPy's arrays as pickle files describe them, made without what NumPy itself would run.

NumPy's own makers believe a file: a dtype with a subarray, say, makes an array whose memory is
another than its shape says. Here a file may name plain types alone, and as many bytes as they take.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

_CODES = {f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)} | {"b1", "f2", "f4", "f8"}
_ORDERS = ("<", ">", "=", "|")


class PlainType:
    """Stands for `numpy.dtype` in a file.

    Parameters
    ----------
    code : str
        Kind and bytes, such as `f4`.
    align, copy : bool
        Which NumPy writes, and which mean nothing for plain types.

    Attributes
    ----------
    dtype : dtype
        The type.

    Raises
    ------
    ValueError
        If it is no plain type.
    """

    def __init__(self, code: Any, align: Any = False, copy: Any = True) -> None:
        if not isinstance(code, str) or code not in _CODES:
            raise ValueError(f"expected a type out of {', '.join(sorted(_CODES))}, found {code!r}")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        _version, order, *rest = state
        if order not in _ORDERS or any(part is not None for part in rest[:3]):
            raise ValueError("expected a plain type, found one with parts")
        self.dtype = self.dtype.newbyteorder(order)


class NoArray:
    """Stands for `numpy.ndarray` in a file, where it is but named."""


class PlainArray:
    """Stands for an array in a file.

    Attributes
    ----------
    values : ndarray
        The array; read-only.
    """

    def __init__(self) -> None:
        self.values: NDArray[Any] = np.zeros(0)

    def __setstate__(self, state: Any) -> None:
        _, shape, kind, by_columns, data = state
        if not (isinstance(shape, tuple) and isinstance(kind, PlainType)):
            raise ValueError("expected an array of a plain type, found another")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError(f"expected sizes, found {shape}")
        expected = math.prod(shape) * kind.dtype.itemsize
        if not isinstance(data, bytes) or len(data) != expected:
            raise ValueError(f"expected {expected} bytes for an array of shape {shape}")
        numbers = np.frombuffer(data, kind.dtype)
        self.values = numbers.reshape(shape[::-1]).T if by_columns else numbers.reshape(shape)


def start_array(kind: Any, shape: Any, code: Any) -> PlainArray:
    """Begin an array as NumPy's `_reconstruct` does; its state follows in the file.

    Parameters
    ----------
    kind, shape, code : object
        What NumPy writes there, which the state overrules.

    Returns
    -------
    PlainArray
        An empty one.
    """
    return PlainArray()


def number(kind: Any, data: Any) -> Any:
    """Make a number as NumPy's `scalar` does.

    Parameters
    ----------
    kind : PlainType
        Its type.
    data : bytes
        Its bytes.

    Returns
    -------
    numpy.number or numpy.bool
        The number.

    Raises
    ------
    ValueError
        If the type is not plain, or the bytes are not as many.
    """
    if not isinstance(kind, PlainType) or not isinstance(data, bytes):
        raise ValueError("expected a number of a plain type, found another")
    if len(data) != kind.dtype.itemsize:
        raise ValueError(f"expected {kind.dtype.itemsize} bytes for a number, found {len(data)}")
    return np.frombuffer(data, kind.dtype)[0]


MAKERS: list[tuple[Any, str]] = [
    (NoArray, "numpy.ndarray"),
    (PlainType, "numpy.dtype"),
    (PlainArray, f"{__name__}.PlainArray"),  # no file names it; it may be given a state
    *(
        (maker, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")  # as NumPy 1 and 2 have it
        for maker, name in ((start_array, "_reconstruct"), (number, "scalar"))
    ),
]
"""What stands for each of NumPy's names that a file may use."""
