"""Read trajectory datasets of Crafter: lazy episodes, splits, windows and samplers."""

from __future__ import annotations

from crafter_dataset.loader.dataset import Dataset, open_dataset
from crafter_dataset.loader.episode import Episode, EpisodeField
from crafter_dataset.loader.samplers import (
    DiamondSampler,
    EpisodeSampler,
    Sampler,
    SequentialSampler,
    TerminalSampler,
    UniformSampler,
    WeightedSampler,
    by_return,
)
from crafter_dataset.loader.windows import Windows
from crafter_dataset.schemas.errors import CorruptDataError, DatasetError, NotADatasetError

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
