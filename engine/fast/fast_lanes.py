"""Playing worlds by compiled code, from Python."""

from __future__ import annotations

from collections.abc import Iterable
from operator import is_
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.chooser import Chooser
from crafter_dataset.engine.compiled.cache import is_kept, kept
from crafter_dataset.engine.compiled.compiling import Needed, compile_missing
from crafter_dataset.engine.compiled.machine import machine
from crafter_dataset.engine.compiled.native import Entry
from crafter_dataset.engine.fast.code import ENGINE, STEP
from crafter_dataset.engine.fast.lane_parts import make_parts, unpack
from crafter_dataset.engine.fast.picture import Images, Picture, images_of
from crafter_dataset.engine.numba_cache import import_opensimplex
from crafter_dataset.engine.pictures import daylights
from crafter_dataset.engine.record_state import state_of_record, write_record
from crafter_dataset.engine.rows import MISCHOSEN, Done, Seen
from crafter_dataset.engine.spec import make_seen
from crafter_dataset.engine.state import CrafterState, check_fits, show

_FIRST_DAYLIGHTS = 1024
_NO_ACTIONS, _NO_CHOICE = np.zeros(1, np.uint8), np.zeros(1, np.int64)


class FastLanes:
    """Crafter played by compiled code, as `engine.protocol.Lanes`.

    Parameters
    ----------
    count : int
        Number of lanes.
    area, view, size : tuple of int
        As for `crafter.Env`: cells of the world (x, y), cells in the picture
        (x, y), and pixels of the picture (width, height).
    length : int
        Time limit in steps, 0 for none.
    reward : bool
        Whether rewards are computed; else they are 0.

    Attributes
    ----------
    area : tuple of int
        Cells of the world (x, y).
    worlds : ndarray of records, shape (count,)
        The whole state, see `engine.fast.world.world_dtype`.
    """

    def __init__(
        self,
        count: int,
        area: tuple[int, int] = (64, 64),
        view: tuple[int, int] = (9, 9),
        size: tuple[int, int] = (64, 64),
        length: int = 10_000,
        reward: bool = True,
    ) -> None:
        self._made_with = count, area, view, size, length, reward
        world, (self._picture, self._scratch) = _load_parts(area, view, size)
        self.area = area
        self.worlds: NDArray[Any] = np.zeros(count, world)
        self.worlds["width"], self.worlds["height"] = area
        self.worlds["reach"] = 2 * max(view)
        self.worlds["length"] = min(length or 0, 2**63 - 1)
        self.worlds["give_rewards"] = reward
        self._daylights = daylights(_FIRST_DAYLIGHTS)
        # Steps that each lane has taken, or more: how far daylight must be tabulated.
        self._steps = [0] * count
        self._seeds = [-1] * count
        # The same arrays for every step: new ones would have to be prepared again.
        self._stepped = np.zeros(count, bool), np.zeros(count, np.int64), np.zeros(count)
        self._played: tuple[Any, ...] = (None,) * 7
        self._reset, self._observe, self._step, self._act, self._draw, self._play = (
            Entry(name, STEP, ENGINE)
            for name in (
                "reset_lane", "observe_lane", "step_lanes", "act_lanes", "draw_lanes", "play",
            )
        )  # fmt: skip

    def __getstate__(self) -> tuple[Any, ...]:
        """Return what a copy is made of: compiled code and images are loaded anew."""
        return self._made_with, self.worlds, self._steps, self._seeds

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        made_with, worlds, steps, seeds = state
        self.__init__(*made_with)  # type: ignore[misc]
        self.worlds[...] = worlds
        self._steps, self._seeds = list(steps), list(seeds)

    def needed(self) -> list[Needed]:
        """Return all code that lanes of this area call."""
        seen = make_seen(1, self.area, (18, 18))
        flags, actions = np.zeros(1, bool), np.zeros(1, np.uint8)
        done, choice = Done(actions, np.zeros(1, np.float32), flags, flags), np.zeros(1, np.int64)
        shown = self._daylights, self._picture
        return [
            Needed(self._reset, (self.worlds, self._daylights, self._scratch), 2),
            Needed(self._observe, (self.worlds, self._picture, seen), 2),
            Needed(self._step, (self.worlds, *self._stepped, *shown, seen), 0),
            Needed(self._act, (self.worlds, flags, choice, choice, self._daylights, done), 1),
            Needed(
                self._draw,
                (self.worlds, flags, choice, choice, self._picture, seen, seen.frames),
                0,
            ),
            Needed(self._play, (self.worlds, *shown, actions, choice, seen, done), 7),
        ]

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
        """
        self.start(lane, seed)
        self._observe((self.worlds, self._picture, seen), lane, lane)

    def start(self, lane: int, seed: int) -> None:
        """Start an episode for `play` to go on with; the same as `reset`, but nothing is written.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seed : int
            Seed of the world's RandomState, 0 to 2**32 - 1.
        """
        self._reset((self.worlds, self._daylights, self._scratch), lane, seed)
        self._steps[lane], self._seeds[lane] = 0, seed

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
        """
        self._steps = [int(self.worlds["step"].max()) + 1] * len(self._steps)
        self._light_up_to(self._steps[0])
        own_playing, own_actions, own_rewards = self._stepped
        own_playing[:], own_actions[:], own_rewards[:] = playing, actions, rewards
        self._step((self.worlds, *self._stepped, self._daylights, self._picture, seen))
        rewards[:] = own_rewards

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
        """
        self._light_up_to(int(self.worlds["step"].max()) + 1)
        given = self.worlds, playing, actions, rows, self._daylights, done
        self._act(given, max_rows or 0)

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
        self._draw((self.worlds, drawing, images, rows, self._picture, seen, frames))

    def play(
        self,
        lane: int,
        actions: NDArray[np.uint8],
        taken: int,
        stop: int,
        seen: Seen,
        done: Done,
        image: int,
        row: int,
        max_rows: int | None,
    ) -> int:
        """Take many steps in a lane, each into the next row; see `engine.fast.step.play`.

        Parameters
        ----------
        lane : int
            Number of the lane.
        actions : ndarray, shape (actions,), uint8
            Indices into `engine.spec.ACTIONS`.
        taken, stop : int
            Which actions to take: from number `taken` on, up to but not including `stop`.
        seen, done : Seen, Done
            Rows to fill: few of pictures and maps, more of the small fields.
        image, row : int
            Next rows to fill, of pictures and maps, and of small fields.
        max_rows : int or None
            Rows at which the episode is cut, None for never.

        Returns
        -------
        int
            Number of rows filled, negative if the episode's last row is among them.
        """
        arrays = actions, _NO_CHOICE, seen, done
        return self._fill(lane, arrays, taken, stop, 0, image, row, max_rows)

    def play_chosen(
        self,
        lane: int,
        chooser: Chooser,
        seen: Seen,
        done: Done,
        image: int,
        row: int,
        max_rows: int | None,
    ) -> int:
        """Take many steps in a lane, as a compiled function chooses; see `engine.fast.step.play`.

        Parameters
        ----------
        lane : int
            Number of the lane.
        chooser : Chooser
            What chooses the actions; an episode of it was started with the lane's.
        seen, done : Seen, Done
            Rows to fill: few of pictures and maps, more of the small fields.
        image, row : int
            Next rows to fill, of pictures and maps, and of small fields.
        max_rows : int or None
            Rows at which the episode is cut, None for never.

        Returns
        -------
        int
            Number of rows filled, negative if the episode's last row is among them; `MISCHOSEN` if
            `chooser.chosen` is no action.
        """
        address, choice = chooser.called_with(self.worlds, lane)
        arrays = _NO_ACTIONS, choice, seen, done
        most = len(seen.frames) - image
        return self._fill(lane, arrays, 0, most, address, image, row, max_rows)

    def _fill(
        self,
        lane: int,
        arrays: tuple[Any, ...],
        taken: int,
        stop: int,
        chooser: int,
        image: int,
        row: int,
        max_rows: int | None,
    ) -> int:
        seen = arrays[2]
        self._light_up_to(self._steps[lane] + min(stop - taken, len(seen.frames) - image))
        given = self._daylights, self._picture, *arrays
        if not all(map(is_, given, self._played[1:])):
            self._played = (self.worlds, *given)
        filled = self._play(self._played, lane, taken, stop, chooser, image, row, max_rows or 0)
        self._steps[lane] += 0 if filled == MISCHOSEN else abs(filled)
        return filled

    def ended(self, lane: int) -> int:
        """Return how a lane's episode has ended: an end reason, or 0 if it goes on.

        Parameters
        ----------
        lane : int
            Number of the lane.

        Returns
        -------
        int
            Index into `schemas.layout.END_REASONS`; `play` can also cut an episode.
        """
        return int(self.worlds["ended"][lane])

    def ends(self) -> NDArray[np.uint8]:
        """Return how each lane's episode has ended; see `ended`.

        Returns
        -------
        ndarray, shape (lanes,), uint8
            As `ended` returns them.
        """
        return self.worlds["ended"].copy()

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
        width, height = self.area
        materials: NDArray[np.uint8] = self.worlds["materials"][lane, : width * height]
        return materials.reshape(width, height).copy()

    def get_state(self, lane: int, seen: Seen) -> CrafterState:
        """Return the state of a lane that was reset.

        Parameters
        ----------
        lane : int
            Number of the lane.
        seen : Seen
            What was seen last, one row per lane.
        """
        seed, frame = self._seeds[lane], seen.frames[lane]
        return state_of_record(self.worlds[lane], self._settings(), seed, frame)

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
        check_fits(state, self._settings())
        write_record(state, self.worlds[lane])
        self._steps[lane], self._seeds[lane] = state.step, state.world_seed
        show(state, seen, lane)

    def _settings(self) -> dict[str, Any]:
        _, area, view, size, length, reward = self._made_with
        limit = min(length or 0, 2**63 - 1)
        return {
            "area": area, "view": view, "size": size, "length": limit, "reward": bool(reward),
        }  # fmt: skip

    def _light_up_to(self, last: int) -> None:
        if last >= len(self._daylights):
            self._daylights = daylights(max(2 * len(self._daylights), last + 1))


def _load_parts(
    area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]
) -> tuple[np.dtype[Any], tuple[Any, ...]]:
    """Load what lanes start from, or make it."""

    def make() -> bytes:
        import_opensimplex()  # making it imports crafter and all that it imports
        return make_parts(area, view, size)

    names = ("x".join(map(str, pair)) for pair in (area, view, size))
    return unpack(kept(ENGINE, f"lanes-{'-'.join(names)}-{machine()}", make))


def load_images(area: tuple[int, int], view: tuple[int, int], size: tuple[int, int]) -> Images:
    """Return the images that lanes draw with.

    Parameters
    ----------
    area, view, size : tuple of int
        As for `FastLanes`.
    """
    return images_of(Picture(*_load_parts(area, view, size)[1][0]))


def warm_up(area: tuple[int, int], others: Iterable[Needed] = ()) -> None:
    """Compile the code for worlds of an area, unless it is in the cache.

    Parameters
    ----------
    area : tuple of int
        Cells of the world (x, y).
    others : iterable of Needed
        Further code to compile with it.

    Raises
    ------
    ImportError
        If numba is needed, and cannot be imported.
    """
    mark = f"area-{area[0]}x{area[1]}-{machine()}.compiled"
    own = [] if is_kept(ENGINE, mark) else FastLanes(1, area, (9, 9), (18, 18)).needed()
    compile_missing([*own, *others])
    if own:
        kept(ENGINE, mark, bytes)
