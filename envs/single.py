"""Crafter as a `gymnasium.Env`."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.engines import make_lanes
from crafter_dataset.engine.spec import ACTIONS, as_pair, check_seed, make_seen
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT

_PLAYING = np.ones(1, bool)


class CrafterEnv(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """Crafter with Gymnasium's interface, the same bits as the stock package.

    `reset(seed=s)` starts in the world of `RandomState(s)`; the k-th `reset()`
    of `crafter.Env(seed=s)` is `reset(seed=builder.world_seed(s, k - 1))`. A
    reset without a seed goes on to a world drawn from `np_random`.

    `info` holds, at reset and at every step, `semantic` (uint8, `area`,
    indexed [x, y]), `position` (int16, (2,), cells), `inventory` (uint8,
    (16,)), `achievements` (uint16, (22,)), `daylight` (float32, 0 to 1),
    `discount` (float32, 0 once dead) and `world_seed` (int64).

    Parameters
    ----------
    area, view, size : tuple of int, optional
        Cells of the world (x, y), cells in the picture (x, y), pixels of the
        picture (width, height).
    length : int, optional
        Time limit in steps; then `truncated` is true.
    reward : bool, optional
        Whether to give rewards.
    render_mode : {None, "rgb_array"}, optional
        With `rgb_array`, `render` returns the last observation. It does not
        draw again: drawing by night takes random numbers from the game.
    engine : {"fast", "crafter"}, optional
        Compiled code, or the crafter package itself: the same bits.

    Raises
    ------
    ValueError
        If Crafter cannot draw such a world or picture.
    EngineError
        If the engine cannot be used.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(
        self,
        area: tuple[int, int] = (64, 64),
        view: tuple[int, int] = (9, 9),
        size: tuple[int, int] = (64, 64),
        length: int = 10_000,
        reward: bool = True,
        render_mode: str | None = None,
        engine: str = "fast",
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"render_mode: expected None or 'rgb_array', found {render_mode!r}")
        view, size = as_pair(view), as_pair(size)
        self._lanes = make_lanes(engine, 1, area, view, size, length, reward)
        self._seen = make_seen(1, area, size)
        self._shapes = (size[1], size[0], 3), tuple(area)
        self._rewards = np.zeros(1)
        self._world_seed = -1
        self.engine = engine
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(0, 255, (size[1], size[0], 3), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an episode; see the class for what `seed` means."""
        super().reset(seed=seed)
        if seed is None:
            seed = int(self.np_random.integers(2**31 - 1))
        self._lanes.reset(0, check_seed(seed), self._seen)
        self._world_seed = seed
        return self._frame(), self._info(1.0)

    def step(
        self, action: np.int64 | int
    ) -> tuple[NDArray[np.uint8], float, bool, bool, dict[str, Any]]:
        """Take one action.

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no episode was started.
        ValueError
            If the action is not in the action space.
        """
        if self._world_seed < 0:
            raise gymnasium.error.ResetNeeded("step: expected reset to be called first")
        if not 0 <= action < len(ACTIONS):
            raise ValueError(f"action: expected 0 to {len(ACTIONS) - 1}, found {action}")
        self._lanes.step(_PLAYING, np.array([action], np.int64), self._rewards, self._seen)
        ended = self._lanes.ended(0)
        return (
            self._frame(),
            float(self._rewards[0]),
            ended == TERMINATED,
            ended == TIME_LIMIT,
            self._info(float(ended != TERMINATED)),
        )

    def render(self) -> NDArray[np.uint8] | None:
        """Return the last observation, or None without a render mode."""
        if self.render_mode is None or self._world_seed < 0:
            return None
        return self._frame()

    def _frame(self) -> NDArray[np.uint8]:
        frame: NDArray[np.uint8] = self._seen.frames[0].reshape(self._shapes[0])
        return frame.copy()

    def _info(self, discount: float) -> dict[str, Any]:
        seen = self._seen
        return {
            "semantic": seen.semantic[0].reshape(self._shapes[1]).copy(),
            "position": seen.positions[0].copy(),
            "inventory": seen.inventory[0].copy(),
            "achievements": seen.achievements[0].copy(),
            "daylight": seen.daylight[0],
            "discount": np.float32(discount),
            "world_seed": np.int64(self._world_seed),
        }
