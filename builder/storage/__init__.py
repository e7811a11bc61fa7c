"""Storage: how encoded episodes become a dataset on disk, and stay one whatever happens."""

from __future__ import annotations
