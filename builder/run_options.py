"""How a build is run, as one frozen value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from crafter_dataset.builder.errors import SettingsError
from crafter_dataset.builder.settings import check_integers, setting
from crafter_dataset.engine.protocol import ENGINES
from crafter_dataset.schemas.progress import Report, ignore

COMMIT_SECONDS = 10.0
"""Time between commits, so at most what a kill costs."""


@dataclass(frozen=True)
class RunOptions:
    """How a build is run; the dataset does not depend on it.

    Parameters
    ----------
    workers : int, optional
        Worker processes; 0 plays the episodes in this process. By default one
        per usable core.
    num_envs : int
        Environments of each worker, stepped together.
    engine : {'fast', 'crafter'}
        What plays: compiled code, or the crafter package itself.
    commit_seconds : float
        Time between commits.
    allow_policy_change : bool
        Go on with a dataset although the files of its policy have changed.
    on_progress : callable
        Called with a `Progress` a few times a second.
    should_stop : callable
        Called a few times a second; once true, the build ends with the episodes
        that are whole.

    Raises
    ------
    SettingsError
        If a number is out of its range.
    """

    workers: int | None = setting(
        None,
        "Worker processes; 0 plays in this process.",
        low=0,
        high=1024,
        shown="one a core",
    )
    num_envs: int = setting(
        4, "Environments of each worker, the batch that a policy sees.", low=1, high=65_536
    )
    engine: str = setting(
        ENGINES[0],
        "What plays: compiled code, or the crafter package itself; the dataset is the same.",
    )
    commit_seconds: float = setting(
        COMMIT_SECONDS, "Time between commits, so at most what a kill costs."
    )
    allow_policy_change: bool = setting(
        False, "Go on although the files of the policy have changed; the dataset says so."
    )
    on_progress: Report = field(default=ignore)
    should_stop: Callable[[], bool] = field(default=lambda: False)

    def __post_init__(self) -> None:
        check_integers(self)
        seconds = self.commit_seconds
        if not (isinstance(seconds, int | float | np.number) and seconds >= 0):
            raise SettingsError("commit_seconds", f"expected 0 or more, found {seconds!r}")
