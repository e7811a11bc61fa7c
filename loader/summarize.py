"""`summarize`: what is in a dataset, wherever it is, in numbers."""

from __future__ import annotations

from pathlib import Path

from crafter_dataset.loader.dataset import Dataset, opened
from crafter_dataset.loader.summary import Summary, summary_of


def summarize(dataset: Dataset | str | Path) -> Summary:
    """Return statistics of a dataset; its images are not read.

    Parameters
    ----------
    dataset : Dataset, str or Path
        A dataset or a part of one, or where it is.

    Returns
    -------
    Summary
        The statistics.

    Raises
    ------
    NotADatasetError, VersionError, MetadataError
        If the path holds no dataset that this software can read.
    CorruptDataError
        If stored bytes are missing or fail their checksum.

    Examples
    --------
    >>> import crafter_dataset
    >>> summary = crafter_dataset.summarize("data.zarr")
    >>> 0 <= summary.score <= 100
    True
    """
    return summary_of(opened(dataset))
