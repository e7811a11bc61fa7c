"""How many cores a process may use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def usable_cores(groups: Path = _GROUPS, root: Path = _ROOT) -> int:
    """Count the cores that this process may use, by its affinity and its control group's quota.

    Containers and clusters set quotas, which affinity says nothing of.

    Parameters
    ----------
    groups : Path
        File that names the process's control groups.
    root : Path
        Folder in which the control groups are.

    Returns
    -------
    int
        1 or more; a quota of a part of a core counts as a core.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([cores, *(round(quota) for quota in _quotas(groups, root))]))


def _quotas(groups: Path, root: Path) -> Iterator[float]:
    """Yield the quotas of a process's control groups, and of those that they are in, in cores."""
    with contextlib.suppress(OSError, ValueError):
        for line in groups.read_text("utf-8").splitlines():
            _, controllers, name = line.split(":", 2)
            if controllers and "cpu" not in controllers.split(","):
                continue
            top = root if not controllers else root / "cpu"
            folder = top / name.lstrip("/")
            for place in (folder, *folder.parents):
                if not place.is_relative_to(top):
                    break
                yield from _quota(place)


def _quota(folder: Path) -> Iterator[float]:
    """Yield the quota of a control group, of version 2 or 1, if it has one."""
    with contextlib.suppress(OSError, ValueError):
        limit, period = (folder / "cpu.max").read_text("utf-8").split()
        if limit != "max":
            yield int(limit) / int(period)
    with contextlib.suppress(OSError, ValueError):
        quota, span = (
            int((folder / f"cpu.cfs_{name}_us").read_text("utf-8")) for name in ("quota", "period")
        )
        if quota > 0:
            yield quota / span
