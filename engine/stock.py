"""Stock Crafter made reproducible: the package's own code over ordered object sets.

`crafter.engine.World` keeps the objects of each map chunk in a `set`, which
lists them by memory address, and the environment draws random numbers while
it walks through them (danijar/crafter issues 31 and 36). Sets that keep the
order of insertion are the one change made to the game here.
"""

from __future__ import annotations

import collections
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.fast.scenes import UNKNOWN_WORDS
from crafter_dataset.engine.numba_cache import import_opensimplex
from crafter_dataset.engine.protocol import LaneError
from crafter_dataset.engine.rows import Done, Seen
from crafter_dataset.engine.spec import check_geometry, local_view, words_by_night
from crafter_dataset.engine.state import CrafterState, check_fits, show
from crafter_dataset.engine.taken_words import TakenWords
from crafter_dataset.engine.tiles import GROUND_TILES, TEXTURES, window
from crafter_dataset.schemas.layout import CUT, TERMINATED, TIME_LIMIT
from crafter_dataset.schemas.wording import one_line

import_opensimplex()  # before crafter does
import crafter  # noqa: E402
from crafter import engine  # noqa: E402

_TEXTURE_NUMBERS = {name: number for number, name in enumerate(TEXTURES)}


class OrderedSet(dict[Any, None]):
    """The part of the `set` interface that Crafter uses, in order of insertion."""

    def add(self, item: Any) -> None:
        """Add an item at the end, unless it is there.

        Parameters
        ----------
        item : hashable
            The item; Crafter adds its objects.
        """
        self[item] = None

    def remove(self, item: Any) -> None:
        """Remove an item.

        Parameters
        ----------
        item : hashable
            The item.

        Raises
        ------
        KeyError
            If it is not there.
        """
        del self[item]


class OrderedWorld(engine.World):  # type: ignore[misc]
    """`crafter.engine.World` with ordered chunk sets and a seed that can be forced.

    Attributes
    ----------
    forced_seed : int or None
        Seed of the RandomState from the next reset on; None for the one that Crafter passes.
    taken : TakenWords or None
        What counts the words taken from the RandomState; None if it is not as seeding left it.
    """

    forced_seed: int | None = None
    taken: TakenWords | None = None

    def reset(self, seed: int | None = None) -> None:
        """Reset as stock Crafter does, but with `forced_seed` where one is set.

        Parameters
        ----------
        seed : int, optional
            Seed of the RandomState, 0 to 2**32 - 1, where none is forced.
        """
        seed = seed if self.forced_seed is None else self.forced_seed
        super().reset(seed)
        self.taken = None if seed is None else TakenWords(seed)
        self._chunks: Any = collections.defaultdict(OrderedSet)


class StockCrafter(crafter.Env):  # type: ignore[misc]
    """`crafter.Env` that can be reset to a given world, and writes what is seen into rows.

    Parameters
    ----------
    area, view, size : tuple of int
        As for `crafter.Env`: cells of the world (x, y), cells in the picture
        (x, y), and pixels of the picture (width, height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether rewards are computed; else they are 0.

    Raises
    ------
    ArgumentError
        If Crafter cannot draw such a world or picture.
    """

    def __init__(
        self,
        area: tuple[int, int] = (64, 64),
        view: tuple[int, int] = (9, 9),
        size: tuple[int, int] = (64, 64),
        length: int = 10_000,
        reward: bool = True,
    ) -> None:
        check_geometry(area, view, size)
        super().__init__(tuple(area), tuple(view), tuple(size), reward, length, seed=0)
        # The views hold on to the world made by `crafter.Env`, so it changes its class, not its
        # identity.
        self._world.__class__ = OrderedWorld
        self._semantic: NDArray[np.uint8] = np.zeros(area, np.uint8)

    def reset_world(self, world_seed: int) -> NDArray[np.uint8]:
        """Start an episode in the world of `RandomState(world_seed)`.

        Parameters
        ----------
        world_seed : int
            Seed of the world, 0 to 2**32 - 1.

        Returns
        -------
        ndarray, shape (height, width, 3), uint8
            First frame, indexed [y, x, channel].
        """
        self._world.forced_seed = int(world_seed)
        frame: NDArray[np.uint8] = super().reset()
        self._semantic = self._sem_view()
        return frame

    def advance(self, action: int) -> tuple[NDArray[np.uint8], float, bool, bool]:
        """Take one step.

        Parameters
        ----------
        action : int
            Index into `engine.spec.ACTIONS`.

        Returns
        -------
        frame : ndarray, shape (height, width, 3), uint8
            Frame after the step, indexed [y, x, channel].
        reward : float
            Reward of the step.
        terminated : bool
            The player died.
        truncated : bool
            The time limit was reached by a living player.
        """
        frame, reward, done, info = super().step(action)
        self._semantic = info["semantic"]
        terminated = info["discount"] == 0
        return frame, float(reward), terminated, bool(done) and not terminated

    def terrain(self) -> NDArray[np.uint8]:
        """Return the material ids of the world now, shape `area`, uint8, indexed [x, y]."""
        return np.array(self._world._mat_map, np.uint8)

    def show(
        self, frame: NDArray[np.uint8], seen: Seen, image: int, row: int | None = None
    ) -> None:
        """Write the last frame and the state behind it into a row.

        Parameters
        ----------
        frame : ndarray, shape (height, width, 3), uint8
            What `reset_world` or `advance` returned last.
        seen : Seen
            Where to write.
        image : int
            Row to write of pictures and maps.
        row : int, optional
            Row to write of the small fields; by default the same.
        """
        row = image if row is None else row
        height, width, _ = frame.shape
        target = seen.frames[image].reshape(height, width, 3)
        # Crafter's frame is a transposed view: channel by channel it copies three times as fast.
        for channel in range(3):
            target[..., channel] = frame[..., channel]
        if len(seen.semantic):
            seen.semantic[image] = self._semantic.reshape(-1)
        if len(seen.positions):
            seen.positions[row] = self._player.pos
        if len(seen.inventory):
            seen.inventory[row] = list(self._player.inventory.values())
        if len(seen.achievements):
            seen.achievements[row] = list(self._player.achievements.values())
        if len(seen.daylight):
            seen.daylight[row] = self._world.daylight
        if len(seen.tiles):
            seen.tiles[image] = self._tiles().reshape(-1)
        if len(seen.sleeping):
            seen.sleeping[row] = self._player.sleeping
        if len(seen.random_words):
            seen.random_words[row] = self._words_before_picture()

    def _tiles(self) -> NDArray[np.uint8]:
        """Return the tiles that the local view shows; mirrors `LocalView.__call__`."""
        world, (x, y) = self._world, self._player.pos.tolist()
        grid = local_view(self._view.tolist())
        of_map, of_view = window((x, y), grid, world.area)
        tiles = np.zeros(grid, np.uint8)
        there = tiles[of_view]
        there[...] = world._mat_map[of_map]
        objects = world._obj_map[of_map]
        for cell in zip(*(index.tolist() for index in np.nonzero(objects)), strict=True):
            texture = _TEXTURE_NUMBERS[world._objects[objects[cell]].texture]
            there[cell] += GROUND_TILES * (1 + texture)
        return tiles

    def _words_before_picture(self) -> int:
        """Return how many random words were taken before the last picture, which took some."""
        world = self._world
        if world.taken is None:
            return UNKNOWN_WORDS
        words: int = world.taken.count(world.random)
        if world.daylight < 0.5:
            words -= words_by_night(self._view.tolist(), self._size.tolist())
        return words


class StockLanes:
    """Stock environments as `engine.protocol.Lanes`, one after the other.

    Parameters
    ----------
    count : int
        Number of lanes.
    area, view, size : tuple of int
        Cells of the world (x, y), cells in the picture (x, y), and pixels of
        the picture (width, height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether rewards are computed; else they are 0.
    """

    def __init__(
        self,
        count: int,
        area: tuple[int, int],
        view: tuple[int, int],
        size: tuple[int, int],
        length: int,
        reward: bool,
    ) -> None:
        self.envs = [StockCrafter(area, view, size, length, reward) for _ in range(count)]
        self._ended = [0] * count
        self._frames: list[Any] = [None] * count

    def reset(self, lane: int, seed: int, seen: Seen) -> None:
        """Start an episode in a lane, and write what is seen first.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seed : int
            Seed of the world's RandomState, 0 to 2**32 - 1.
        seen : Seen
            Where to write what is seen, one row per lane.

        Raises
        ------
        LaneError
            If the environment raises.
        """
        self.start(lane, seed)
        self.envs[lane].show(self._frames[lane], seen, lane)

    def start(self, lane: int, seed: int) -> None:
        """Start an episode; see `Lanes.start`.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seed : int
            Seed of the world's RandomState, 0 to 2**32 - 1.

        Raises
        ------
        LaneError
            If the environment raises.
        """
        with _naming(lane):
            self._frames[lane] = self.envs[lane].reset_world(seed)
        self._ended[lane] = 0

    def act(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rows: NDArray[np.int64],
        done: Done,
        max_rows: int | None,
    ) -> None:
        """Take a step in every lane that is playing; see `Lanes.act`.

        Parameters
        ----------
        playing : ndarray, shape (lanes,), bool
            Which lanes take a step.
        actions : ndarray, shape (lanes,), int64
            Action of each lane, an index into `engine.spec.ACTIONS`.
        rows : ndarray, shape (lanes,), int64
            Row of `done` that each writes to.
        done : Done
            Rows to write.
        max_rows : int or None
            Rows at which an episode is cut, None for never.

        Raises
        ------
        LaneError
            If an environment raises.
        """
        for lane in np.flatnonzero(playing).tolist():
            self._act(lane, int(actions[lane]), done, int(rows[lane]), max_rows)

    def _act(self, lane: int, action: int, done: Done, row: int, max_rows: int | None) -> None:
        with _naming(lane):
            self._frames[lane], reward, terminated, truncated = self.envs[lane].advance(action)
        ended = TERMINATED if terminated else TIME_LIMIT if truncated else 0
        if not ended and self.envs[lane]._step + 1 == max_rows:
            ended = CUT
        self._ended[lane] = ended
        done.actions[row], done.rewards[row] = action, reward
        done.terminations[row] = ended == TERMINATED
        done.truncations[row] = ended in (TIME_LIMIT, CUT)

    def draw(
        self,
        drawing: NDArray[np.bool_],
        images: NDArray[np.int64],
        rows: NDArray[np.int64],
        seen: Seen,
        frames: NDArray[np.uint8],
    ) -> None:
        """Write what is seen in some lanes; see `Lanes.draw`.

        Parameters
        ----------
        drawing : ndarray, shape (lanes,), bool
            Which lanes are drawn.
        images, rows : ndarray, shape (lanes,), int64
            Rows of `seen` that each writes to: of pictures and maps, and of small fields.
        seen : Seen
            Rows to write.
        frames : ndarray, shape (lanes, height * width * 3), uint8
            Where to write the pictures once more.
        """
        for lane in np.flatnonzero(drawing).tolist():
            image, row = int(images[lane]), int(rows[lane])
            self.envs[lane].show(self._frames[lane], seen, image, row)
            frames[lane] = seen.frames[image]

    def ends(self) -> NDArray[np.uint8]:
        """Return how each lane's episode has ended; see `Lanes.ends`.

        Returns
        -------
        ndarray, shape (lanes,), uint8
            As `ended` returns them.
        """
        return np.array(self._ended, np.uint8)

    def step(
        self,
        playing: NDArray[np.bool_],
        actions: NDArray[np.int64],
        rewards: NDArray[np.float64],
        seen: Seen,
    ) -> None:
        """Take a step in every lane that is playing, and write what is seen then.

        Parameters
        ----------
        playing : ndarray, shape (lanes,), bool
            Which lanes take a step.
        actions : ndarray, shape (lanes,), int64
            Action of each lane, an index into `engine.spec.ACTIONS`.
        rewards : ndarray, shape (lanes,), float64
            Where to write the reward of each lane that is playing.
        seen : Seen
            Where to write what is seen, one row per lane.

        Raises
        ------
        LaneError
            If an environment raises.
        """
        for lane in np.flatnonzero(playing).tolist():
            with _naming(lane):
                env = self.envs[lane]
                frame, rewards[lane], terminated, truncated = env.advance(int(actions[lane]))
                self._frames[lane] = frame
                env.show(frame, seen, lane)
            self._ended[lane] = TERMINATED if terminated else TIME_LIMIT if truncated else 0

    def ended(self, lane: int) -> int:
        """Return how a lane's episode has ended: `TERMINATED`, `TIME_LIMIT`, or 0 if it goes on.

        Parameters
        ----------
        lane : int
            Number of the lane.
        """
        return self._ended[lane]

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
        """
        return self.envs[lane].terrain()

    def get_state(self, lane: int, seen: Seen) -> CrafterState:
        """Return the state of a lane that was reset.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seen : Seen
            What was seen last, one row per lane.
        """
        from crafter_dataset.engine.stock_state import state_of_stock

        width, height = self.envs[lane]._size
        return state_of_stock(self.envs[lane], seen.frames[lane].reshape(height, width, 3))

    def set_state(self, lane: int, state: CrafterState, seen: Seen) -> None:
        """Let a lane go on from a state, and write what is seen in it.

        Parameters
        ----------
        lane : int
            Number of the lane.
        state : CrafterState
            The state.
        seen : Seen
            Where to write what is seen, one row per lane.

        Raises
        ------
        ArgumentError
            If it is one of another environment, or one that no game can be in.
        """
        from crafter_dataset.engine.stock_state import restore, settings_of

        check_fits(state, settings_of(self.envs[lane]))
        restore(self.envs[lane], state)
        show(state, seen, lane)
        self._ended[lane] = state.ended


class _naming:
    """Turns an exception of one lane's environment into a `LaneError`."""

    def __init__(self, lane: int) -> None:
        self.lane = lane

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, Exception):
            said = f"{type(error).__name__}: {one_line(error)}"
            raise LaneError(f"environment {self.lane} raised {said}", self.lane) from error
