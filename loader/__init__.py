"""Read trajectory datasets of Crafter: lazy episodes, splits, windows and samplers."""

from __future__ import annotations

from loader.dataset import Dataset, open_dataset
from loader.episode import Episode, EpisodeField
from loader.samplers import (
    DiamondSampler,
    EpisodeSampler,
    Sampler,
    SequentialSampler,
    TerminalSampler,
    UniformSampler,
    WeightedSampler,
    by_return,
)
from loader.windows import Windows
from schemas.errors import CorruptDataError, DatasetError, NotADatasetError

__all__ = [
    "CorruptDataError",
    "Dataset",
    "DatasetError",
    "DiamondSampler",
    "Episode",
    "EpisodeField",
    "EpisodeSampler",
    "NotADatasetError",
    "Sampler",
    "SequentialSampler",
    "TerminalSampler",
    "UniformSampler",
    "WeightedSampler",
    "Windows",
    "by_return",
    "open_dataset",
]
