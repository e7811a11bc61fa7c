"""Fields that policies declare: what they state beside their actions, frame by frame."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any

import numpy as np

from crafter_dataset.builder.errors import PolicyError
from crafter_dataset.builder.policies.load import load_factory
from crafter_dataset.schemas.extras import MOST_EXTRAS, ExtraSpec, extra_fault
from crafter_dataset.schemas.metadata import PolicySpec
from crafter_dataset.schemas.wording import short_repr

ATTRIBUTE = "extras"
"""Name of the attribute of a factory, or of the class of a policy, that declares them."""


def declared_extras(policy: PolicySpec) -> tuple[ExtraSpec, ...]:
    """Return the fields that a policy's factory declares, without making the policy.

    Parameters
    ----------
    policy : PolicySpec
        The policy; of a mixture, all that its policies declare.

    Returns
    -------
    tuple of ExtraSpec
        In the order of their names; none for most policies.

    Raises
    ------
    PolicyError
        If they cannot be stored, or two policies of a mixture declare one otherwise.
    """
    found: dict[str, ExtraSpec] = {}
    for member in policy.members():
        for extra in _of_factory(member):
            known = found.setdefault(extra.name, extra)
            if known != extra:
                raise PolicyError(
                    "policy_args",
                    f"expected {extra.name!r} of one type and shape in all policies of a mix, "
                    f"found {describe_extra(known)} and {describe_extra(extra)}",
                )
    if len(found) > MOST_EXTRAS:
        raise PolicyError("policy", f"expected at most {MOST_EXTRAS} extras, found {len(found)}")
    return tuple(found[name] for name in sorted(found))


def _of_factory(policy: PolicySpec) -> tuple[ExtraSpec, ...]:
    declared = getattr(load_factory(policy.name), ATTRIBUTE, None)
    if callable(declared):
        try:
            declared = declared(**policy.parameters)
        except Exception as error:  # whatever the user's function raises
            text = " ".join(str(error).split())
            raise PolicyError(
                "policy",
                f"expected a mapping from the extras of {policy.name!r}, found "
                f"{type(error).__name__}: {text}",
            ) from error
    return parse_extras(declared, policy.name)


def parse_extras(declared: Any, policy: str) -> tuple[ExtraSpec, ...]:
    """Read what an attribute `extras` declares.

    Parameters
    ----------
    declared : mapping of str to tuple, or None
        Type and shape of a row by the names of fields.
    policy : str
        Name of the policy, for messages.

    Returns
    -------
    tuple of ExtraSpec
        In the order of their names.

    Raises
    ------
    PolicyError
        If they cannot be stored.
    """
    if declared is None:
        return ()
    if not isinstance(declared, Mapping):
        raise PolicyError(
            "policy",
            f"expected extras of {policy!r} by name, such as {{'log_prob': ('float32', ())}}, "
            f"found {short_repr(declared)}",
        )
    extras = []
    for name, about in declared.items():
        if not isinstance(about, list | tuple) or len(about) != 2:
            raise PolicyError(
                "policy",
                f"expected a type and a shape for {name!r} of {policy!r}, such as "
                f"('float32', ()), found {short_repr(about)}",
            )
        dtype, shape = _type_name(about[0]), _plain_shape(about[1])
        fault = extra_fault(name, dtype, shape)
        if fault is not None:
            raise PolicyError(
                "policy", f"expected {fault[0]} among the extras of {policy!r}, found {fault[1]}"
            )
        extras.append(ExtraSpec(name, dtype, shape))
    return tuple(sorted(extras, key=lambda extra: extra.name))


def describe_extra(extra: ExtraSpec) -> str:
    """Return type and shape of a field in some words.

    Parameters
    ----------
    extra : ExtraSpec
        The field.
    """
    return f"{extra.dtype} {extra.shape}"


def _type_name(value: Any) -> Any:
    """Return NumPy's name of a type, for whatever stands for one; else the value."""
    try:
        return np.dtype(value).name
    except TypeError:
        return value


def _plain_shape(value: Any) -> Any:
    """Return a shape as a tuple of Python's integers, where it is one; else the value."""
    try:
        return tuple(map(operator.index, value))
    except TypeError:
        return value
