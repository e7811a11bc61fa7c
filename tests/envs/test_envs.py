"""The Gymnasium environments, single and vectorised."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import os
import pickle
import threading
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from crafter_dataset.engine.protocol import EngineError, LaneError
from crafter_dataset.engine.seeding import world_seed
from crafter_dataset.engine.spec import INFO_DTYPES
from crafter_dataset.envs import ENV_ID, CrafterEnv, CrafterVectorEnv
from tests.stock_crafter import play, stock_env

SMALL = {"area": (20, 16), "length": 40}


@pytest.fixture(params=["fast", "crafter"])
def engine(request):
    return request.param


def set_state(env, step=None, health=None):
    """Set up the state of a single environment, whatever its engine."""
    if env.engine == "crafter":
        crafter = env._lanes.envs[0]
        crafter._step = crafter._step if step is None else step
        crafter._player.health = crafter._player.health if health is None else health
        return
    if step is not None:
        env._lanes.worlds["step"] = step
    if health is not None:
        env._lanes.worlds["inventory"][0, 0] = health


def test_passes_gymnasiums_checker(engine):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gymnasium.make(ENV_ID, render_mode="rgb_array", engine=engine)
        check_env(env.unwrapped)


@pytest.mark.parametrize("settings", [{}, {"size": (96, 45), "view": (7, 9), **SMALL}])
def test_spaces_and_infos(settings, engine):
    env = CrafterEnv(**settings, engine=engine)
    frame, info = env.reset(seed=3)
    for _ in range(3):
        assert frame in env.observation_space
        shapes = dict.fromkeys(INFO_DTYPES, ()) | {
            "semantic": settings.get("area", (64, 64)), "position": (2,), "inventory": (16,),
            "achievements": (22,),
        }  # fmt: skip
        assert {key: np.shape(value) for key, value in info.items()} == shapes
        assert {key: np.asarray(value).dtype.name for key, value in info.items()} == INFO_DTYPES
        frame, _, _, _, info = env.step(env.action_space.sample())


def test_seeds_mean_what_crafter_means_by_them(engine):
    stock, env = stock_env(9), CrafterEnv(engine=engine)
    actions = np.random.default_rng(0).integers(17, size=30)
    for episode in range(2):
        expected = play(stock, actions)
        frame, info = env.reset(seed=world_seed(9, episode))
        np.testing.assert_array_equal(frame, expected["frames"][0])
        for step, action in enumerate(actions):
            np.testing.assert_array_equal(info["semantic"], expected["semantic"][step])
            frame, reward, terminated, truncated, info = env.step(action)
            np.testing.assert_array_equal(frame, expected["frames"][step + 1])
            assert np.float32(reward) == expected["rewards"][step]
            assert not truncated
            if terminated:
                break


def test_unseeded_resets_differ_and_follow_from_the_first_seed(engine):
    first, second = (CrafterEnv(**SMALL, engine=engine) for _ in range(2))
    seeds = []
    for env in (first, second):
        env.reset(seed=1)
        seeds.append([int(env.reset()[1]["world_seed"]) for _ in range(3)])
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 3


def test_rendering_does_not_change_the_game(engine):
    """By night, drawing takes random numbers: `render` must not draw."""
    plain = CrafterEnv(**SMALL, engine=engine)
    watched = CrafterEnv(render_mode="rgb_array", **SMALL, engine=engine)
    for env in (plain, watched):
        env.reset(seed=2)
        set_state(env, step=250)  # night
    for _ in range(20):
        a, b = plain.step(0), watched.step(0)
        assert (watched.render() == b[0]).all()
        watched.render()
        np.testing.assert_array_equal(a[0], b[0])
        # The time limit is behind, and does not stop a single environment.
        assert a[4]["daylight"] < 0.5


def test_time_limit_truncates_and_death_terminates(engine):
    env = CrafterEnv(area=(20, 16), length=5, engine=engine)
    env.reset(seed=0)
    ends = [env.step(0)[2:4] for _ in range(5)]
    assert ends == [(False, False)] * 4 + [(False, True)]
    env.reset(seed=0)
    set_state(env, health=0)
    *_, terminated, truncated, info = env.step(0)
    assert (terminated, truncated) == (True, False)
    assert info["discount"] == 0


def test_death_at_the_time_limit_is_death(engine):
    env = CrafterEnv(area=(20, 16), length=1, engine=engine)
    env.reset(seed=0)
    set_state(env, health=0)
    assert env.step(0)[2:4] == (True, False)


@pytest.mark.parametrize("action", [-1, 17])
def test_actions_outside_the_space_are_refused(action, engine):
    env = CrafterEnv(**SMALL, engine=engine)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=f"expected 0 to 16, found {action}"):
        env.step(action)


def test_step_before_reset_is_refused():
    with pytest.raises(gymnasium.error.ResetNeeded):
        CrafterEnv(**SMALL).step(0)
    with pytest.raises(gymnasium.error.ResetNeeded):
        CrafterVectorEnv(2, **SMALL).step(np.zeros(2, int))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"size": (17, 18)}, "size: expected at least 2 pixels a cell"),
        ({"view": (5, 3)}, "view: expected at least 4 rows"),
        ({"area": (0, 5)}, "area: expected two integers"),
    ],
)
def test_what_crafter_cannot_draw_is_refused(settings, message, engine):
    with pytest.raises(ValueError, match=message):
        CrafterEnv(**settings, engine=engine)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, float("nan"), "1"], ids=repr)
def test_seeds_that_numpy_does_not_take_are_refused(seed, engine):
    env = CrafterVectorEnv(2, **SMALL, engine=engine)
    with pytest.raises(ValueError, match=f"found {seed!r}"):
        env.reset(seed=[0, seed])
    assert not env.playing.any()


def test_sizes_may_be_one_number_and_lengths_any(engine):
    env = CrafterEnv(view=9, size=64, length=10**20, engine=engine)
    assert env.reset(seed=0)[0].shape == (64, 64, 3)
    assert not env.step(0)[3]


@pytest.mark.parametrize("length", [-1, 3.5, float("nan"), "9", True], ids=repr)
@pytest.mark.parametrize("kind", [CrafterEnv, CrafterVectorEnv])
def test_lengths_that_are_no_numbers_of_steps_are_refused(kind, length, engine):
    with pytest.raises(ValueError, match=r"length: expected (a whole number, )?0 or more, found"):
        kind(length=length, engine=engine)


def test_unknown_engines_are_refused():
    with pytest.raises(EngineError, match="expected fast or crafter, found 'slow'"):
        CrafterEnv(engine="slow")


def test_too_large_a_world_names_the_other_engine():
    with pytest.raises(EngineError, match=r"1,048,576 cells .* found 4,194,304; .*crafter"):
        CrafterEnv(area=(2048, 2048))


@pytest.mark.parametrize("reward", [True, False])
def test_rewards_can_be_left_out(engine, reward):
    env = CrafterEnv(**SMALL, reward=reward, engine=engine)
    env.reset(seed=0)
    set_state(env, health=5)
    assert env.step(0)[1] == (-0.4 if reward else 0)


def same_infos(many, lane, single):
    for key, value in single.items():
        np.testing.assert_array_equal(many[key][lane], value)
        assert many[f"_{key}"][lane]


def test_vector_lanes_equal_single_environments(engine):
    many = CrafterVectorEnv(3, **SMALL, engine=engine)
    # The other engine's: so both are held to each other, infos and all.
    other = "fast" if engine == "crafter" else "crafter"
    singles = [CrafterEnv(**SMALL, engine=other) for _ in range(3)]
    frames, infos = many.reset(seed=[5, 6, 7])
    for lane, env in enumerate(singles):
        frame, info = env.reset(seed=5 + lane)
        np.testing.assert_array_equal(frames[lane], frame)
        same_infos(infos, lane, info)
    rng = np.random.default_rng(0)
    for _ in range(SMALL["length"]):
        actions = rng.integers(17, size=3)
        playing = many.playing
        frames, rewards, terminated, truncated, infos = many.step(actions)
        assert frames in many.observation_space
        for lane in np.flatnonzero(playing):
            frame, reward, term, trunc, info = singles[lane].step(actions[lane])
            np.testing.assert_array_equal(frames[lane], frame)
            assert (rewards[lane], terminated[lane], truncated[lane]) == (reward, term, trunc)
            same_infos(infos, lane, info)
    assert truncated.any()


def test_masked_reset_leaves_the_other_lanes_alone(engine):
    env = CrafterVectorEnv(3, **SMALL, engine=engine)
    before, _ = env.reset(seed=1)
    mask = np.array([False, True, False])
    frames, infos = env.reset(seed=[None, 50, None], options={"reset_mask": mask})
    np.testing.assert_array_equal(frames[[0, 2]], before[[0, 2]])
    np.testing.assert_array_equal(frames[1], CrafterEnv(**SMALL).reset(seed=50)[0])
    assert infos["world_seed"].tolist() == [1, 50, 3]


def test_ended_lanes_are_parked_until_reset(engine):
    env = CrafterVectorEnv(2, area=(20, 16), length=3, engine=engine)
    env.reset(seed=0)
    mask = np.array([True, False])
    env.step(np.zeros(2, int))
    env.reset(seed=[9, 0], options={"reset_mask": mask})
    for _ in range(2):
        frames, rewards, _, truncated, _ = env.step(np.zeros(2, int))
    assert truncated.tolist() == [False, True]
    after, rewards, _, truncated, _ = env.step(np.array([1, 99]))
    assert truncated.tolist() == [True, True]
    assert rewards[1] == 0
    np.testing.assert_array_equal(after[1], frames[1])
    env.reset(seed=[1, 1])
    assert env.playing.all()


@pytest.mark.parametrize("mask", [np.zeros(2, bool), np.ones(3, bool), np.ones(2, int)])
def test_bad_masks_are_refused(mask):
    with pytest.raises(ValueError, match="reset_mask: expected 2 bools"):
        CrafterVectorEnv(2, **SMALL).reset(options={"reset_mask": mask})


def test_bad_seeds_are_refused():
    with pytest.raises(ValueError, match="expected 2 seeds, found 3"):
        CrafterVectorEnv(2, **SMALL).reset(seed=[1, 2, 3])


def test_an_error_names_its_lane(monkeypatch):
    env = CrafterVectorEnv(2, **SMALL, engine="crafter")
    env.reset(seed=0)
    monkeypatch.setattr(env._lanes.envs[1], "advance", lambda action: 1 / 0)
    with pytest.raises(LaneError, match=r"^environment \d raised \w+: ") as caught:
        env.step(np.zeros(2, int))
    assert caught.value.lane == 1
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), str(again), again.lane) == (LaneError, str(caught.value), 1)


@pytest.mark.parametrize("engine", ["fast", "crafter"])
def test_a_state_that_cannot_be_put_back_is_not_had(engine):
    env, envs = (kind(**SMALL | {"length": 0}, engine=engine) for kind in (CrafterEnv, one_lane))
    env.reset(seed=1)
    envs.reset(seed=[1])
    state = dataclasses.replace(env.get_state(), step=2**20)
    often = state.achievements.copy()
    often[3] = 2**16
    with pytest.raises(ValueError, match=r"^state: expected achievements from 0 to 65535, found"):
        env.set_state(dataclasses.replace(state, achievements=often))
    env.set_state(state)
    envs.set_state(0, state)
    assert env.get_state() == envs.get_state(0) == state
    env.step(0)
    envs.step(np.zeros(1, int))
    for get in (env.get_state, lambda: envs.get_state(0)):
        with pytest.raises(
            ValueError, match=r"^state: expected step from 0 to 1048576, found 1048"
        ):
            get()


def one_lane(**settings):
    return CrafterVectorEnv(1, **settings)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.parametrize("engine", ["fast", "crafter"])
def test_a_fork_plays_on_as_its_parent_does(engine):
    env = CrafterEnv(**SMALL, engine=engine)
    env.reset(seed=1)
    env.step(1)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that others have started
        child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            os.write(writing, played(env))
        os._exit(0)
    expected = played(env)
    os.close(writing)
    assert os.waitpid(child, 0)[1] == 0
    assert os.read(reading, 100) == expected
    os.close(reading)


def played(env):
    """Return a digest of what the next steps show."""
    return hashlib.sha256(b"".join(env.step(2)[0].tobytes() for _ in range(3))).digest()


@pytest.mark.parametrize("mode", [None, "sync", "async", "vector_entry_point"])
def test_gymnasium_makes_vectors(mode):
    options = {"vector_kwargs": {"autoreset_mode": "Disabled"}} if mode in ("sync", "async") else {}
    env = gymnasium.make_vec(ENV_ID, 2, vectorization_mode=mode, **options, **SMALL)
    try:
        frames, infos = env.reset(seed=[4, 5])
        assert env.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.DISABLED
        assert infos["position"].shape == (2, 2)
        expected, _ = CrafterEnv(**SMALL).reset(seed=5)
        np.testing.assert_array_equal(frames[1], expected)
        mask = np.array([True, False])
        frames, _ = env.reset(seed=[5, 0], options={"reset_mask": mask})
        np.testing.assert_array_equal(frames[0], expected)
    finally:
        env.close()


WAYS = [
    copy.copy, copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env)),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
def test_a_copy_goes_on_by_itself(engine, way):
    env = CrafterEnv(**SMALL, engine=engine)
    env.reset(seed=3)
    for action in range(17):
        env.step(action)
    other = way(env)
    actions = [*range(17)] * 3
    first = [env.step(action)[0] for action in actions]
    for action, frame in zip(actions, first, strict=True):
        np.testing.assert_array_equal(other.step(action)[0], frame)
    np.testing.assert_array_equal(env.reset()[0], other.reset()[0])  # np_random goes along


@pytest.mark.parametrize("way", WAYS, ids=["copy", "deepcopy", "pickle"])
def test_a_copy_of_many_goes_on_by_itself(engine, way):
    env = CrafterVectorEnv(3, **SMALL, engine=engine)
    env.reset(seed=[1, 2, 3])
    actions = np.array([5, 3, 1])
    env.step(actions)
    other = way(env)
    kept = [env.step(actions) for _ in range(20)]
    for frames, rewards, ended, cut, infos in kept:
        found = other.step(actions)
        for one, two in zip((frames, rewards, ended, cut), found[:4], strict=True):
            np.testing.assert_array_equal(one, two)
        assert infos.keys() == found[4].keys()
        for name, values in infos.items():
            np.testing.assert_array_equal(values, found[4][name])


@pytest.mark.parametrize("action", [2.7, 3.0, True, np.True_, None, "3", np.array([3]), 17, -1,
                                    float("nan"), np.uint64(2**64 - 1)], ids=repr)  # fmt: skip
def test_what_is_no_action_is_refused(action):
    env = CrafterEnv(**SMALL)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"action: expected (a whole number, )?0 to 16, found"):
        env.step(action)


@pytest.mark.parametrize("action", [3, np.int64(3), np.uint8(3), np.array(3)], ids=repr)
def test_integers_of_any_kind_are_actions(action):
    env = CrafterEnv(**SMALL)
    env.reset(seed=1)
    env.step(action)


@pytest.mark.parametrize("actions", [
    [1, 2], 5, np.ones((3, 3), int), np.ones(3), ["1", "2", "3"], [True, False, True],
    [np.nan, 1, 2], np.array([2**64 - 1, 1, 1], np.uint64), [1, 2, 17],
], ids=repr)  # fmt: skip
def test_what_are_no_actions_are_refused(actions):
    env = CrafterVectorEnv(3, **SMALL)
    env.reset(seed=1)
    with pytest.raises(ValueError, match=r"actions: expected (3 integers|0 to 16)"):
        env.step(actions)


def test_another_number_of_lanes_later_changes_nothing():
    env = CrafterVectorEnv(2, **SMALL)
    env.num_envs = 5
    assert env.reset(seed=1)[0].shape[0] == 2
    env.step(np.ones(2, int))
    for lane in (-1, 2):
        with pytest.raises(ValueError, match="lane: expected 0 to 1"):
            env.terrain(lane)


def test_threads_may_share_an_environment():
    """Whose order then is any; but each step is whole."""
    single, many = CrafterEnv(**SMALL), CrafterVectorEnv(4, **SMALL)
    single.reset(seed=1)
    many.reset(seed=1)
    errors = []

    def play(number: int) -> None:
        try:
            for step in range(300):
                if (step + number) % 7:
                    single.step(step % 17)
                    many.step(np.full(4, step % 17))
                else:
                    single.reset(seed=step)
                    many.reset(seed=step)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=play, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_an_environment_goes_back_to_a_state(engine):
    env = CrafterEnv(**SMALL, engine=engine, render_mode="rgb_array")
    with pytest.raises(gymnasium.error.ResetNeeded, match="get_state"):
        env.get_state()
    env.reset(seed=3)
    first = env.step(5)
    state = env.get_state()
    expected = [env.step(action) for action in range(17)]
    frame, info = env.set_state(state)
    np.testing.assert_array_equal(frame, first[0])
    np.testing.assert_array_equal(env.render(), frame)
    assert info.keys() == first[4].keys()
    for name, value in info.items():
        np.testing.assert_array_equal(value, first[4][name])
        assert np.asarray(value).dtype == np.asarray(first[4][name]).dtype
    other = CrafterEnv(**SMALL, engine="fast" if engine == "crafter" else "crafter")
    assert other.set_state(state)[1]["world_seed"] == 3
    for action, (frame, *rest, _) in enumerate(expected):
        for each in (env, other):
            again = each.step(action)
            np.testing.assert_array_equal(again[0], frame)
            assert list(again[1:4]) == rest
    with pytest.raises(ValueError, match="state: expected length 41, found 40"):
        CrafterEnv(area=(20, 16), length=41, engine=engine).set_state(state)


def test_a_lane_goes_back_to_a_state(engine):
    envs = CrafterVectorEnv(3, **SMALL, engine=engine)
    with pytest.raises(gymnasium.error.ResetNeeded, match="get_state"):
        envs.get_state(1)
    single = CrafterEnv(**SMALL, engine=engine)
    single.reset(seed=8)
    state = single.get_state()
    frames, infos = envs.set_state(1, state)
    assert envs.playing.tolist() == infos["_position"].tolist() == [False, True, False]
    assert (envs.get_state(1), infos["world_seed"][1]) == (state, 8)
    envs.reset(seed=1)
    before, _ = envs.set_state(1, state)
    np.testing.assert_array_equal(before[1], frames[1])
    for _ in range(SMALL["length"]):
        frame, _, _, truncated, _ = single.step(3)
        found = envs.step(np.full(3, 3))
        np.testing.assert_array_equal(found[0][1], frame)
    assert truncated
    assert envs.playing.tolist() == [False] * 3
    ended = single.get_state()
    envs.reset(seed=1)
    _, infos = envs.set_state(2, ended)
    assert envs.playing.tolist() == [True, True, False]
    assert infos["discount"].tolist() == [1, 1, 1]
    for lane in (-1, 3):
        with pytest.raises(ValueError, match=f"lane: expected 0 to 2, found {lane}"):
            envs.set_state(lane, state)
