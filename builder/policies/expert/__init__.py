"""A policy that sees the whole state of a world and goes for every achievement."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, Any]] = {
    "expert": {},
    "medium": {"noise": 0.42, "sight": 30},
    "novice": {"noise": 0.69, "sight": 12},
}
"""Values of fields of the memory to begin episodes with, by how well it plays; see `memory`."""
