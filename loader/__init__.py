"""Read trajectory datasets of Crafter: lazy episodes, slices, filters and splits."""

from __future__ import annotations

from loader.dataset import Dataset, open_dataset
from loader.episode import Episode, EpisodeField

__all__ = ["Dataset", "Episode", "EpisodeField", "open_dataset"]
