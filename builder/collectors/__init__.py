"""Ways of collecting episodes: with a policy that looks, or with one that plans."""

from __future__ import annotations

from crafter_dataset.builder.collectors.job import Collector, Give, Job, Take, make_policy
from crafter_dataset.builder.collectors.planned import PlannedCollector, plan_of

__all__ = ["PlannedCollector", "make_collector"]


def make_collector(job: Job, take: Take, give: Give) -> Collector:
    """Make the collector of a job: one that plans ahead where policy and engine allow it.

    Parameters
    ----------
    job : Job
        What to collect.
    take : callable
        Where episode numbers come from, see `collectors.job.Take`.
    give : callable
        Where whole episodes go, see `collectors.job.Give`.

    Returns
    -------
    Collector
        With the job's policy.

    Raises
    ------
    CollectError
        If the policy cannot be made.
    """
    policy = make_policy(job)
    plan = plan_of(policy)
    if plan is not None and job.engine == "fast":
        return PlannedCollector(job, plan, take, give)
    # It imports Gymnasium, which takes a while.
    from crafter_dataset.builder.collectors.lockstep import LockstepCollector

    return LockstepCollector(job, policy, take, give)
