"""Rows of a dataset that is copied, of which only its own arrays tell the shapes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.copying.combine import Part
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import Field


def read_rows(part: Part, field: Field, start: int, stop: int) -> NDArray[Any]:
    """Read rows of an array, all of which have to be there.

    Parameters
    ----------
    part : Part
        Where they are.
    field : Field
        The array.
    start, stop : int
        First row, and the row after the last.

    Returns
    -------
    ndarray, shape (stop - start, ...)
        Of the field's shape and type.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum, or are of another shape or type.
    """
    rows = part.container.read(field.path, start, stop)
    shape = (stop - start, *field.row_shape(part.metadata.sizes()))
    if rows.shape != shape or rows.dtype != np.dtype(field.dtype):
        raise CorruptDataError(
            f"{field.path}: expected rows of shape {shape} of {field.dtype}, found {rows.shape} of "
            f"{rows.dtype}"
        )
    return rows
