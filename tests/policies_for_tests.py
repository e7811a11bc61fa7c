"""Policies that users might write, good and bad; named as `tests.policies_for_tests:NAME`."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np

from crafter_dataset.builder.policies import OpenLoopPolicy
from crafter_dataset.schemas.extras import EXTRA_DTYPES


class Random:
    """Acts by each lane's Generator, and looks at what it is given."""

    def __init__(self, num_envs, highest=16):
        self.rngs = [None] * num_envs
        self.highest = highest

    def reset(self, lane, rng):
        self.rngs[lane] = rng

    def act(self, frames, infos):
        assert frames.dtype == np.uint8
        assert frames.shape == (len(self.rngs), 64, 64, 3)
        assert infos["position"].shape == (len(self.rngs), 2)
        return [0 if rng is None else rng.integers(self.highest + 1) for rng in self.rngs]


class Looking(Random):
    """Its actions depend on the frame, the inventory and the Generator."""

    def act(self, frames, infos):
        noise = np.array(super().act(frames, infos))
        seen = frames.reshape(len(frames), -1).sum(1, dtype=int) + infos["inventory"].sum(
            1, dtype=int
        )
        return (seen + noise) % 17


class Grouped(Looking):
    """Chooses as `Looking` does, for one of its groups of lanes at a time."""

    lane_groups = 2

    def act(self, frames, infos, lanes):
        assert threading.current_thread() is threading.main_thread()
        assert len(frames) == len(infos["position"]) == len(lanes)
        assert len(lanes) in (len(self.rngs) // 2, (len(self.rngs) + 1) // 2)
        rngs = [self.rngs[lane] for lane in lanes]
        noise = np.array([0 if rng is None else rng.integers(self.highest + 1) for rng in rngs])
        seen = frames.reshape(len(frames), -1).sum(1, dtype=int) + infos["inventory"].sum(
            1, dtype=int
        )
        return (seen + noise) % 17


class GroupedRaising(Grouped):
    """Raises in the 30th step in which it is asked about the last lane."""

    def __init__(self, num_envs):
        super().__init__(num_envs)
        self.asked = 0

    def act(self, frames, infos, lanes):
        self.asked += len(self.rngs) - 1 in lanes
        if self.asked == 30:
            raise RuntimeError("the network is on fire")
        return super().act(frames, infos, lanes)


class GroupedOutOfRange(Grouped):
    def act(self, frames, infos, lanes):
        return super().act(frames, infos, lanes) + 100 * (lanes == len(self.rngs) - 1)


class GroupedAllLanes(Grouped):
    """Returns actions for all lanes, though it is asked about some."""

    def act(self, frames, infos, lanes):
        return np.zeros(len(self.rngs), int)


class Threads(Random):
    """Its actions are how many threads NumPy may take for a product of matrices."""

    def act(self, frames, infos):
        return [int(os.environ["OPENBLAS_NUM_THREADS"])] * len(frames)


class Raising(Random):
    """Raises in the 30th step of episode 2."""

    def __init__(self, num_envs):
        super().__init__(num_envs)
        self.episodes = [0] * num_envs
        self.steps = [0] * num_envs

    def reset(self, lane, rng):
        super().reset(lane, rng)
        self.steps[lane] = 0
        # The Generator is the episode's own: its seed says which it is.
        self.episodes[lane] = rng.bit_generator.seed_seq.entropy[1]

    def act(self, frames, infos):
        for lane, episode in enumerate(self.episodes):
            self.steps[lane] += 1
            if episode == 2 and self.steps[lane] == 30:
                raise RuntimeError("the network\nis on fire")
        return super().act(frames, infos)


def out_of_range(num_envs):
    """Returns action 17 at once."""
    return Random(num_envs, highest=10**6)


class WrongShape(Random):
    def act(self, frames, infos):
        return np.zeros(len(self.rngs) + 1, int)


class Floats(Random):
    def act(self, frames, infos):
        return np.zeros(len(self.rngs))


def broken_factory(num_envs):
    raise OSError("no checkpoint here")


class Stating(Random):
    """States the probability of each action, and where the player is."""

    extras = {  # noqa: RUF012  as users write it
        "log_prob": ("float32", ()),
        "logits": (np.float16, (17,)),
        "where": ("int32", [2]),
        "sure": ("bool", ()),
    }

    def act(self, frames, infos):
        actions = np.array(super().act(frames, infos))
        logits = np.full((len(actions), 17), -np.inf, np.float16)
        logits[np.arange(len(actions)), actions] = infos["inventory"].sum(1)
        return actions, {
            "log_prob": -np.log1p(actions.astype(np.float32)),
            "logits": logits,
            "where": infos["position"].astype(np.int32),
            "sure": actions > 8,
        }


class Misstating(Random):
    """States something else than it declares."""

    extras = {"value": ("float32", ()), "mean": ("float64", (3,))}  # noqa: RUF012

    def __init__(self, num_envs, fault="none"):
        super().__init__(num_envs)
        self.fault, self.steps = fault, 0
        if fault == "another":
            self.extras = {"value": ("float64", ())}

    def act(self, frames, infos):
        self.steps += 1
        count = len(frames)
        stated = {"value": np.zeros(count, np.float32), "mean": np.ones((count, 3))}
        if self.fault == "none at all":
            return super().act(frames, infos)
        if self.steps > 5 and self.fault == "type":
            stated["value"] = stated["value"].astype(np.float64)
        if self.steps > 5 and self.fault == "shape":
            stated["mean"] = stated["mean"][:, :2]
        if self.fault == "missing":
            del stated["mean"]
        if self.fault == "more":
            stated["worth"] = stated["value"]
        return super().act(frames, infos), stated


class EveryType(Random):
    """States an array of each type that there is."""

    extras = {f"of_{dtype}": (dtype, (2, 3)) for dtype in EXTRA_DTYPES}  # noqa: RUF012

    def act(self, frames, infos):
        counts = infos["inventory"][:, :6].reshape(-1, 2, 3)
        return super().act(frames, infos), {
            name: counts.astype(dtype) for name, (dtype, _) in self.extras.items()
        }


class Undeclared(Stating):
    """States what it does not declare."""

    extras = None


def declares(num_envs, extras):
    return Random(num_envs)


declares.extras = lambda extras: extras


def planned_extras(num_envs):
    return planner(num_envs)


planned_extras.extras = {"value": ("float32", ())}


def made_by_function(num_envs):
    return Stating(num_envs)


def weighing(num_envs, weight=1.0):
    return Random(num_envs)


class KillsItsWorker(Random):
    """Kills its own process, once for each file that is not there yet."""

    def __init__(self, num_envs, marks="", times=1):
        super().__init__(num_envs)
        self.marks, self.times, self.acted = marks, times, 0

    def act(self, frames, infos):
        self.acted += 1
        if self.acted == 40:
            for number in range(self.times):
                mark = Path(self.marks) / str(number)
                if not mark.exists():
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
        return super().act(frames, infos)


class EndsItsProcess(Random):
    """Ends its process, with an exit code or by a signal if that is negative."""

    def __init__(self, num_envs, how="1"):
        super().__init__(num_envs)
        self.how = int(how)

    def act(self, frames, infos):
        if self.how >= 0:
            os._exit(self.how)
        signal.signal(-self.how, signal.SIG_DFL)
        os.kill(os.getpid(), -self.how)
        return super().act(frames, infos)


def planner(num_envs, blocks="short"):
    """A plan of a kind: good ones of odd blocks, and bad ones."""
    room = np.zeros(9, np.uint8)

    def plan(rng):
        while blocks == "one array":  # for all blocks of all episodes
            room[:] = rng.integers(17, size=len(room))
            yield room
        if blocks == "raising":
            yield rng.integers(17, size=10)
            raise RuntimeError("the plan is lost")
        if blocks == "wrong at once in some" and rng.random() < 0.2:
            raise RuntimeError("the plan is lost")
        if blocks == "wrong":
            yield np.array([1, 2, 300, 1])
        if blocks == "floats":
            yield np.zeros(5)
        while blocks == "nothing":
            yield np.zeros(0, int)
        if blocks == "long":
            yield np.zeros(3_000_000, np.uint8)
        if blocks == "read-only":
            yield np.frombuffer(bytes(rng.integers(17, size=300).tolist()), np.uint8)
        if blocks == "empty floats":
            yield np.zeros(0)
        if blocks in ("to the end", "wrong after the end"):
            # As many as the episode takes, at which a chunk is full, too.
            yield np.zeros(28, int)
            if blocks == "to the end":
                raise RuntimeError("nobody may ask for more")
            yield np.array([300])
        while blocks != "ending":
            yield rng.integers(17, size=rng.integers(4))
        yield rng.integers(17, size=7, dtype=np.int8)

    return OpenLoopPolicy(num_envs, plan)


def changed_planner(num_envs):
    """A plan that an `act` of the object itself plays back otherwise."""
    policy = planner(num_envs)
    plain = policy.act
    policy.act = lambda frames, infos: 16 - plain(frames, infos)
    return policy


class LooksAtItsPlan(OpenLoopPolicy):
    """Plays a plan back, but not blindly: it rests in full daylight."""

    def __init__(self, num_envs):
        super().__init__(num_envs, lambda rng: iter([rng.integers(17, size=1000)] * 100))

    def act(self, frames, infos):
        chosen = super().act(frames, infos)
        return np.where(infos["daylight"] < 0.9, chosen, 0)
