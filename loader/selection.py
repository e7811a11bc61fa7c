"""Which episodes a command is to take, as text: `0:100,250`."""

from __future__ import annotations

import re

import numpy as np

from loader.dataset import Dataset

SYNTAX = "numbers and ranges such as 0:100,250,900:"


def select_episodes(dataset: Dataset, text: str) -> Dataset:
    """Give the episodes with some ids, in the dataset's order.

    Parameters
    ----------
    dataset : Dataset
        Where to take them from.
    text : str
        Ids, and ranges `first:after` without the last one, as in Python;
        either side may be left out. Separated by commas.

    Raises
    ------
    ValueError
        If the text is no such list, or an id is not in the dataset, or
        nothing is left.
    """
    ids = dataset.episodes["episode_ids"]
    keep = np.zeros(len(ids), np.bool_)
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,18})?\s*(:)?\s*(\d{1,18})?\s*", part)
        if match is None or not part.strip() or (match[1] is None and match[2] is None):
            raise ValueError(f"expected {SYNTAX}, found {text!r}")
        if match[2] is None:
            chosen = ids == int(match[1])
        else:
            chosen = (ids >= int(match[1] or 0)) & (ids < int(match[3] or 10**18))
        if not chosen.any():
            found = f"{ids.min()} to {ids.max()}" if len(ids) else "none"
            raise ValueError(f"expected some of the episodes {found}, found {part.strip()!r}")
        keep |= chosen
    return dataset.filter(keep)
