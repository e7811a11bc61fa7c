"""Ways of collecting episodes: with a policy that looks, or with one that plans."""

from __future__ import annotations

from crafter_dataset.builder.collectors.chosen import ChoicePlayer
from crafter_dataset.builder.collectors.job import Collector, Give, Job, Take, make_policy
from crafter_dataset.builder.collectors.one_lane import OneLaneCollector
from crafter_dataset.builder.collectors.planned import PlanPlayer, plan_of
from crafter_dataset.builder.policies.compiled import CompiledPolicy
from crafter_dataset.engine.engines import fast_lanes

__all__ = ["make_collector"]


def make_collector(job: Job, take: Take, give: Give) -> Collector:
    """Make the collector of a job: one that plays on its own where policy and engine allow it.

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
    policy, env = make_policy(job), job.metadata.env
    geometry = env.area, env.view, env.size, env.length, env.reward
    if isinstance(policy, CompiledPolicy):
        if job.engine == "fast":
            fast = fast_lanes()(1, *geometry)
            return OneLaneCollector(job, fast, ChoicePlayer(job, fast, policy), take, give)
        from crafter_dataset.engine.stock_chosen import ChosenStockLanes

        stock = ChosenStockLanes(*geometry)
        return OneLaneCollector(job, stock, ChoicePlayer(job, stock, policy), take, give)
    plan = plan_of(policy)
    if plan is not None and job.engine == "fast":
        lanes = fast_lanes()(1, *geometry)
        return OneLaneCollector(job, lanes, PlanPlayer(job, lanes, plan), take, give)
    # Others need no threads, and none of what comes with them.
    from crafter_dataset.builder.collectors.lockstep import LockstepCollector

    return LockstepCollector(job, policy, take, give)
