"""Open datasets that somebody made on purpose: one clear line, in little time and memory."""

from __future__ import annotations

import functools
import importlib
import io
import random
import shutil
import sys
import tempfile
import time
from pathlib import Path

import pytest

from crafter_dataset.builder.settings import Target
from tests.building import build
from tests.reliability.children import limit_memory, run_cases, unlimited_memory
from tests.reliability.containers import QUICK, SUFFIXES
from tests.reliability.reading import Reading, describe, differing, read_all
from tests.reliability.report import campaign

MEMORY = 2**30
"""Bytes that a reader may take for a dataset of a few kilobytes."""

CPU_SECONDS = 1.0
"""Of opening, validating and reading an episode; the clock's own would measure this machine."""

HANG_SECONDS = 20.0

COMMANDS = {
    "inspect-dataset": ("crafter_dataset.commands.inspect", ()),
    "validate-dataset": ("crafter_dataset.commands.validate", ("--deep",)),
    "view-dataset": ("crafter_dataset.commands.view", ("--screenshot", "picture.png")),
}


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Return a function that builds a small dataset in a container, once."""
    folder = tmp_path_factory.mktemp("hostile")

    @functools.cache
    def make(suffix: str) -> Path:
        path = folder / f"d{suffix}"
        build(path, QUICK, Target(episodes=4), workers=0)
        return path

    return make


@functools.cache
def original(path: Path) -> Reading:
    """Read the sound dataset, once a process, which also imports what reading takes."""
    reading = read_all(path, 1)
    assert not reading.violations
    return reading


def examine(case: tuple[Path, int, bool]) -> tuple[str, str, str]:
    """Read what was made of a dataset: what was done, how it ended, what is wrong with that."""
    path, number, with_commands = case
    sound = original(path)
    kind = importlib.import_module(
        f"tests.reliability.hostile_{'zarr' if path.is_dir() else 'hdf5'}"
    )
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, copy)
        try:
            done = kind.spoil(copy, random.Random(number))
        except Exception as error:  # HDF5 refuses to write some of it
            return str(error), "could not be made", ""
        how, wrong = read(copy, sound)
        if with_commands and not wrong:
            wrong = "; ".join(filter(None, (run_command(name, copy) for name in COMMANDS)))
    return done, how, wrong


def read(path: Path, sound: Reading) -> tuple[str, str]:
    """Read it within bounds: how it ended, and what is wrong with that."""
    limit_memory(MEMORY)
    begun = time.process_time()
    try:
        wrong = ""
        reading = read_all(path, episodes=1)
        if reading.metadata is None:
            how = "refused at open"
        else:
            how = "refused" if reading.errors or reading.violations else "read"
        if how == "read" and (changed := differing(reading, sound)):
            wrong = f"read without a word, but not as written: {changed}"
    except BaseException as error:
        how, wrong = "failed", describe(error)
    finally:
        unlimited_memory()
    seconds = time.process_time() - begun
    if not wrong and seconds > CPU_SECONDS:
        wrong = f"it took {seconds:.1f} s"
    return how, wrong


def run_command(name: str, path: Path) -> str:
    """Run a command in this process; say what is wrong with how it ended."""
    module, options = COMMANDS[name]
    main = importlib.import_module(module).main
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    saved = sys.argv, sys.stdout, sys.stderr
    picture = [str(path.parent / o) if o.endswith(".png") else o for o in options]
    sys.argv, sys.stdout, sys.stderr = [name, str(path), *picture], out, err
    limit_memory(MEMORY)
    try:
        main()
    except SystemExit as error:
        err.flush()
        text = err.buffer.getvalue().decode()
        if error.code not in (0, 1, 2):
            return f"{name}: exit code {error.code}"
        if error.code and not out.buffer.getvalue() and text.count("\n") > 1:
            return f"{name}: {text[:200]!r}"
        return ""
    except BaseException as error:
        return f"{name}: {describe(error)}"
    finally:
        unlimited_memory()
        sys.argv, sys.stdout, sys.stderr = saved
    return f"{name}: it did not exit"


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize(
    ("count", "every"), [(12, 12), pytest.param(1_000, 5, marks=pytest.mark.slow)]
)
def test_hostile(datasets, suffix, count, every):
    path = datasets(suffix)
    cases = [(path, number, number % every == 0) for number in range(count)]
    failures: dict[str, list[str]] = {}  # by what went wrong, and where
    with campaign("hostile", suffix) as figures:
        figures["cases"] = count
        figures["with commands"] = sum(case[2] for case in cases)
        for outcome in run_cases(examine, cases, HANG_SECONDS):
            done, how, wrong = outcome.result or ("", "died", outcome.death)
            figures[how] += 1
            if wrong:
                place = wrong.rpartition(" at ")[2] if " at " in wrong else done.split(":")[0]
                alike = failures.setdefault(place, [])
                alike.append(f"seed {outcome.case[1]}: {done}: {wrong}")
        figures["failures"] = sum(map(len, failures.values()))
        assert figures["could not be made"] < count / 10
    assert not failures, "\n".join(f"{len(f)} like {f[0]}" for f in failures.values())
