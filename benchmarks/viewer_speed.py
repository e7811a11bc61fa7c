"""How quickly the viewer shows what was asked for, and what it holds in memory.

`python -m benchmarks.viewer_speed` builds a dataset of a million frames and opens
it in the viewer's own window, in a fresh process, on the screen that `DISPLAY`
names (`xvfb-run -s "-screen 0 1400x900x24" python -m benchmarks.viewer_speed`
where there is none). Keys and mouse are events in pygame's queue; times run from
there to the window being shown. The dataset's files are dropped from the
system's cache first.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from benchmarks.data import given_or_built

if TYPE_CHECKING:
    from crafter_dataset.viewer.state import State

EPISODES, SECONDS = 200, 10


@dataclass
class Script:
    """Jumps about, then plays; told each state that is on the screen."""

    rng: np.random.Generator
    begun: float
    up: float = 0.0
    jumps: list[float] = field(default_factory=list)
    seeks: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    shown: list[tuple[float, int]] = field(default_factory=list)
    asked: float = 0.0
    target: int = -1
    playing: bool = False

    def drawn(self, state: State) -> None:
        """Note when a state was on the screen, and ask for the next."""
        now = time.perf_counter()
        if not self.up:
            self.up = now - self.begun
            self.jump(state)
        elif self.playing:
            self.shown.append((now, state.frame))
            if not state.playing:
                press("space")  # the episode is over
            if now - self.shown[0][0] > SECONDS:
                press("q")
        elif state.seeking:
            self.seeks.append(now - self.asked)
            self.memory.append(resident())
            release()
            if len(self.memory) < EPISODES:
                self.jump(state)
            else:
                press("o", "space")
                self.playing = True
        elif state.row == self.target and not state.typed:
            self.jumps.append(now - self.asked)
            self.target = -1
            self.seek(state)

    def jump(self, state: State) -> None:
        """Type the number of an episode."""
        count = len(state.shelf.table)
        self.target = int(((state.row or 0) + self.rng.integers(1, count)) % count)
        self.asked = time.perf_counter()
        press(*str(self.target), "return")

    def seek(self, state: State) -> None:
        """Click somewhere on the timeline."""
        import pygame

        from crafter_dataset.viewer.arrangement import arrange

        rect = arrange(state).timeline
        assert rect is not None
        place = rect.x + int(self.rng.integers(1, rect.width)), rect.y + 5
        self.asked = time.perf_counter()
        pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONDOWN, button=1, pos=place))


def press(*names: str) -> None:
    import pygame

    for name in names:
        typed = name if len(name) == 1 else ""
        values: dict[str, Any] = {
            "key": pygame.key.key_code(name),
            "mod": 0,
            "unicode": typed,
            "scancode": 0,
        }
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, **values))
        pygame.event.post(pygame.event.Event(pygame.KEYUP, **values))


def release() -> None:
    import pygame

    pygame.event.post(pygame.event.Event(pygame.MOUSEBUTTONUP, button=1, pos=(0, 0)))


def resident() -> float:
    """Resident memory of this process, in MB."""
    import psutil

    return psutil.Process().memory_info().rss / 1e6


def drive(path: str) -> None:
    """Run the script in this process, and print what it measured."""
    from crafter_dataset.viewer.drawing.export import save_window
    from crafter_dataset.viewer.drawing.window import open_window, run_window
    from crafter_dataset.viewer.library import Library
    from crafter_dataset.viewer.session import opened
    from crafter_dataset.viewer.state import State

    script = Script(np.random.default_rng(0), time.perf_counter())
    library = Library([path])
    state = State(library.shelves(), size=(1280, 678), fps=60)
    run_window(open_window(state.size), opened(state, library), library, save_window, script.drawn)
    library.close()
    times = np.array([when for when, _ in script.shown])
    frames = np.array([frame for _, frame in script.shown])
    passed, gaps = np.diff(frames), np.diff(times)
    gaps, passed = gaps[passed > 0], passed[passed > 0]  # not from the last frame to the first
    result = {
        "window": script.up,
        "jumps": script.jumps,
        "seeks": script.seeks,
        "memory": script.memory,
        "memory_playing": resident(),
        "shown": len(gaps) / gaps.sum(),
        "passed": passed.sum() / gaps.sum(),
        "late": float((gaps > 1.5 / 60).mean()),
    }
    print(json.dumps(result))


def evict(folder: Path) -> None:
    """Drop a dataset's files from the system's cache."""
    for file in folder.rglob("*"):
        if file.is_file():
            descriptor = os.open(file, os.O_RDONLY)
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(descriptor)


@click.command()
@click.option("--frames", default=1_000_000, show_default=True)
@click.option("--dataset", "given", type=click.Path(path_type=Path), help="In place of a new one.")
def main(frames: int, given: Path | None) -> None:
    """Measure."""
    with tempfile.TemporaryDirectory() as folder:
        path = given_or_built(given, Path(folder), frames)
        evict(path)
        code = f"from benchmarks.viewer_speed import drive; drive({str(path)!r})"
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True
        )
    found = json.loads(done.stdout.splitlines()[-1])
    click.echo(f"window up after the imports: {found['window']:.2f} s")
    for name in ("jumps", "seeks"):
        ms = 1000 * np.array(found[name])
        click.echo(
            f"{name}: {len(ms)}, median {np.median(ms):.1f} ms, 99 % {np.percentile(ms, 99):.1f} "
            f"ms, longest {ms.max():.1f} ms"
        )
    click.echo(
        f"playing at 60: {found['shown']:.1f} frames/s shown, {found['passed']:.1f} passed; "
        f"{found['late']:.1%} late by half a frame or more"
    )
    memory = np.array(found["memory"])
    parts = " ".join(f"{part.mean():.0f}" for part in np.array_split(memory, 10))
    click.echo(f"resident memory over {len(memory)} episodes, MB: {parts}")
    click.echo(f"after playing: {found['memory_playing']:.0f} MB")


if __name__ == "__main__":
    main()
