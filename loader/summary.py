"""What is in a dataset, in numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.players import player_labels
from crafter_dataset.schemas.errors import CorruptDataError, UnknownNameError
from crafter_dataset.schemas.layout import FRAME_FIELDS
from crafter_dataset.schemas.wording import extent, format_bytes

if TYPE_CHECKING:
    from crafter_dataset.loader.dataset import Dataset


@dataclass(frozen=True)
class Summary:
    """Statistics of a dataset's episodes.

    Parameters
    ----------
    episodes, frames : int
        How many there are; frames without padding.
    stored_bytes : int or None
        Bytes on disk of all arrays; None for a part of a dataset.
    lengths, returns : dict of str to float
        `mean`, `std`, `min` and `max` over the episodes, lengths in frames;
        empty without episodes.
    end_reasons : dict of str to int
        Number of episodes by end reason, those that occur.
    rewards : dict of str to int
        Number of actions by the sign of their reward: `positive`, `zero` and
        `negative`.
    success_rates : dict of str to float, or None
        Share of the episodes (0 to 1) in which each achievement was reached;
        None if achievements are not stored.
    score : float or None
        Crafter score in percent, see `crafter_score`; None likewise.
    policies : dict of str to dict
        `episodes`, `frames`, `lengths`, `returns` and `score` of the episodes of
        each policy that played one, by its name; where several have the same
        name, with the parameters that differ.
    mixed : bool
        Whether the dataset names several policies, be it that one of them played all of this.

    Examples
    --------
    >>> import crafter_dataset
    >>> summary = crafter_dataset.open_dataset("data.zarr").summary()
    >>> sum(summary.end_reasons.values()) == summary.episodes
    True
    >>> summary.success_rates["collect_diamond"]
    0.0
    """

    episodes: int
    frames: int
    stored_bytes: int | None
    lengths: dict[str, float]
    returns: dict[str, float]
    end_reasons: dict[str, int]
    rewards: dict[str, int]
    success_rates: dict[str, float] | None
    score: float | None
    policies: dict[str, dict[str, Any]]
    mixed: bool

    def __repr__(self) -> str:
        score = "" if self.score is None else f", Crafter score {self.score:.2f} %"
        size = "" if self.stored_bytes is None else f", {format_bytes(self.stored_bytes)}"
        length, returned = (values.get("mean", 0.0) for values in (self.lengths, self.returns))
        return (
            f"<Summary: {extent(self.episodes, self.frames)}{size};\n"
            f" length {length:.1f}, return {returned:.2f} in the mean{score}>"
        )

    def _repr_html_(self) -> str:
        from crafter_dataset.loader.report import summary_html

        return summary_html(self)


def summary_of(dataset: Dataset) -> Summary:
    """Return statistics of some episodes; see `loader.summarize.summarize`.

    Parameters
    ----------
    dataset : Dataset
        A dataset, or a part of one.

    Returns
    -------
    Summary
        The statistics.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum.
    """
    rates = score = reached = None
    if "achievements" in dataset.fields:
        reached = reached_achievements(dataset)
        shares = (reached.sum(0) / max(len(dataset), 1)).tolist()
        rates = dict(zip(dataset.metadata.achievements, shares, strict=True))
        score = crafter_score(shares)
    names = dataset.metadata.end_reasons
    reasons = np.bincount(dataset.episodes["end_reasons"], minlength=len(names))
    if len(reasons) > len(names):
        raise CorruptDataError(
            f"end_reasons: expected 0 to {len(names) - 1}, found {len(reasons) - 1} "
            f"({dataset.path})"
        )
    container, whole = dataset.container, len(dataset) == dataset.metadata.counts.episodes
    paths = [field.path for field in dataset.metadata.present_fields()]
    return Summary(
        episodes=len(dataset),
        frames=dataset.frames,
        stored_bytes=sum(container.stored_bytes(path) for path in paths) if whole else None,
        lengths=_statistics(dataset.episodes["lengths"]),
        returns=_statistics(dataset.episodes["returns"]),
        end_reasons={name: int(count) for name, count in zip(names, reasons, strict=True) if count},
        rewards=_count_rewards(dataset),
        success_rates=rates,
        score=score,
        policies=_by_policy(dataset, reached),
        mixed=len(dataset.metadata.played_by()) > 1,
    )


def _by_policy(dataset: Dataset, reached: NDArray[np.bool_] | None) -> dict[str, dict[str, Any]]:
    """Return statistics of the episodes of each policy that played some."""
    players, lengths = dataset.episodes.players(), dataset.episodes["lengths"]
    found = {}
    for number, label in enumerate(player_labels(dataset.metadata)):
        mask = players == number
        if mask.any():
            found[label] = {
                "episodes": int(mask.sum()),
                "frames": int(lengths[mask].sum()),
                "lengths": _statistics(lengths[mask]),
                "returns": _statistics(dataset.episodes["returns"][mask]),
                "score": None if reached is None else crafter_score(reached[mask].mean(0).tolist()),
            }
    return found


def crafter_score(success_rates: list[float]) -> float:
    """Return the Crafter score in percent: exp(mean(ln(1 + s_i))) - 1, s_i in percent.

    Source: Hafner, Benchmarking the Spectrum of Agent Capabilities, 2021,
    equation 1.

    Parameters
    ----------
    success_rates : list of float
        Share of the episodes in which each achievement was reached, 0 to 1; the
        s_i as fractions.

    Returns
    -------
    float
        From 0 to 100.

    Examples
    --------
    >>> import crafter_dataset
    >>> round(crafter_dataset.crafter_score([1.0, 0.5, 0.0]), 2)
    16.27
    """
    return float(np.expm1(np.mean(np.log1p(100 * np.array(success_rates)))))


def reached_achievements(dataset: Dataset) -> NDArray[np.bool_]:
    """Read which achievements were reached in which episodes, from their last rows.

    Parameters
    ----------
    dataset : Dataset
        A dataset or a part of one.

    Returns
    -------
    ndarray, shape (episodes, achievements), bool
        In the order of `dataset.episodes` and `metadata.achievements`.

    Raises
    ------
    UnknownNameError
        If the dataset does not store achievements; the error is a KeyError.
    CorruptDataError
        If stored bytes are missing or fail their checksum.
    """
    if "achievements" not in dataset.fields:
        raise UnknownNameError(
            "achievements", f"expected a dataset that stores them, found none ({dataset.path})"
        )
    reached = np.zeros((len(dataset), len(dataset.metadata.achievements)), np.bool_)
    lasts = dataset.episodes["starts"] + dataset.episodes["lengths"] - 1
    order = np.argsort(lasts, kind="stable")
    files = lasts[order] // _file_rows(dataset, "achievements")
    for here in np.split(order, np.flatnonzero(np.diff(files)) + 1):
        if len(here):
            start, stop = int(lasts[here[0]]), int(lasts[here[-1]]) + 1
            counts = dataset.container.read("achievements", start, stop)
            if counts.shape[1:] != reached.shape[1:]:
                raise CorruptDataError(
                    f"achievements: expected {reached.shape[1]} a row, found shape "
                    f"{counts.shape[1:]} ({dataset.path})"
                )
            reached[here] = counts[lasts[here] - start] > 0
    return reached


def _count_rewards(dataset: Dataset) -> dict[str, int]:
    """Count actions by the sign of their reward, each file read once."""
    container, table = dataset.container, dataset.episodes.records
    rewards = {"positive": 0, "zero": 0, "negative": 0}
    lasts = table["starts"] + table["lengths"] - 1
    step = _file_rows(dataset, "rewards")
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
    return rewards


def _file_rows(dataset: Dataset, name: str) -> int:
    meta = dataset.metadata
    return FRAME_FIELDS[name].file_rows(meta.sizes(), meta.chunk_frames)


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
