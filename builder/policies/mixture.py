"""Mixtures: each episode is played by one of several policies, drawn by its own Generator."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from crafter_dataset.builder.errors import PolicyError
from crafter_dataset.schemas.metadata import MIX, WEIGHT, PolicySpec
from crafter_dataset.schemas.wording import short_repr

TOLERANCE = 1e-6
"""How far from 1 the sum of the weights may be."""

Describe = Callable[[str, Mapping[str, Any]], PolicySpec]
"""Describes a policy by its name and arguments, as `describe_policy` does."""


@dataclass(frozen=True)
class Mixture:
    """Policies, and how often each of them plays.

    Parameters
    ----------
    policies : tuple of PolicySpec
        The policies, in the order of their names.
    bounds : tuple of float
        Sums of the weights up to and with each policy.
    """

    policies: tuple[PolicySpec, ...]
    bounds: tuple[float, ...]

    @classmethod
    def of(cls, spec: PolicySpec) -> Mixture:
        """Read what `describe_mixture` has made.

        Parameters
        ----------
        spec : PolicySpec
            A policy named `mix`.
        """
        policies = spec.members()
        return cls(policies, tuple(accumulate(spec.parameters[p.name][WEIGHT] for p in policies)))

    def draw(self, rng: np.random.Generator) -> int:
        """Draw who plays an episode.

        Parameters
        ----------
        rng : numpy.random.Generator
            The episode's Generator, of which this takes the first number. What follows is for the
            policy that is drawn.

        Returns
        -------
        int
            Index into `policies`.
        """
        # The sum may be a little off 1.
        return min(bisect_right(self.bounds, rng.random() * self.bounds[-1]), len(self.bounds) - 1)


def describe_mixture(arguments: Mapping[str, Any], describe: Describe) -> PolicySpec:
    """Describe a mixture with all parameters of its policies, defaults filled in.

    Parameters
    ----------
    arguments : mapping of str
        For each policy, by its name, its weight; or a mapping of `weight` and parameters.
    describe : callable
        Describes one of them.

    Returns
    -------
    PolicySpec
        Named `mix`, with the weight and the parameters of each policy, in the order of their
        names: so that the order in which they are given does not matter.

    Raises
    ------
    PolicyError
        If there is none, one of them is unknown, a mixture, or does not take its parameters, or
        the weights are not positive numbers that add up to 1.
    """
    if not arguments:
        raise PolicyError(
            "policy_args",
            "expected policies and their weights for a mix, such as heuristic=0.7, found none",
        )
    for name in arguments:
        if not isinstance(name, str):
            raise PolicyError(
                "policy_args",
                "expected policies by their names in a mix, such as 'package.module:factory', "
                f"found {short_repr(name)}",
            )
    members = {name: _member(name, arguments[name], describe) for name in sorted(arguments)}
    total = math.fsum(member[WEIGHT] for member in members.values())
    if abs(total - 1) > TOLERANCE:
        found = ", ".join(f"{name} {member[WEIGHT]:g}" for name, member in members.items())
        raise PolicyError(
            "policy_args", f"expected weights that add up to 1 in a mix, found {total:g} ({found})"
        )
    return PolicySpec(MIX, members)


def _member(name: str, value: Any, describe: Describe) -> dict[str, Any]:
    """Return weight and parameters of one policy of a mixture."""
    if name == MIX:
        raise PolicyError("policy_args", "expected policies that are no mix in a mix, found mix")
    given = dict(value) if isinstance(value, Mapping) else {WEIGHT: value}
    if WEIGHT not in given:
        raise PolicyError(
            "policy_args",
            f"expected a {WEIGHT} for {name} in a mix, found none in {short_repr(value)}",
        )
    weight = given.pop(WEIGHT)
    is_number = isinstance(weight, int | float | np.number) and not isinstance(weight, bool)
    if not is_number or not 0 < weight < math.inf:
        raise PolicyError(
            "policy_args",
            f"expected a positive number as the weight of {name} in a mix, found "
            f"{short_repr(weight)}",
        )
    try:
        parameters = describe(name, given).parameters
    except PolicyError as error:
        raise PolicyError(
            "policy_args", f"{error.problem} (in a mix)", frames=error.frames
        ) from error
    if WEIGHT in parameters:
        raise PolicyError(
            "policy_args",
            f"expected policies without a parameter {WEIGHT!r} in a mix, which is the share there, "
            f"found {name}",
        )
    return {WEIGHT: float(weight), **parameters}
