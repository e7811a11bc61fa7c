"""What a policy states beside its actions: checked at each step, and written into the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.builder.collectors.job import CollectError, Job
from crafter_dataset.builder.collectors.lane_rows import LaneRows
from crafter_dataset.builder.errors import PolicyError
from crafter_dataset.builder.policies.declared import (
    ATTRIBUTE,
    declared_extras,
    describe_extra,
    parse_extras,
)
from crafter_dataset.schemas.extras import ExtraSpec


class StatedError(Exception):
    """What a policy states is not what it declares; the text says what was expected and found."""


class Stated:
    """The extras of one policy.

    Parameters
    ----------
    extras : sequence of ExtraSpec
        What the policy declares.
    """

    def __init__(self, extras: Sequence[ExtraSpec]) -> None:
        self._kinds = {e.name: (np.dtype(e.dtype), e.shape) for e in extras}
        self._values: dict[str, NDArray[Any]] = {}

    def __bool__(self) -> bool:
        return bool(self._kinds)

    def actions_of(self, answer: Any, lanes: int) -> Any:
        """Take the extras out of what `act` returned, and return the actions.

        Parameters
        ----------
        answer : array_like, or tuple of array_like and dict
            What the policy returned: the latter if it declares extras.
        lanes : int
            Number of lanes that it was asked about.

        Raises
        ------
        StatedError
            If it is not that, or an array has another type or shape than the policy declares.
        """
        pair = isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], Mapping)
        if not self._kinds:
            if pair:
                raise StatedError(
                    f"expected actions alone from a policy that declares no extras, found "
                    f"{_listed(answer[1])} beside them"
                )
            return answer
        if not pair:
            raise StatedError(
                f"expected a pair of actions and extras, as the policy declares "
                f"{_listed(self._kinds)}, found {type(answer).__name__}"
            )
        actions, stated = answer
        if stated.keys() != self._kinds.keys():
            raise StatedError(
                f"expected the extras {_listed(self._kinds)}, found {_listed(stated)}"
            )
        for name, (dtype, shape_of_one) in self._kinds.items():
            values, shape = np.asarray(stated[name]), (lanes, *shape_of_one)
            if values.dtype != dtype or values.shape != shape:
                raise StatedError(
                    f"expected {name!r} of shape {shape} of {dtype}, found shape {values.shape} "
                    f"of {values.dtype}"
                )
            self._values[name] = values
        return actions

    def write(self, rows: LaneRows, playing: NDArray[np.bool_]) -> None:
        """Write what was stated last into the open rows of lanes.

        Parameters
        ----------
        rows : LaneRows
            Rows of these lanes.
        playing : ndarray, shape (lanes,), bool
            Which lanes.
        """
        at = rows.rows[playing]
        for name, values in self._values.items():
            rows.stated[name][at] = values[playing]


def stated_of(job: Job, policy: Any) -> Stated:
    """Return what takes the extras of a job's policy.

    Parameters
    ----------
    job : Job
        The job.
    policy : Policy
        Its policy, as it was made.

    Raises
    ------
    CollectError
        If the policy declares others than its factory does, which the dataset has.
    """
    try:
        extras = declared_extras(job.policy)
        own = parse_extras(getattr(policy, ATTRIBUTE, None), job.policy.name)
    except PolicyError as error:
        raise CollectError(str(error)) from error
    if own and own != extras:
        raise CollectError(
            f"{job.policy_name}: expected its factory to declare the extras that the policy has, "
            f"{_described(own)}, found {_described(extras)}; set {ATTRIBUTE} on the factory, too"
        )
    return Stated(extras)


def _described(extras: Sequence[ExtraSpec]) -> str:
    return ", ".join(f"{extra.name} {describe_extra(extra)}" for extra in extras) or "none"


def _listed(names: Mapping[str, Any]) -> str:
    return ", ".join(sorted(map(str, names))) or "none"
