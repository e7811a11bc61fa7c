"""Crafter as a `gymnasium.Env`."""

from __future__ import annotations

import copy
import threading
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.engines import make_lanes
from crafter_dataset.engine.spec import ACTIONS, check_seed, make_seen
from crafter_dataset.engine.state import CrafterState
from crafter_dataset.engine.state_checks import check_counts
from crafter_dataset.schemas.arguments import as_pair, whole_number
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT

_PLAYING = np.ones(1, bool)


class CrafterEnv(gymnasium.Env[NDArray[np.uint8], np.int64]):
    """Crafter with Gymnasium's interface, the same bits as the stock package.

    `reset(seed=s)` starts in the world of `RandomState(s)`; the k-th `reset()`
    of `crafter.Env(seed=s)` is `reset(seed=world_seed(s, k - 1))`, with
    `crafter_dataset.world_seed`. A reset without a seed goes on to a world
    drawn from `np_random`.

    `info` holds, at reset and at every step:

    - `semantic`: uint8, shape `area`, indexed [x, y], ids of materials and
      objects
    - `position`: int16 (2,), the player's cell (x, y)
    - `inventory`: uint8 (16,)
    - `achievements`: uint16 (22,), how often each was reached
    - `daylight`: float32, 0 to 1
    - `discount`: float32, 1, or 0 once dead
    - `world_seed`: int64

    Parameters
    ----------
    area, view, size : int or tuple of int, optional
        Cells of the world (x, y), cells in the picture (x, y) with the
        inventory's rows, pixels of the picture (width, height).
    length : int, optional
        Time limit in steps, after which `truncated` is true; 0 for none.
    reward : bool, optional
        Whether there are rewards; otherwise they are 0.
    render_mode : {None, 'rgb_array'}, optional
        With `rgb_array`, `render` returns the last observation. It does not
        draw again: drawing by night takes random numbers from the game.
    engine : {'fast', 'crafter'}, optional
        Compiled code, or the crafter package itself: the same bits.

    Attributes
    ----------
    observation_space : gymnasium.spaces.Box
        Pictures: ndarray, shape (height, width, 3), uint8.
    action_space : gymnasium.spaces.Discrete
        The 17 actions.
    engine : str
        As given.
    render_mode : str or None
        As given.

    Raises
    ------
    ValueError
        If Crafter cannot draw such a world or picture, or there is no such
        render mode.
    EngineError
        If the engine cannot be used.

    Examples
    --------
    >>> import crafter_dataset
    >>> env = crafter_dataset.CrafterEnv(length=1000)
    >>> frame, info = env.reset(seed=7)
    >>> frame, reward, terminated, truncated, info = env.step(5)  # do
    >>> frame.shape, reward, terminated
    ((64, 64, 3), 1.0, False)
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012

    def __init__(
        self,
        area: tuple[int, int] | int = (64, 64),
        view: tuple[int, int] | int = (9, 9),
        size: tuple[int, int] | int = (64, 64),
        length: int = 10_000,
        reward: bool = True,
        render_mode: str | None = None,
        engine: str = "fast",
    ) -> None:
        if render_mode not in (None, "rgb_array"):
            raise ArgumentError(
                "render_mode", f"expected None or 'rgb_array', found {render_mode!r}"
            )
        area, view, size = as_pair("area", area), as_pair("view", view), as_pair("size", size)
        self._lanes = make_lanes(engine, 1, area, view, size, length, reward)
        self._seen = make_seen(1, area, size)
        self._shapes = (size[1], size[0], 3), area
        self._rewards = np.zeros(1)
        self._world_seed = -1
        self._lock = threading.Lock()
        self.engine = engine
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(0, 255, (size[1], size[0], 3), np.uint8)
        self.action_space = gymnasium.spaces.Discrete(len(ACTIONS))

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of, which goes on by itself from the same state."""
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def __copy__(self) -> CrafterEnv:
        return copy.deepcopy(self)  # no copy shares a world with another

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start an episode.

        Parameters
        ----------
        seed : int, optional
            Seed of the world's `RandomState`, 0 to 2**32 - 1; by default drawn
            from `np_random`.
        options : dict, optional
            Ignored.

        Returns
        -------
        observation : ndarray, shape (height, width, 3), uint8
            The picture, RGB.
        info : dict
            Entries as listed in the class.

        Raises
        ------
        ArgumentError, gymnasium.error.Error
            If the seed is out of its range.
        """
        with self._lock:
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

        Parameters
        ----------
        action : int
            Number of the action, 0 to 16.

        Returns
        -------
        observation : ndarray, shape (height, width, 3), uint8
            The picture, RGB.
        reward : float
            What the action was worth.
        terminated : bool
            Whether the player died.
        truncated : bool
            Whether the time limit was reached.
        info : dict
            Entries as listed in the class.

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no episode was started.
        ValueError
            If the action is not in the action space.
        """
        number = whole_number("action", action, 0, len(ACTIONS) - 1)
        with self._lock:
            if self._world_seed < 0:
                raise gymnasium.error.ResetNeeded("step: expected reset to be called first")
            self._lanes.step(_PLAYING, np.array([number], np.int64), self._rewards, self._seen)
            ended = self._lanes.ended(0)
            return (
                self._frame(),
                float(self._rewards[0]),
                ended == TERMINATED,
                ended == TIME_LIMIT,
                self._info(float(ended != TERMINATED)),
            )

    def get_state(self) -> CrafterState:
        """Return the game as it is now, for `set_state` of this environment or of another one.

        It does not have the seeds of resets to come, which are `np_random`'s.

        Returns
        -------
        CrafterState
            A copy.

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no episode was started.
        ArgumentError
            If it has gone on for more than 2**20 steps, or has reached an achievement more than
            65535 times; the error is a ValueError.
        """
        with self._lock:
            if self._world_seed < 0:
                raise gymnasium.error.ResetNeeded("get_state: expected reset to be called first")
            state = self._lanes.get_state(0, self._seen)
        check_counts(state)
        return state

    def set_state(self, state: CrafterState) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Go on from a state; whatever it holds is checked first.

        Parameters
        ----------
        state : CrafterState
            State of an environment with the same area, view, size, length and reward, on
            either engine.

        Returns
        -------
        observation : ndarray, shape (height, width, 3), uint8
            The picture, RGB; as it was, since drawing it again would change the game.
        info : dict
            Entries as listed in the class.

        Raises
        ------
        ArgumentError
            If it is one of another environment, or one that no game can be in; the error is a
            ValueError.

        Examples
        --------
        >>> env = crafter_dataset.CrafterEnv()
        >>> frame, info = env.reset(seed=7)
        >>> state = env.get_state()
        >>> worth = {action: env.step(action)[1] for action in (1, 5) if env.set_state(state)}
        """
        with self._lock:
            self._lanes.set_state(0, state, self._seen)
            self._world_seed = int(state.world_seed)
            return self._frame(), self._info(float(self._lanes.ended(0) != TERMINATED))

    def render(self) -> NDArray[np.uint8] | None:
        """Return the last observation, or None without a render mode or an episode.

        Returns
        -------
        ndarray, shape (height, width, 3), uint8, or None
            A copy of it.
        """
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
