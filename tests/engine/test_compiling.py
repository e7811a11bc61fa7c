"""The compiled code's cache, and what happens without a compiler."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from builder.engine import jit

BUILD = ("build-dataset", "--out", "d", "--episodes", 2, "--length", 5, "--quiet")
NO_NUMBA = (
    "import sys; sys.modules['numba'] = None; from builder.commands.build import main; main()"
)


def run_without_numba(folder, *options):
    return subprocess.run(
        [sys.executable, "-c", NO_NUMBA, *map(str, BUILD[1:]), "--workers", "0", *options],
        capture_output=True, text=True, cwd=folder, timeout=120,
    )  # fmt: skip


def test_without_numba_the_message_says_what_to_do(tmp_path):
    done = run_without_numba(tmp_path)
    assert done.returncode == 2
    assert "pip install numba" in done.stderr
    assert "--engine crafter" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "d").exists()


def test_without_numba_the_other_engine_works(tmp_path):
    done = run_without_numba(tmp_path, "--engine", "crafter", "--area", "8x8")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "d" / "zarr.json").exists()


def test_a_cache_that_cannot_be_written_names_the_folder(command, tmp_path):
    (tmp_path / "taken").touch()
    done = command(*BUILD, "--workers", 0, NUMBA_CACHE_DIR=str(tmp_path / "taken"))
    assert done.returncode == 2
    assert "taken/engine-" in done.stderr
    assert "set NUMBA_CACHE_DIR to another folder" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "d").exists()


def test_a_warm_cache_says_nothing(command):
    done = command(*BUILD, "--workers", 2)
    assert done.returncode == 0
    assert done.stderr == ""


def test_the_cache_knows_all_that_goes_into_the_code(tmp_path, monkeypatch):
    sources = tmp_path / "engine"
    sources.mkdir()
    (sources / "jit.py").write_text("a = 1")
    monkeypatch.setattr(jit, "__file__", str(sources / "jit.py"))
    before = jit._fingerprint()
    (sources / "rules.py").write_text("b = 2")
    assert jit._fingerprint() != before
    before = jit._fingerprint()
    os.utime(sources / "rules.py", ns=(1, 1))
    assert jit._fingerprint() != before
    before = jit._fingerprint()
    monkeypatch.setattr(jit.metadata, "version", lambda package: "0")
    assert jit._fingerprint() != before


def test_no_source_that_is_compiled_in_is_left_out():
    engine = Path(jit.__file__).parent
    known = {path.resolve() for path in jit._sources()}
    for path in engine.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("builder.", "schemas.")
            ):
                imported = engine.parent.parent / (str(node.module).replace(".", "/") + ".py")
                # What only `lanes` imports is Python: it compiles nothing itself.
                assert imported in known or path.name == "lanes.py", (path.name, node.module)


@pytest.mark.slow
def test_a_damaged_cache_is_compiled_anew(tmp_path, command):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert command(*BUILD, "--workers", 0, timeout=300, **cache).returncode == 0
    for path in (tmp_path / "cache").glob("engine-*/*/*.nbc"):
        path.write_bytes(path.read_bytes()[:1000])
    done = command(*BUILD, "--overwrite", "--workers", 2, timeout=300, **cache)
    assert done.returncode == 0, done.stderr
    done = command(*BUILD, "--overwrite", "--workers", 2, timeout=300, **cache)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_processes_that_start_with_a_cold_cache_do_not_break_it(tmp_path):
    command = [sys.executable, "-m", "builder", *map(str, BUILD[3:]), "--workers", "2"]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    for again in range(2):
        runs = [
            subprocess.Popen(
                [*command, "--out", str(tmp_path / f"{again}{i}")],
                env=environment, stderr=subprocess.PIPE, text=True,
            )
            for i in range(3)
        ]  # fmt: skip
        for process in runs:
            _, errors = process.communicate(timeout=600)
            assert process.returncode == 0, errors
            assert ("compiling" in errors) == (again == 0)
    assert len(list((tmp_path / "cache").glob("engine-*/*.compiled"))) == 1
