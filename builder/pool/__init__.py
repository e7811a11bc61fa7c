"""Pools: where episodes are played."""

from __future__ import annotations

from crafter_dataset.builder.collectors.job import Job
from crafter_dataset.builder.pool.inline import InlinePool
from crafter_dataset.builder.pool.processes import ProcessPool
from crafter_dataset.builder.pool.protocol import Pool

__all__ = ["InlinePool", "Pool", "ProcessPool", "make_pool"]


def make_pool(job: Job, workers: int) -> Pool:
    """Make a pool of worker processes, or of this process alone.

    Parameters
    ----------
    job : Job
        What to collect; picklable for worker processes.
    workers : int
        Number of worker processes; 0 for this process alone.
    """
    return ProcessPool(job, workers) if workers else InlinePool(job)
