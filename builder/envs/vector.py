"""Many Crafter environments as one `gymnasium.vector.VectorEnv`, without autoreset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from builder.envs.stock import ACTIONS, INFO_DTYPES, StockCrafter, info_shapes


class LaneError(Exception):
    """An environment of a vector raised; `lane` is its number, `__cause__` the error."""

    def __init__(self, lane: int) -> None:
        super().__init__(f"environment {lane} raised")
        self.lane = lane


class CrafterVectorEnv(VectorEnv[NDArray[np.uint8], NDArray[np.int64], NDArray[Any]]):
    """Crafter environments stepped together, each reset only when asked.

    `reset(seed=[...], options={"reset_mask": mask})` starts new episodes in
    the lanes of `mask` alone (all lanes without it); a seed means the same as
    in `CrafterEnv`. A lane whose episode has ended is parked: `step` ignores
    its action, and returns its last frame, reward 0 and the same flags until
    it is reset; so is a lane that was never reset. `infos` holds the entries
    of `CrafterEnv`'s `info` for every lane, with a leading axis of lanes.

    Parameters
    ----------
    num_envs : int, optional
        Number of lanes.
    **settings
        Those of `CrafterEnv`, except `render_mode`.
    """

    metadata = {"autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        area: tuple[int, int] = (64, 64),
        view: tuple[int, int] = (9, 9),
        size: tuple[int, int] = (64, 64),
        length: int = 10_000,
        reward: bool = True,
    ) -> None:
        self.num_envs = num_envs
        self.single_observation_space = gymnasium.spaces.Box(
            0, 255, (size[1], size[0], 3), np.uint8
        )
        self.single_action_space = gymnasium.spaces.Discrete(len(ACTIONS))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._lanes = [StockCrafter(area, view, size, length, reward) for _ in range(num_envs)]
        self._frames = np.zeros(self.observation_space.shape or (), np.uint8)
        self._infos = {
            key: np.zeros((num_envs, *shape), INFO_DTYPES[key])
            for key, shape in info_shapes(area).items()
        }
        self._started = np.zeros(num_envs, bool)
        self._terminated = np.zeros(num_envs, bool)
        self._truncated = np.zeros(num_envs, bool)

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
            One for each lane (those of lanes not reset are ignored); an
            integer s stands for s, s + 1, and so on.
        options : dict, optional
            `reset_mask`: bool array, shape (num_envs,).

        Raises
        ------
        ValueError
            If the seeds or the mask do not fit the number of lanes, or the
            mask is empty.
        """
        mask = self._reset_mask(options)
        if isinstance(seed, int):
            super().reset(seed=seed)
        seeds = [seed + i for i in range(self.num_envs)] if isinstance(seed, int) else seed
        if seeds is None:
            seeds = [None] * self.num_envs
        if len(seeds) != self.num_envs:
            raise ValueError(f"seed: expected {self.num_envs} seeds, found {len(seeds)}")
        for lane in np.flatnonzero(mask).tolist():
            drawn = seeds[lane]
            if drawn is None:
                drawn = int(self.np_random.integers(2**31 - 1))
            with _naming(lane):
                self._write(lane, self._lanes[lane].reset_world(drawn))
        self._started |= mask
        self._terminated &= ~mask
        self._truncated &= ~mask
        return self._frames.copy(), self._copy_infos()

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[
        NDArray[np.uint8],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Take one action in every lane that is not parked.

        Raises
        ------
        gymnasium.error.ResetNeeded
            If no lane was ever reset.
        ValueError
            If an action of a running lane is not in the action space.
        """
        if not self._started.any():
            raise gymnasium.error.ResetNeeded("step: expected a lane to be reset first")
        rewards = np.zeros(self.num_envs, np.float64)
        for lane in np.flatnonzero(self.playing).tolist():
            action = int(actions[lane])
            if not 0 <= action < len(ACTIONS):
                raise ValueError(
                    f"action of lane {lane}: expected 0 to {len(ACTIONS) - 1}, found {action}"
                )
            with _naming(lane):
                frame, rewards[lane], terminated, truncated = self._lanes[lane].advance(action)
                self._write(lane, frame)
            self._terminated[lane], self._truncated[lane] = terminated, truncated
        return (
            self._frames.copy(),
            rewards,
            self._terminated.copy(),
            self._truncated.copy(),
            self._copy_infos(),
        )

    @property
    def playing(self) -> NDArray[np.bool_]:
        """Which lanes are in an episode, shape (num_envs,); the others are parked."""
        return self._started & ~(self._terminated | self._truncated)

    def terrain(self, lane: int) -> NDArray[np.uint8]:
        """Material ids of a lane's world as it is now, shape `area`, indexed [x, y]."""
        return self._lanes[lane].terrain()

    def _reset_mask(self, options: dict[str, Any] | None) -> NDArray[np.bool_]:
        if options is None or "reset_mask" not in options:
            return np.ones(self.num_envs, bool)
        mask = np.asarray(options["reset_mask"])
        if mask.shape != (self.num_envs,) or mask.dtype != np.bool_ or not mask.any():
            raise ValueError(
                f"reset_mask: expected {self.num_envs} bools of which one is true, found {mask}"
            )
        return mask

    def _write(self, lane: int, frame: NDArray[np.uint8]) -> None:
        # Crafter's frame is a transposed view: channel by channel it copies three times as fast.
        for channel in range(3):
            self._frames[lane, ..., channel] = frame[..., channel]
        for key, value in self._lanes[lane].info().items():
            self._infos[key][lane] = value

    def _copy_infos(self) -> dict[str, Any]:
        infos: dict[str, Any] = {key: value.copy() for key, value in self._infos.items()}
        # Gymnasium's convention: `_key` says which lanes have the entry.
        started = self._started.copy()
        return infos | {f"_{key}": started for key in self._infos}


class _naming:
    """Turn an exception of one lane's environment into a `LaneError`."""

    def __init__(self, lane: int) -> None:
        self.lane = lane

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            raise LaneError(self.lane) from error
