"""Building as tests do: with settings as values, in this process unless they say otherwise."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

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
