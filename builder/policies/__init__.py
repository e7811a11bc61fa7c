"""Policies: what drives the environments."""

from __future__ import annotations

from crafter_dataset.builder.errors import PolicyError
from crafter_dataset.builder.policies.load import describe_policy, load_factory, name_policy
from crafter_dataset.builder.policies.open_loop import OpenLoopPolicy
from crafter_dataset.builder.policies.protocol import Policy, PolicyFactory

__all__ = [
    "OpenLoopPolicy",
    "Policy",
    "PolicyError",
    "PolicyFactory",
    "describe_policy",
    "load_factory",
    "name_policy",
]
