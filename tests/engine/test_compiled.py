"""The compiled code's cache, and what happens without a compiler."""

from __future__ import annotations

import ast
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from crafter_dataset.builder.zstd.code import ENCODER
from crafter_dataset.engine.compiled import code as code_module
from crafter_dataset.engine.compiled.compiling import Needed, compile_missing
from crafter_dataset.engine.compiled.jit import check_externals
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.fast.code import ENGINE
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.lane_parts import pack, unpack
from crafter_dataset.loader import open_dataset

BUILD = ("build-dataset", "--out", "d", "--episodes", 2, "--length", 5, "--quiet")
NO_NUMBA = """
import sys
sys.modules["numba"] = None
from crafter_dataset.commands.build import main
main()
"""


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


def test_a_numba_that_cannot_be_imported_gets_a_line(tmp_path, command):
    """Such as one that is too old for NumPy, which raises an ImportError without a name."""
    (tmp_path / "fake" / "numba").mkdir(parents=True)
    (tmp_path / "fake" / "numba" / "__init__.py").write_text("raise ImportError('needs another')")
    environment = {
        "PYTHONPATH": str(tmp_path / "fake"), "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
    }  # fmt: skip
    done = command(*BUILD, "--workers", 0, **environment)
    assert done.returncode == 2
    assert "needs another); install it (pip install numba)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    done = command(*BUILD, "--workers", 1, "--engine", "crafter", "--area", "8x8", **environment)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_other_engine_needs_no_cache(command):
    options = "--workers", 1, "--engine", "crafter", "--area", "8x8", "--codec", "zstd:3"
    done = command(*BUILD, *options, NUMBA_CACHE_DIR="/proc/none")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_warm_cache_says_nothing(command):
    done = command(*BUILD, "--workers", 2)
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Install the package a second time, with other times; returns where."""
    root = tmp_path / "crafter_dataset"
    shutil.copytree(code_module._ROOT, root, symlinks=False)
    for path in root.rglob("*.py"):
        os.utime(path, ns=(1, 1))
    monkeypatch.setattr(code_module, "_ROOT", root)
    code_module._fingerprint.cache_clear()
    yield root
    code_module._fingerprint.cache_clear()


def fingerprints() -> tuple[str, str]:
    code_module._fingerprint.cache_clear()
    return ENGINE.fingerprint(), ENCODER.fingerprint()


def test_code_is_known_by_its_content_wherever_and_whenever_it_was_installed(elsewhere, request):
    there = fingerprints()
    request.getfixturevalue("monkeypatch").undo()
    assert fingerprints() == there


@pytest.mark.parametrize(
    ("changed", "moves"),
    [
        ("builder/zstd/words.py", (False, True)),
        ("engine/fast/rules.py", (True, False)),
        ("engine/fast/textures.py", (True, False)),
        ("engine/fast/lane_parts.py", (True, False)),
        ("engine/compiled/jit.py", (True, True)),
        ("engine/rows.py", (True, False)),
        ("loader/dataset.py", (False, False)),
        ("builder/compression.py", (False, False)),
    ],
)
def test_each_code_follows_from_its_own_sources(elsewhere, changed, moves):
    before = fingerprints()
    path = elsewhere / changed
    path.write_text(path.read_text() + "# another\n")
    after = fingerprints()
    assert tuple(a != b for a, b in zip(after, before, strict=True)) == moves


@pytest.mark.parametrize("imported", [
    "from crafter_dataset.loader import (\n    dataset,  # :)\n    table,\n)",
    "def f():\n    from crafter_dataset.loader \\\n        import table",
    "import json, crafter_dataset.loader.table as table",
])  # fmt: skip
def test_imports_are_followed_however_they_are_written(elsewhere, imported):
    path = elsewhere / "builder" / "zstd" / "words.py"
    path.write_text(path.read_text() + f"\n{imported}\n")
    before = fingerprints()[1]
    table = elsewhere / "loader" / "table.py"
    table.write_text(table.read_text() + "# another\n")
    assert fingerprints()[1] != before


def test_flags_that_change_code_count(monkeypatch):
    before = fingerprints()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
    assert fingerprints() == before
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "1")
    assert all(a != b for a, b in zip(fingerprints(), before, strict=True))


def test_what_lanes_start_from_is_kept_as_it_was():
    world = np.dtype([("a", "u1"), ("b", "f8", (2, 3)), ("c", "?")], align=True)
    memory = np.arange(40.0)
    parts = memory[3:9].reshape(2, 3), (7, memory[5:], np.array([[True]])), True
    again, found = unpack(pack(world, parts))
    assert again == world
    assert again.isalignedstruct
    np.testing.assert_array_equal(found[0], parts[0], strict=True)
    assert (found[1][0], found[2]) == (7, True)
    found[0][0, 2] = -1
    assert found[1][1][0] == -1
    np.testing.assert_array_equal(found[1][2], parts[1][2], strict=True)


def test_a_kernel_in_another_folder_is_followed_there(elsewhere):
    """Nothing is looked for in folders: what is imported counts, where it is."""
    before = fingerprints()[1]
    moved = elsewhere / "schemas" / "words.py"
    (elsewhere / "builder" / "zstd" / "words.py").rename(moved)
    for path in (elsewhere / "builder" / "zstd").glob("*.py"):
        path.write_text(path.read_text().replace("builder.zstd.words", "schemas.words"))
    second = fingerprints()[1]
    assert second != before
    moved.write_text(moved.read_text() + "# another\n")
    assert fingerprints()[1] != second


def test_versions_and_crafters_files_count(monkeypatch, tmp_path):
    before = fingerprints()
    monkeypatch.setattr(code_module.metadata, "version", lambda package: "0")
    assert all(a != b for a, b in zip(fingerprints(), before, strict=True))
    monkeypatch.undo()
    texture = tmp_path / "a.png"
    texture.write_bytes(b"1")
    one = replace(ENCODER, name="other", files=lambda: [texture]).fingerprint()
    code_module._fingerprint.cache_clear()
    texture.write_bytes(b"2")
    assert replace(ENCODER, name="other", files=lambda: [texture]).fingerprint() != one


@pytest.mark.parametrize("code", [ENGINE, ENCODER], ids=["engine", "zstd"])
def test_no_source_that_is_compiled_in_is_left_out(code):
    """All that the modules import of this package, as Python's parser sees it, is followed."""
    known = dict(code_module.sources_of(code.modules))
    assert set(code.modules) <= set(known)
    for module, source in known.items():
        for imported in imports_of(module, ast.parse(source)):
            assert imported in known, f"{module} imports {imported}"


def imports_of(module, tree):
    """Name the modules of this package that a module imports, packages without a word aside."""
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relative to itself, which is not followed"
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            if name.startswith("crafter_dataset.") and exists(name):
                yield name


def exists(name):
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # A name inside a module.
        return False


def test_how_far_compiling_is_is_told_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    module = "crafter_dataset.builder.zstd.huffman"
    code = replace(ENCODER, modules=(module,))
    arrays = (np.zeros(64, np.uint8),)
    needed = [Needed(Entry("close_bits", module, code), arrays, 3) for _ in range(2)]
    compile_missing(needed)
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("compiling for this processor, which takes about a minute")
    assert line.endswith("1 of 1 (close_bits), 0 s so far ...")
    assert needed[0].entry(arrays, 3, 0b101, 3) == 4  # it works
    compile_missing([Needed(Entry("close_bits", module, code), arrays, 3)])
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["NRT_Allocate", "numba_ldexp", "nowhere"])
def test_kernels_that_need_numba_are_refused(name):
    with pytest.raises(TypeError, match=f"expected kernels that call nothing .* found {name}"):
        check_externals("play", ["sqrt", "llvm.ctpop.i64", name])


def test_others_may_use_numba_beside_it():
    """Whatever is loaded must not take the place of what numba's own code calls."""
    code = """
import numpy as np
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.builder.zstd.encoder import ImageEncoder
from crafter_dataset.engine.compiled.compiling import compile_missing
lanes = FastLanes(1)
compile_missing(lanes.needed())
ImageEncoder((64, 192), 32, (7, 21)).load()
import numba
assert numba.njit(lambda n: np.arange(n).sum())(4) == 6
try:
    numba.njit(lambda n: 1 // n)(0)
except ZeroDivisionError:
    print("fine")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr


def test_a_call_that_failed_leaves_the_last_arrays(monkeypatch):
    lanes, others = FastLanes(1), FastLanes(2)
    arrays = lanes.worlds, lanes._daylights, lanes._scratch
    lanes._reset(arrays, 0, 1)
    monkeypatch.setattr(Entry, "_load", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        lanes._reset.prepare((others.worlds, others._daylights, others._scratch), 2)
    monkeypatch.undo()
    lanes._reset(arrays, 0, 2)
    expected = FastLanes(1)
    expected.start(0, 2)
    np.testing.assert_array_equal(lanes.worlds["materials"], expected.worlds["materials"])


def test_arrays_that_compiled_code_does_not_take_are_refused():
    lanes = FastLanes(1)
    for wrong in (np.zeros(4, np.uint8)[::2], np.frombuffer(b"abcd", np.uint8)):
        with pytest.raises(TypeError, match="contiguous, aligned and can be written to"):
            lanes._play.prepare((lanes.worlds, wrong), 6)


@pytest.mark.slow
def test_a_damaged_cache_is_compiled_anew(tmp_path, command):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    assert command(*BUILD, "--workers", 0, timeout=300, **cache).returncode == 0
    for path in (tmp_path / "cache").glob("compiled-*/*-*"):
        path.write_bytes(path.read_bytes()[:1000])
    done = command(*BUILD, "--overwrite", "--workers", 2, timeout=300, **cache)
    assert done.returncode == 0, done.stderr
    done = command(*BUILD, "--overwrite", "--workers", 2, timeout=300, **cache)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_processes_that_start_with_a_cold_cache_do_not_break_it(tmp_path):
    command = [sys.executable, "-m", "crafter_dataset", *map(str, BUILD[3:]), "--workers", "2"]
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
    assert len(list((tmp_path / "cache").glob("compiled-*/*.compiled"))) == 1


@pytest.mark.slow
def test_a_cold_cache_is_filled_whatever_a_shell_that_debugs_has_set(tmp_path, command):
    env = {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "NUMBA_DISABLE_JIT": "1",
        "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2",
    }  # fmt: skip
    done = command(*BUILD, "--workers", 0, timeout=400, **env)
    assert done.returncode == 0, done.stderr
    done = command(*BUILD, "--overwrite", "--workers", 2, NUMBA_CACHE_DIR=env["NUMBA_CACHE_DIR"])
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="names processors of x86-64")
@pytest.mark.parametrize("processor", ["x86-64", "haswell"])
def test_code_for_processors_without_avx512_makes_and_draws_the_same(tmp_path, command, processor):
    options = "--frames", 3000, "--workers", 2, "--quiet"
    assert command("build-dataset", "--out", "usual", *options).returncode == 0
    env = {
        "NUMBA_CACHE_DIR": str(tmp_path / "cache"),
        "NUMBA_CPU_NAME": processor, "NUMBA_CPU_FEATURES": "",
    }  # fmt: skip
    options = *options, "--pictures", "drawn"
    done = command("build-dataset", "--out", "other", *options, timeout=600, **env)
    assert done.returncode == 0, done.stderr
    other, usual = (open_dataset(tmp_path / name) for name in ("other", "usual"))
    assert other.metadata.digest == usual.metadata.digest
    done = command("validate-dataset", "other", "--deep", timeout=600, **env)
    assert done.returncode == 0, done.stdout
    assert command("validate-dataset", "other", "--deep").returncode == 0
