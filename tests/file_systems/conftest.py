"""File systems that lack something, as libraries that stand before the system's own."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Lacking = Callable[[str], dict[str, str]]


@pytest.fixture
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Lacking:
    """Return what compiles one of the C files here, and the variables that put it to use."""

    def compiled(name: str) -> dict[str, str]:
        if shutil.which("gcc") is None:
            pytest.skip("needs gcc")
        library = tmp_path_factory.mktemp("lacking") / f"{name}.so"
        source = Path(__file__).with_name(f"{name}.c")
        done = subprocess.run(
            ["gcc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"],
            capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"needs Linux's headers: {done.stderr.splitlines()[0]}")
        return {"LD_PRELOAD": str(library)}

    return compiled
