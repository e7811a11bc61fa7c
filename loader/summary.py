"""What is in a dataset, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loader.dataset import Dataset
from schemas.layout import TABLE_FIELDS


@dataclass(frozen=True)
class Summary:
    """Statistics of a dataset's episodes.

    Parameters
    ----------
    episodes, frames : int
        How many; frames without padding.
    stored_bytes : int
        Size on disk of all arrays.
    lengths, returns : dict
        Mean, std, min and max over the episodes (lengths in rows).
    end_reasons : dict
        Episodes by end reason.
    rewards : dict
        Actions by the sign of their reward.
    success_rates : dict or None
        Share of the episodes (0 to 1) in which each achievement was reached.
    score : float or None
        Crafter score in percent, see `crafter_score`.
    """

    episodes: int
    frames: int
    stored_bytes: int
    lengths: dict[str, float]
    returns: dict[str, float]
    end_reasons: dict[str, int]
    rewards: dict[str, int]
    success_rates: dict[str, float] | None
    score: float | None


def summarize(dataset: Dataset) -> Summary:
    """Read what is needed of a dataset (not the images) and sum it up.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum.
    """
    rewards, reached = _sweep(dataset)
    rates = score = None
    if reached is not None:
        shares = (reached / max(len(dataset), 1)).tolist()
        rates = dict(zip(dataset.metadata.achievements, shares, strict=True))
        score = crafter_score(shares)
    reasons = np.bincount(
        dataset.episodes["end_reasons"], minlength=len(dataset.metadata.end_reasons)
    )
    container = dataset.container
    paths = [*dataset.fields, *(field.path for field in TABLE_FIELDS.values())]
    return Summary(
        episodes=len(dataset),
        frames=dataset.frames,
        stored_bytes=sum(container.stored_bytes(path) for path in paths),
        lengths=_statistics(dataset.episodes["lengths"]),
        returns=_statistics(dataset.episodes["returns"]),
        end_reasons={
            name: int(count)
            for name, count in zip(dataset.metadata.end_reasons, reasons, strict=True)
            if count
        },
        rewards=rewards,
        success_rates=rates,
        score=score,
    )


def crafter_score(success_rates: list[float]) -> float:
    """Crafter score in percent: exp(mean(ln(1 + s_i))) - 1 over success rates s_i in percent.

    Source: Hafner, Benchmarking the Spectrum of Agent Capabilities, 2021,
    equation 1.

    Parameters
    ----------
    success_rates : list of float
        Share of the episodes in which each achievement was reached, 0 to 1.
    """
    return float(np.expm1(np.mean(np.log1p(100 * np.array(success_rates)))))


def _sweep(dataset: Dataset) -> tuple[dict[str, int], NDArray[np.int64] | None]:
    """Count rewards by sign and episodes by achievement reached, each file read once."""
    container, table = dataset.container, dataset.episodes
    rewards = {"positive": 0, "zero": 0, "negative": 0}
    reached: NDArray[np.int64] | None = None
    if "achievements" in dataset.fields:
        reached = np.zeros(len(dataset.metadata.achievements), np.int64)
    lasts = table["starts"] + table["lengths"] - 1
    info = container.describe("rewards")
    step = info.file_rows if info else 1
    for start in range(0, dataset.metadata.counts.rows, step):
        stop = min(start + step, dataset.metadata.counts.rows)
        here = np.flatnonzero((table["starts"] < stop) & (lasts >= start))
        if not len(here):
            continue
        block = container.read("rewards", start, stop)
        for index in here:
            signs = np.sign(block[max(table["starts"][index] - start, 0) : lasts[index] - start])
            rewards["positive"] += int((signs > 0).sum())
            rewards["zero"] += int((signs == 0).sum())
            rewards["negative"] += int((signs < 0).sum())
        ending = lasts[here][lasts[here] < stop] - start
        if reached is not None and len(ending):
            reached += (container.read("achievements", start, stop)[ending] > 0).sum(0)
    return rewards, reached


def _statistics(values: Any) -> dict[str, float]:
    if not len(values):
        return {}
    values = values.astype(np.float64)
    return {
        "mean": round(float(values.mean()), 4),
        "std": round(float(values.std()), 4),
        "min": round(float(values.min()), 4),
        "max": round(float(values.max()), 4),
    }
