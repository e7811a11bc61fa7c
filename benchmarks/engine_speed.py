"""Microseconds of each part of a step, stock Crafter and the fast engine side by side.

`python -m benchmarks.engine_speed` times, alternately and on the same states:
world generation, simulation without a picture, and pictures by day and by
night. The fast engine's parts are called in a loop inside compiled code, as a
build calls them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import click
import crafter
import numba
import numpy as np

from crafter_dataset.builder.policies.builtin import heuristic
from crafter_dataset.engine.fast import render as engine_render
from crafter_dataset.engine.fast import step as engine_step
from crafter_dataset.engine.fast.fast_lanes import FastLanes
from crafter_dataset.engine.fast.picture import Picture
from crafter_dataset.engine.pictures import daylights
from crafter_dataset.engine.seeding import policy_generator, world_seed

NIGHT, DAY = (float(light) for light in daylights(301)[[240, 300]])
"""Daylight of two steps."""
_NO_PICTURE = np.zeros((64, 64, 3), np.uint8)


@numba.njit(nogil=True)
def _simulate(worlds: Any, actions: Any, daylights: Any) -> int:
    for count in range(len(actions)):
        engine_step.step(worlds[0], actions[count], daylights)
        if worlds[0].ended:
            return count + 1
    return len(actions)


@numba.njit(nogil=True)
def _draw(worlds: Any, picture: Any, frame: Any, times: int) -> None:
    for _ in range(times):
        engine_render.render(worlds[0], picture, frame)


def _seconds(function: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    result = function()
    return time.perf_counter() - begun, result


class Stock:
    """Parts of stock Crafter."""

    def __init__(self) -> None:
        self._env = crafter.Env(seed=0)
        self._render = self._env.render

    def generate(self, episode: int) -> float:
        """Time a new world; its first picture, by day, is a small part of it."""
        self._env._episode = episode
        return _seconds(self._env.reset)[0]

    def simulate(self, actions: Any) -> tuple[float, int]:
        """Time steps without pictures, to the episode's end."""
        self._env.render = lambda: _NO_PICTURE
        count = 0

        def play() -> None:
            nonlocal count
            for action in actions.tolist():
                count += 1
                if self._env.step(action)[2]:
                    return

        seconds, _ = _seconds(play)
        self._env.render = self._render
        return seconds, count

    def draw(self, daylight: float) -> float:
        """Time a picture."""
        self._env._world.daylight = daylight
        return _seconds(self._env.render)[0]


class Fast:
    """Parts of the fast engine."""

    def __init__(self) -> None:
        self._lanes = FastLanes(1)
        self._frame = np.zeros(64 * 64 * 3, np.uint8)
        self.generate(0)
        self.simulate(np.zeros(1, np.uint8))
        self.draw(DAY)

    def generate(self, episode: int) -> float:
        """Time a new world."""
        return _seconds(lambda: self._lanes.start(0, world_seed(0, episode)))[0]

    def simulate(self, actions: Any) -> tuple[float, int]:
        """Time steps without pictures, to the episode's end."""
        light = self._lanes._daylights
        return _seconds(lambda: _simulate(self._lanes.worlds, actions, light))

    def draw(self, daylight: float) -> float:
        """Time a picture, the mean of many."""
        self._lanes.worlds["daylight"] = daylight
        picture = Picture(*self._lanes._picture)
        return _seconds(lambda: _draw(self._lanes.worlds, picture, self._frame, 100))[0] / 100


@click.command()
@click.option("--episodes", default=40, show_default=True)
def main(episodes: int) -> None:
    """Measure."""
    plan = heuristic(1).plan
    engines: dict[str, Stock | Fast] = {"stock": Stock(), "fast": Fast()}
    engines["stock"].generate(0)
    times: dict[str, dict[str, list[float]]] = {
        part: {name: [] for name in engines}
        for part in ("world generation", "simulation", "picture by day", "picture by night")
    }
    for episode in range(episodes):
        actions = next(plan(policy_generator(0, episode)))
        for name, engine in engines.items():
            times["world generation"][name].append(engine.generate(episode))
            seconds, count = engine.simulate(actions)
            times["simulation"][name].append(seconds / count)
            times["picture by day"][name].append(engine.draw(DAY))
            times["picture by night"][name].append(engine.draw(NIGHT))
    click.echo(f"{'microseconds':18} {'stock':>9} {'fast':>9} {'ratio':>7}")
    for part, found in times.items():
        stock, fast = (statistics.median(found[name]) * 1e6 for name in engines)
        click.echo(f"{part:18} {stock:>9,.0f} {fast:>9,.2f} {stock / fast:>7,.0f}")


if __name__ == "__main__":
    main()
