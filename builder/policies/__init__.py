"""Policies: what drives the environments."""

from __future__ import annotations

from builder.policies.load import PolicyError, describe_policy, load_factory
from builder.policies.open_loop import OpenLoopPolicy
from builder.policies.protocol import Policy, PolicyFactory

__all__ = [
    "OpenLoopPolicy",
    "Policy",
    "PolicyError",
    "PolicyFactory",
    "describe_policy",
    "load_factory",
]
