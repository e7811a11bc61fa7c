"""Building as tests do: with settings as values, in this process unless they say otherwise."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Collection
from pathlib import Path
from typing import Any

import psutil

from crafter_dataset.builder.run import BuildResult, run_build
from crafter_dataset.builder.run_options import RunOptions
from crafter_dataset.builder.settings import BuildSettings, Target


def build(
    path: str | Path,
    settings: BuildSettings | None = None,
    target: Target | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    given: Collection[str] | None = None,
    **options: Any,
) -> BuildResult:
    """Run a build; `options` are those of `RunOptions`, with one worker by default."""
    how = RunOptions(**{"workers": 1, **options})
    return run_build(path, settings, target, how, resume=resume, overwrite=overwrite, given=given)


def has_played(process: subprocess.Popen, seconds: float = 2.0) -> None:
    """Wait until the processes of a build have computed for a while."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children()]
        if sum(each.cpu_times().user for each in tree) > seconds:
            return
        time.sleep(0.1)
    raise TimeoutError("it computes nothing")
