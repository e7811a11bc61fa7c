"""Where output goes, and what came from files in it, decides nothing."""

from __future__ import annotations

import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crafter_dataset.commands.saying import printable
from crafter_dataset.loader import open_dataset
from tests.building import has_played

BIN = Path(sys.executable).parent
SMALL = ["--area", "24", "--length", "60", "--workers", "1"]


def start(*words: object, **options) -> subprocess.Popen:
    name, *rest = map(str, words)
    return subprocess.Popen([BIN / name, *rest], **options)


def closing(*descriptors: int):
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)], ids=str)
def test_streams_may_be_closed(tmp_path, dataset_path, closed):
    out = tmp_path / "d.zarr"
    for words in (
        ["build-dataset", "--out", out, "--frames", 200, *SMALL],
        ["validate-dataset", out, "--deep"],
        ["convert-dataset", out, tmp_path / "d.h5"],
        ["validate-dataset", tmp_path / "d.h5", "--deep"],
        ["split-dataset", out, tmp_path / "a.zarr", tmp_path / "b.h5"],
        ["merge-dataset", tmp_path / "a.zarr", tmp_path / "b.h5", tmp_path / "m.zarr"],
        ["view-dataset", out, "--screenshot", tmp_path / "v.png"],
    ):
        process = start(*words, preexec_fn=closing(*closed), stdin=None)
        assert process.wait(120) == 0, words
    assert open_dataset(out).frames == 200
    missing = start("inspect-dataset", tmp_path / "none", preexec_fn=closing(*closed))
    assert missing.wait(60) == 1


def test_a_reader_of_the_output_may_leave(dataset_path):
    reader, writer = os.pipe()
    os.close(reader)
    process = start("validate-dataset", dataset_path, stdout=writer)
    os.close(writer)
    assert process.wait(60) == 0


ENDLESS = ["--frames", 5_000_000, "--commit-seconds", 1000, "--workers", "1"]


@pytest.mark.parametrize(("number", "quiet"), [(signal.SIGTERM, []), (signal.SIGHUP, ["--quiet"])])
def test_what_is_whole_is_kept_though_nobody_listens(tmp_path, number, quiet):
    reader, writer = os.pipe()
    process = start("build-dataset", "--out", tmp_path / "d", *ENDLESS, *quiet,
                    stdout=writer, stderr=writer)  # fmt: skip
    os.close(writer)
    os.close(reader)
    has_played(process)
    process.send_signal(number)
    assert process.wait(60) == 128 + number
    assert open_dataset(tmp_path / "d").metadata.counts.episodes > 0


def test_a_terminal_may_go(tmp_path):
    """Of a job that goes on without one: disowned, so without SIGHUP."""
    master, slave = pty.openpty()
    process = start(
        "build-dataset", "--out", tmp_path / "d", "--frames", 60_000, "--workers", 1,
        stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    os.close(slave)
    assert select.select([master], [], [], 60)[0]
    os.read(master, 4096)
    os.close(master)
    assert process.wait(120) == 0
    assert open_dataset(tmp_path / "d").metadata.status == "complete"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_signals_that_are_ignored_stay_so(tmp_path, number):
    """As nohup sets it, and a shell for jobs in the background."""
    process = start(
        "build-dataset", "--out", tmp_path / "d", "--frames", 60_000, "--workers", 1, "--quiet",
        preexec_fn=lambda: signal.signal(number, signal.SIG_IGN),
    )  # fmt: skip
    has_played(process, 0.5)
    process.send_signal(number)
    assert process.wait(120) == 0
    assert open_dataset(tmp_path / "d").metadata.status == "complete"


ESCAPES = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\n$ rm -rf ~"


@pytest.fixture
def hostile(small_path, tmp_path):
    path = tmp_path / "e.zarr"
    shutil.copytree(small_path, path)
    document = json.loads((path / "zarr.json").read_text())
    metadata = document["attributes"]["crafter_dataset"]
    metadata["policy"]["name"] = "p" + ESCAPES
    metadata["achievements"][0] = "a" + ESCAPES
    for name in ("version", "object_order"):
        metadata["env"][name] = "v" + ESCAPES
    (path / "zarr.json").write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("words", [
    ["inspect-dataset", "e.zarr"], ["inspect-dataset", "e.zarr", "--json"],
    ["validate-dataset", "e.zarr"], ["validate-dataset", "e.zarr", "--deep"],
    ["build-dataset", "--out", "e.zarr", "--resume", "--policy", "random"],
    ["convert-dataset", "e.zarr", "c.zarr"], ["merge-dataset", "e.zarr", "e.zarr", "m.zarr"],
    ["view-dataset", "e.zarr", "--screenshot", "v.png"],
    ["inspect-dataset", "e.zarr/" + ESCAPES], ["build-dataset", "--out", "x", "--codec", ESCAPES],
], ids=lambda words: " ".join(words)[:30])  # fmt: skip
def test_nothing_in_a_file_steers_the_terminal(command, hostile, words):
    done = command(*words)
    said = done.stdout + done.stderr
    assert said
    assert "Traceback" not in said
    assert all(c == "\n" or c.isprintable() for c in said)


def test_nothing_that_was_typed_steers_it_either(tmp_path):
    words = [sys.executable, "-m", "crafter_dataset", "inspekt" + ESCAPES]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert all(c == "\n" or c.isprintable() for c in done.stderr)


@pytest.mark.parametrize(("text", "shown"), [
    ("plain é 漢 – 5%\n", "plain é 漢 – 5%\n"), ("a\x1b[2J", "a\\x1b[2J"), ("\r", "\\r"),
    ("\u202eevil", "\\u202eevil"), ("\udc80", "\\udc80"), ("\x9b31m", "\\x9b31m"),
])  # fmt: skip
def test_what_is_not_shown_is_escaped(text, shown):
    assert printable(text) == shown
