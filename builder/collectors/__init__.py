"""Ways of collecting episodes: with a policy that looks, one that plans, or a mixture."""

from __future__ import annotations

from crafter_dataset.builder.collectors.job import (
    CollectError,
    Collector,
    Give,
    Job,
    Take,
    make_policy,
)
from crafter_dataset.builder.collectors.mixed import MixCollector
from crafter_dataset.builder.collectors.one_lane import OneLaneCollector
from crafter_dataset.builder.collectors.planned import PlanPlayer, plan_of
from crafter_dataset.builder.collectors.stated import stated_of
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
    if job.is_mixture:
        return MixCollector(job, make_collector, take, give)
    policy, env = make_policy(job), job.metadata.env
    stated = stated_of(job, policy)
    geometry = env.area, env.view, env.size, env.length, env.reward
    plan = plan_of(policy)
    if stated and (plan is not None or isinstance(policy, CompiledPolicy)):
        raise CollectError(
            f"{job.policy_name}: expected an act of its own, which returns the extras that it "
            f"declares, found a {type(policy).__name__}"
        )
    if isinstance(policy, CompiledPolicy):
        # It needs llvmlite, and stock Crafter runs without.
        from crafter_dataset.builder.collectors.chosen import ChoicePlayer

        if job.engine == "fast":
            fast = fast_lanes()(1, *geometry)
            return OneLaneCollector(job, fast, ChoicePlayer(job, fast, policy), take, give)
        from crafter_dataset.engine.stock_chosen import ChosenStockLanes

        stock = ChosenStockLanes(*geometry)
        return OneLaneCollector(job, stock, ChoicePlayer(job, stock, policy), take, give)
    if plan is not None and job.engine == "fast":
        lanes = fast_lanes()(1, *geometry)
        return OneLaneCollector(job, lanes, PlanPlayer(job, lanes, plan), take, give)
    # Others need no threads, and none of what comes with them.
    from crafter_dataset.builder.collectors.lockstep import LockstepCollector

    return LockstepCollector(job, policy, stated, take, give)
