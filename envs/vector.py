"""Many Crafter environments as one `gymnasium.vector.VectorEnv`, without autoreset."""

from __future__ import annotations

import copy
import threading
from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from crafter_dataset.engine.engines import make_lanes
from crafter_dataset.engine.spec import ACTIONS, check_seed, make_seen
from crafter_dataset.engine.state import CrafterState
from crafter_dataset.engine.state_checks import check_counts
from crafter_dataset.schemas.arguments import as_pair, whole_number
from crafter_dataset.schemas.errors import ArgumentError
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT

_Stepped = tuple[
    NDArray[np.uint8], NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
]
"""Observations, rewards, terminations, truncations and infos."""


class CrafterVectorEnv(VectorEnv[NDArray[np.uint8], NDArray[np.int64], NDArray[Any]]):
    """Crafter environments stepped together, each reset only when asked.

    Each environment is a lane. `reset(seed=[...], options={"reset_mask":
    mask})` starts new episodes in the lanes of `mask` alone (all lanes without
    it); a seed means the same as in `CrafterEnv`. A lane whose episode has
    ended is parked: `step` ignores its action, and returns its last frame,
    reward 0 and the same flags until it is reset; so is a lane that was never
    reset.

    `infos` holds the entries of `CrafterEnv`'s `info` for every lane, with a
    leading axis of lanes; and for each, `_semantic` and so on, a bool array,
    shape (num_envs,), that is true for lanes that were ever reset.

    Parameters
    ----------
    num_envs : int, optional
        Number of lanes.
    area, view, size : int or tuple of int, optional
        As for `CrafterEnv`.
    length : int, optional
        As for `CrafterEnv`.
    reward : bool, optional
        As for `CrafterEnv`.
    engine : {'fast', 'crafter'}, optional
        As for `CrafterEnv`.
    copy : bool, optional
        Whether `reset` and `step` return copies of observations and infos, as
        in Gymnasium's own vector environments. If not, they return the same
        arrays each time, which cannot be written to, and which the next `reset`
        or `step` overwrites.

    Attributes
    ----------
    num_envs : int
        Number of lanes.
    single_observation_space, observation_space : gymnasium.spaces.Box
        Pictures of one lane: ndarray, shape (height, width, 3), uint8; and of
        all, with a leading axis of lanes.
    single_action_space : gymnasium.spaces.Discrete
        The 17 actions.
    action_space : gymnasium.spaces.MultiDiscrete
        One action per lane.

    Raises
    ------
    ArgumentError
        If a number is not as above, or Crafter cannot draw such a world or picture;
        the error is a ValueError.
    EngineError
        If the engine cannot be used.

    Examples
    --------
    >>> import crafter_dataset
    >>> envs = crafter_dataset.CrafterVectorEnv(num_envs=2)
    >>> frames, infos = envs.reset(seed=7)
    >>> frames, rewards, terminations, truncations, infos = envs.step([5, 2])
    >>> if not envs.playing.all():
    ...     frames, infos = envs.reset(options={"reset_mask": ~envs.playing})
    >>> frames.shape, infos["position"].shape
    ((2, 64, 64, 3), (2, 2))
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        area: tuple[int, int] | int = (64, 64),
        view: tuple[int, int] | int = (9, 9),
        size: tuple[int, int] | int = (64, 64),
        length: int = 10_000,
        reward: bool = True,
        engine: str = "fast",
        copy: bool = True,
    ) -> None:
        area, view, size = as_pair("area", area), as_pair("view", view), as_pair("size", size)
        self.num_envs = num_envs = whole_number("num_envs", num_envs, 1)
        self.single_observation_space = gymnasium.spaces.Box(
            0, 255, (size[1], size[0], 3), np.uint8
        )
        self.single_action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._lanes = make_lanes(engine, num_envs, area, view, size, length, reward)
        self._seen = make_seen(num_envs, area, size)
        self._shapes = (size[1], size[0], 3), area
        self._discount = np.zeros(num_envs, np.float32)
        self._world_seeds = np.zeros(num_envs, np.int64)
        self._started = np.zeros(num_envs, bool)
        self._terminated = np.zeros(num_envs, bool)
        self._truncated = np.zeros(num_envs, bool)
        self._copy = copy
        self._connect()

    def _connect(self) -> None:
        """Make what is shown of the arrays that lanes write to."""
        self._lock = threading.Lock()
        count, seen = len(self._started), self._seen
        infos: dict[str, NDArray[Any]] = {
            "semantic": seen.semantic.reshape(count, *self._shapes[1]),
            "position": seen.positions,
            "inventory": seen.inventory,
            "achievements": seen.achievements,
            "daylight": seen.daylight,
            "discount": self._discount,
            "world_seed": self._world_seeds,
        }
        # Gymnasium's convention: `_key` says which lanes have the entry.
        infos |= {f"_{key}": self._started for key in infos}
        frames = seen.frames.reshape(count, *self._shapes[0])
        self._shown = _read_only(frames), {key: _read_only(infos[key]) for key in infos}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy is made of, which goes on by itself from the same state."""
        return {k: value for k, value in vars(self).items() if k not in ("_lock", "_shown")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._connect()

    def __copy__(self) -> CrafterVectorEnv:
        return copy.deepcopy(self)  # no copy shares a world with another

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Start episodes in all lanes, or in those of `options["reset_mask"]`.

        Parameters
        ----------
        seed : int or sequence of int or None, optional
            One for each lane (those of lanes not reset are ignored), where None
            draws one from `np_random`; an integer s stands for s, s + 1, and so
            on.
        options : dict, optional
            `reset_mask`: ndarray, shape (num_envs,), bool.

        Returns
        -------
        observations : ndarray, shape (num_envs, height, width, 3), uint8
            Pictures of all lanes, RGB.
        infos : dict of str to ndarray, shape (num_envs, ...)
            Entries as listed in the class.

        Raises
        ------
        ValueError, gymnasium.error.Error
            If the seeds or the mask do not fit the number of lanes, the mask
            is empty, or a seed is not from 0 to 2**32 - 1; then no lane is
            reset.
        """
        with self._lock:
            self._start(seed, options)
            return self._show()

    def _start(
        self, seed: int | Sequence[int | None] | None, options: dict[str, Any] | None
    ) -> None:
        mask = self._reset_mask(options)
        count = len(self._started)
        lanes = range(count)
        if isinstance(seed, int | np.integer):
            seeds: Sequence[int | None] = [int(seed) + lane for lane in lanes]
        else:
            seeds = [None for _ in lanes] if seed is None else seed
        if len(seeds) != count:
            raise ArgumentError("seed", f"expected {count} seeds, found {len(seeds)}")
        given = [None if each is None else check_seed(each) for each in seeds]
        if isinstance(seed, int | np.integer):
            super().reset(seed=int(seed))
        for lane in np.flatnonzero(mask).tolist():
            known = given[lane]
            world_seed = int(self.np_random.integers(2**31 - 1)) if known is None else known
            self._lanes.reset(lane, world_seed, self._seen)
            self._world_seeds[lane] = world_seed
        self._started |= mask
        self._terminated &= ~mask
        self._truncated &= ~mask
        self._discount[mask] = 1

    def step(self, actions: NDArray[np.int64]) -> _Stepped:
        """Take one action in every lane that is not parked.

        Parameters
        ----------
        actions : ndarray, shape (num_envs,), int64
            Numbers of the actions, 0 to 16; those of parked lanes are ignored.

        Returns
        -------
        observations : ndarray, shape (num_envs, height, width, 3), uint8
            Pictures of all lanes, RGB.
        rewards : ndarray, shape (num_envs,), float64
            What each action was worth.
        terminations, truncations : ndarray, shape (num_envs,), bool
            Whether the player died, and whether the time limit was reached.
        infos : dict of str to ndarray, shape (num_envs, ...)
            Entries as listed in the class.

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no lane was ever reset.
        ValueError
            If an action of a running lane is not in the action space.
        """
        with self._lock:
            return self._take(np.asarray(actions))

    def _take(self, actions: NDArray[Any]) -> _Stepped:
        if not self._started.any():
            raise gymnasium.error.ResetNeeded("step: expected a lane to be reset first")
        playing, count = self.playing, len(self._started)
        if actions.shape != (count,) or actions.dtype.kind not in "iu":
            raise ArgumentError(
                "actions",
                f"expected {count} integers, found {actions.dtype} of shape {actions.shape}",
            )
        wrong = playing & ((actions < 0) | (actions >= len(ACTIONS)))
        if wrong.any():
            lane = int(np.argmax(wrong))
            raise ArgumentError(
                "actions",
                f"expected 0 to {len(ACTIONS) - 1} in lane {lane}, found {actions[lane]}",
            )
        rewards = np.zeros(count, np.float64)
        self._lanes.step(playing, actions.astype(np.int64), rewards, self._seen)
        for lane in np.flatnonzero(playing).tolist():
            self._note_end(lane)
        self._discount[self._terminated] = 0
        frames, infos = self._show()
        return frames, rewards, self._terminated.copy(), self._truncated.copy(), infos

    @property
    def playing(self) -> NDArray[np.bool_]:
        """Which lanes are in an episode: bool, shape (num_envs,); the others are parked."""
        return self._started & ~(self._terminated | self._truncated)

    def get_state(self, lane: int) -> CrafterState:
        """Return the game of a lane as it is now.

        Parameters
        ----------
        lane : int
            Number of the lane.

        Returns
        -------
        CrafterState
            A copy, as of `CrafterEnv.get_state`.

        Raises
        ------
        ArgumentError
            If there is no such lane, or its game has gone on for more than 2**20 steps, or has
            reached an achievement more than 65535 times; the error is a ValueError.
        gymnasium.error.ResetNeeded
            If the lane was never reset.
        """
        lane = whole_number("lane", lane, 0, len(self._started) - 1)
        with self._lock:
            if not self._started[lane]:
                raise gymnasium.error.ResetNeeded("get_state: expected the lane to be reset first")
            state = self._lanes.get_state(lane, self._seen)
        check_counts(state)
        return state

    def set_state(self, lane: int, state: CrafterState) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        """Let a lane go on from a state; the others are left as they are.

        Parameters
        ----------
        lane : int
            Number of the lane.
        state : CrafterState
            As for `CrafterEnv.set_state`.

        Returns
        -------
        observations : ndarray, shape (num_envs, height, width, 3), uint8
            Pictures of all lanes, RGB.
        infos : dict of str to ndarray, shape (num_envs, ...)
            Entries as listed in the class.

        Raises
        ------
        ArgumentError
            If there is no such lane, or the state is one of another environment or one that no
            game can be in; the error is a ValueError.
        """
        lane = whole_number("lane", lane, 0, len(self._started) - 1)
        with self._lock:
            self._lanes.set_state(lane, state, self._seen)
            self._world_seeds[lane] = state.world_seed
            self._started[lane] = True
            self._note_end(lane)
            self._discount[lane] = not self._terminated[lane]
            return self._show()

    def _note_end(self, lane: int) -> None:
        ended = self._lanes.ended(lane)
        self._terminated[lane], self._truncated[lane] = ended == TERMINATED, ended == TIME_LIMIT

    def terrain(self, lane: int) -> NDArray[np.uint8]:
        """Return the material ids of a lane's world as it is now.

        Parameters
        ----------
        lane : int
            Number of the lane.

        Returns
        -------
        ndarray, shape `area`, uint8
            Indexed [x, y].

        Raises
        ------
        ArgumentError
            If there is no such lane; the error is a ValueError.
        """
        lane = whole_number("lane", lane, 0, len(self._started) - 1)
        with self._lock:
            return self._lanes.terrain(lane)

    def _reset_mask(self, options: dict[str, Any] | None) -> NDArray[np.bool_]:
        if options is None or "reset_mask" not in options:
            return np.ones(len(self._started), bool)
        mask = np.asarray(options["reset_mask"])
        if mask.shape != self._started.shape or mask.dtype != np.bool_ or not mask.any():
            raise ArgumentError(
                "reset_mask",
                f"expected {len(self._started)} bools of which one is true, found {mask}",
            )
        return mask

    def _show(self) -> tuple[NDArray[np.uint8], dict[str, Any]]:
        frames, infos = self._shown
        if not self._copy:
            return frames, dict(infos)
        return frames.copy(), {key: value.copy() for key, value in infos.items()}


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
