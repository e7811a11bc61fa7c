"""The line that shows how far a task is, on terminals of all widths and in logs."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pty
import re
import struct
import termios

import pytest

from crafter_dataset.schemas.progress import Progress, ProgressLine


def at(frames, seconds, total=1_000_000, **rest):
    return Progress("frames", total, frames // 170, frames, 0, frames, seconds, **rest)


def shown_at(columns, states, monkeypatch):
    """Return what is written to a terminal, line by line as it stands there."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    monkeypatch.delenv("COLUMNS", raising=False)
    with open(slave, "w") as stream:
        line = ProgressLine(stream)
        line._pause = 0
        for state in states:
            line(state)
    text = b""
    with contextlib.suppress(OSError):  # how a terminal ends that nobody holds any more
        while part := os.read(master, 4096):
            text += part
    os.close(master)
    return text.decode().split("\r")[1:]


STATES = [
    at(0, 0.5, nbytes=0), at(5_000, 2.0, nbytes=12 * 10**6),
    at(555_555, 25.0, nbytes=1_234_567_890), at(1_000_000, 4000, nbytes=2 * 10**9),
]  # fmt: skip


@pytest.mark.parametrize("columns", [20, 40, 60, 79, 80, 81, 120])
def test_the_line_fits_and_nothing_is_cut(monkeypatch, columns):
    lines = shown_at(columns, STATES, monkeypatch)
    assert len(lines) == len(STATES)
    for line, state in zip(lines, STATES, strict=True):
        assert len(line) < columns
        assert f"{state.fraction:4.0%}" in line
        parts = re.split(r"\s{2,}", line.strip())
        assert all(re.fullmatch(
            r"(\[#*\.*\] +)?\d+%|[\d,]+(/[\d,]+)? (frames|episodes)|[\d,]+ frames/s"
            r"|[\d:]+(, (\?|[\d:]+) left)?|[\d.]+ (B|MB|GB)|\[#*\.*\]", part
        ) for part in parts), parts  # fmt: skip


def test_what_is_on_the_line_at_80_columns(monkeypatch):
    line = shown_at(80, STATES[:3], monkeypatch)[2].rstrip()
    assert line.endswith("56%  555,555/1,000,000 frames  22,222 frames/s  0:25, 0:19 left  1.2 GB")


def test_the_width_is_that_of_the_terminal_itself(monkeypatch):
    """Not of standard output, which may be a file."""
    assert len(shown_at(200, STATES, monkeypatch)[2]) > 100


def test_a_terminal_that_knows_no_width_has_80_columns(monkeypatch):
    assert all(len(line) < 80 for line in shown_at(0, STATES, monkeypatch))


def test_the_first_guess_leaves_out_the_start(monkeypatch):
    """Processes start, worlds are made: nothing is done for seconds, then it goes fast."""
    states = [at(0, 5.0), at(1_000, 5.1), at(3_000, 5.3), at(21_000, 7.1), at(41_000, 9.1)]
    lines = shown_at(120, states, monkeypatch)
    assert ["? left" in line for line in lines] == [True, True, True, False, False]
    assert "1:38 left" in lines[3]
    assert "1:36 left" in lines[4]


def test_a_log_has_the_end_once():
    stream = io.StringIO()
    line = ProgressLine(stream, log_seconds=0)
    for state in (at(500_000, 5), at(1_000_000, 10), at(1_000_000, 11, nbytes=10**9)):
        line(state)
    line.close()
    line.close()
    first, last = stream.getvalue().splitlines()
    assert first.startswith(" 50%")
    assert last.startswith("100%")
    assert last.endswith("0:11  1.0 GB")


@pytest.mark.parametrize(("log_seconds", "ends"), [
    (0, ["0/500 frames", "500/500 frames"]), (9, ["500/500 frames"]),
])  # fmt: skip
def test_a_log_of_short_tasks_has_the_end_of_the_last(log_seconds, ends):
    stream = io.StringIO()
    line = ProgressLine(stream, log_seconds=log_seconds)
    for state in (at(400, 9, total=400), at(0, 0, total=500), at(500, 1, total=500)):
        line(state)
    line.close()
    said = [text.strip().split("  ")[1] for text in stream.getvalue().splitlines()]
    assert said == ["400/400 frames"] * (log_seconds == 0) + ends


def test_what_follows_takes_the_place_of_the_end():
    stream = io.StringIO()
    line = ProgressLine(stream)
    line(at(1_000_000, 9))
    line.clear()
    line.close()
    assert stream.getvalue() == ""
