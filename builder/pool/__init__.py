"""Pools: where episodes are played."""

from __future__ import annotations

from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.pool.inline import InlinePool
from crafter_dataset.builder.pool.processes import ProcessPool
from crafter_dataset.builder.pool.protocol import Pool

__all__ = ["InlinePool", "Pool", "ProcessPool", "make_pool"]


def make_pool(job: Job, workers: int) -> Pool:
    """Make a pool of local processes, or of this process alone for no workers."""
    return ProcessPool(job, workers) if workers else InlinePool(job)
