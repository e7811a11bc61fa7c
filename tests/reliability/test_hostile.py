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
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.builder.settings import Target
from crafter_dataset.loader import Windows, open_dataset
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import BOTH, DRAWN_FIELDS, STORED
from tests.building import build
from tests.reliability.children import limit_memory, run_cases, unlimited_memory
from tests.reliability.containers import (
    DRAWN_HDF5,
    DRAWN_ZARR,
    HDF5,
    NIGHTS,
    ZARR,
    Kind,
    many_states,
)
from tests.reliability.reading import ALLOWED, Reading, describe, differing, one_line, read_all
from tests.reliability.report import campaign

MEMORY = 2**30
"""Bytes that a reader may take for a dataset of a few kilobytes."""

CPU_SECONDS = 1.0
"""Of opening, validating and reading an episode; the clock's own would measure this machine."""

HANG_SECONDS = 20.0

BOTH_ZARR = Kind(".zarr", BOTH)

COMMANDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "inspect": ((),),
    "validate": (("--deep",),),
    "view": (("--screenshot", "OUT.png"),),
    "convert": (
        ("OUT.zarr", "--pictures", "drawn"),
        ("OUT.zarr", "--pictures", "stored"),
        ("OUT.h5", "--pictures", "both", "--chunk-frames", "3"),
    ),
}
"""Options of each command, one choice of them a case; OUT is a path that is free."""


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    """Return a function that builds a small dataset of a kind, once."""
    folder = tmp_path_factory.mktemp("hostile")

    @functools.cache
    def make(kind: Kind) -> Path:
        path = folder / f"{kind.pictures}{kind.suffix}"
        nights = replace(NIGHTS, pictures=kind.pictures), Target(episodes=2)
        settings, target = (
            (kind.settings, Target(episodes=4)) if kind.pictures == STORED else nights
        )
        with many_states():
            build(path, settings, target, workers=0)
        return path

    return make


@functools.cache
def original(path: Path) -> Reading:
    """Read the sound dataset, once a process, which also imports what reading takes."""
    reading = read_all(path, 1)
    assert not reading.violations
    return reading


def examine(case: tuple[Path, str, int, bool]) -> tuple[str, str, str]:
    """Read what was made of a dataset: what was done, how it ended, what is wrong with that."""
    path, means, number, with_commands = case
    sound = original(path)
    spoil = importlib.import_module(f"tests.reliability.hostile_{means}").spoil
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        copy = Path(folder) / path.name
        (shutil.copytree if path.is_dir() else shutil.copyfile)(path, copy)
        try:
            done = spoil(copy, random.Random(number))
        except Exception as error:  # HDF5 refuses to write some of it
            return str(error), "could not be made", ""
        how, wrong = read(copy, sound)
        if with_commands and not wrong:
            rng = random.Random(number)
            ended = (run_command(name, copy, rng.choice(COMMANDS[name])) for name in COMMANDS)
            wrong = "; ".join(filter(None, ended))
    return done, how, wrong


def read(path: Path, sound: Reading) -> tuple[str, str]:
    """Read it within bounds: how it ended, and what is wrong with that."""
    limit_memory(MEMORY)
    begun = time.process_time()
    try:
        wrong = ""
        reading = read_all(path, episodes=1)
        read_windows(path)
        if reading.metadata is None:
            how = "refused at open"
        else:
            how = "refused" if reading.errors or reading.violations else "read"
        if how == "read" and (changed := unlike(reading, sound)):
            wrong = f"read without a word, but not as written: {changed}"
    except BaseException as error:
        how, wrong = "failed", describe(error)
    finally:
        unlimited_memory()
    seconds = time.process_time() - begun
    if not wrong and seconds > CPU_SECONDS:
        wrong = f"it took {seconds:.1f} s"
    return how, wrong


def unlike(reading: Reading, sound: Reading) -> list[str]:
    """Name what was read and is not as it was written, but for symbols of the same pictures."""
    changed = differing(reading, sound)
    same_pictures = not any(name.endswith("/frames") for name in changed)
    symbols = tuple(f"/{name}" for name in DRAWN_FIELDS)
    return [name for name in changed if not (same_pictures and name.endswith(symbols))]


def read_windows(path: Path) -> None:
    """Read some windows, by threads, of a dataset in memory."""
    try:
        windows = Windows(open_dataset(path, in_memory=True, threads=2), 3, padding="both")
        chosen = np.linspace(0, len(windows) - 1, 8).astype(int)
        windows.read(chosen)
    except (*ALLOWED, ArgumentError) as error:
        one_line(error)


def run_command(name: str, path: Path, options: tuple[str, ...]) -> str:
    """Run a command in this process; say what is wrong with how it ended."""
    main = importlib.import_module(f"crafter_dataset.commands.{name}").main
    out, err = (
        io.TextIOWrapper(io.BytesIO(), "utf-8", errors)
        for errors in (sys.stdout.errors, sys.stderr.errors)
    )
    saved = sys.argv, sys.stdout, sys.stderr
    free = str(path.parent / "out")
    given = [option.replace("OUT", free) for option in options]
    sys.argv, sys.stdout, sys.stderr = [f"{name}-dataset", str(path), *given], out, err
    limit_memory(MEMORY)
    try:
        main()
    except SystemExit as error:
        err.flush()
        text = err.buffer.getvalue().decode()
        if error.code not in (0, 1, 2):
            return f"{name}: exit code {error.code}"
        lines = [line for line in text.splitlines() if not line.endswith(", slowly")]
        if error.code and not out.buffer.getvalue() and len(lines) > 1:
            return f"{name}: {text[:200]!r}"
        return ""
    except BaseException as error:
        return f"{name}: {describe(error)}"
    finally:
        unlimited_memory()
        sys.argv, sys.stdout, sys.stderr = saved
    return f"{name}: it did not exit"


@pytest.mark.parametrize(("kind", "means"), [
    (ZARR, "zarr"), (HDF5, "hdf5"), (DRAWN_ZARR, "zarr"),
    pytest.param(DRAWN_HDF5, "hdf5", marks=pytest.mark.slow), (DRAWN_ZARR, "arrays"),
    (DRAWN_HDF5, "arrays"), pytest.param(BOTH_ZARR, "arrays", marks=pytest.mark.slow),
], ids=str)  # fmt: skip
@pytest.mark.parametrize(
    ("count", "every"), [(12, 12), pytest.param(1_000, 5, marks=pytest.mark.slow)]
)
def test_hostile(datasets, kind, means, count, every):
    path = datasets(kind)
    cases = [(path, means, number, number % every == 0) for number in range(count)]
    failures: dict[str, list[str]] = {}  # by what went wrong, and where
    with campaign(f"hostile {means}", kind) as figures:
        figures["cases"] = count
        figures["with commands"] = sum(case[3] for case in cases)
        for outcome in run_cases(examine, cases, HANG_SECONDS):
            done, how, wrong = outcome.result or ("", "died", outcome.death)
            figures[how] += 1
            if wrong:
                place = wrong.rpartition(" at ")[2] if " at " in wrong else done.split(":")[0]
                alike = failures.setdefault(place, [])
                alike.append(f"seed {outcome.case[2]}: {done}: {wrong}")
        figures["failures"] = sum(map(len, failures.values()))
        assert figures["could not be made"] < count / 10
    assert not failures, "\n".join(f"{len(f)} like {f[0]}" for f in failures.values())
