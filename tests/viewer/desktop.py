"""A screen that nobody sees, with a keyboard and a mouse: Xvfb and xdotool."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import ImageGrab

AVAILABLE = shutil.which("Xvfb") is not None and shutil.which("xdotool") is not None


class Desktop:
    """Starts a screen; `env` leads programs to it."""

    def __init__(self, width: int = 1400, height: int = 900) -> None:
        reader, writer = os.pipe()
        self._server = subprocess.Popen(
            # Else it starts anew whenever the last program leaves it, and refuses the next one.
            ["Xvfb", "-noreset", "-displayfd", str(writer), "-screen", "0", f"{width}x{height}x24"],
            pass_fds=[writer],
            stderr=subprocess.DEVNULL,
        )
        os.close(writer)
        with open(reader) as stream:
            self.display = f":{stream.readline().strip()}"
        self.env = {**os.environ, "DISPLAY": self.display}
        self.env.pop("SDL_VIDEODRIVER", None)
        self.env.pop("WAYLAND_DISPLAY", None)

    def close(self) -> None:
        self._server.terminate()
        self._server.wait()

    def do(self, *words: object) -> str:
        """Run xdotool: `key r`, `mousemove 10 20`, `click 1`."""
        done = subprocess.run(
            ["xdotool", *map(str, words)], env=self.env, capture_output=True, text=True, timeout=20
        )
        return done.stdout

    def window(self, name: str, seconds: float = 30) -> int:
        """Wait for a window, and put the mouse on it, so that it gets the keys."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.do("search", "--class", name).split()
            if found:
                x, y, *_ = self.geometry(int(found[0]))
                self.do("mousemove", x + 20, y + 20)
                return int(found[0])
            time.sleep(0.05)
        raise TimeoutError(f"expected a window {name}, found none")

    def geometry(self, window: int) -> tuple[int, int, int, int]:
        """Return x, y, width and height of a window."""
        lines = self.do("getwindowgeometry", "--shell", window).split()
        values = dict(line.split("=") for line in lines if "=" in line)
        return tuple(int(values[key]) for key in ("X", "Y", "WIDTH", "HEIGHT"))  # type: ignore

    def pixels(self, window: int) -> np.ndarray:
        """Return what the screen shows of a window: (height, width, 3), uint8."""
        x, y, width, height = self.geometry(window)
        screen = np.asarray(ImageGrab.grab(xdisplay=self.display).convert("RGB"))
        return screen[y : y + height, x : x + width]

    def screenshot(self, path: Path) -> None:
        ImageGrab.grab(xdisplay=self.display).save(path)
