"""Policies: what drives the environments."""

from __future__ import annotations

from crafter_dataset.builder.policies.load import PolicyError, describe_policy, load_factory
from crafter_dataset.builder.policies.open_loop import OpenLoopPolicy
from crafter_dataset.builder.policies.protocol import Policy, PolicyFactory

__all__ = [
    "OpenLoopPolicy",
    "Policy",
    "PolicyError",
    "PolicyFactory",
    "describe_policy",
    "load_factory",
]
