"""Running Python as users of other numbers, who own nothing and may read everything."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable

import pytest

STRANGER, COLLEAGUE, GROUP = 54321, 54322, 54323


def run_as(
    user: int, code: str, *, groups: Iterable[int] = (), unset: Iterable[str] = (), **env: object
) -> str:
    """Run code as a user whom the system does not know, and return what it printed last."""
    command = [*as_user(user, groups), sys.executable, "-c", code]
    variables = {**os.environ, **{name: str(value) for name, value in env.items()}}
    for name in unset:
        variables.pop(name, None)
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=variables, cwd="/"
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def as_user(user: int, groups: Iterable[int] = ()) -> list[str]:
    """Return the beginning of a command that runs as another user."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("running as another user takes root and setpriv")
    listed = ",".join(map(str, groups))
    return [
        "setpriv", "--reuid", str(user), "--regid", str(user),
        *(["--groups", listed] if listed else ["--clear-groups"]),
        "--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search", "--",
    ]  # fmt: skip


def needs_root() -> None:
    """Skip a test that gives files to other users."""
    if os.geteuid() != 0:
        pytest.skip("giving files to other users takes root")
