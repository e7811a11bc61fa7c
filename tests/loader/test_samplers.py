"""Orders of drawing: complete, reproducible, shared among ranks, resumed, and as likely as said."""

from __future__ import annotations

import json
from collections import Counter
from itertools import islice, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crafter_dataset.loader import (
    DiamondSampler,
    EpisodeSampler,
    SequentialSampler,
    TerminalSampler,
    UniformSampler,
    WeightedSampler,
    Windows,
    by_return,
    open_dataset,
)
from crafter_dataset.loader.random_order import Permutation, uniform
from crafter_dataset.schemas.layout import TERMINATED, TIME_LIMIT
from tests.synthetic import write_dataset

LENGTHS = [10, 3, 26, 41, 1, 17]
REASONS = [TERMINATED, TERMINATED, TIME_LIMIT, TERMINATED, TIME_LIMIT, TIME_LIMIT]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("samplers") / "d.zarr"
    write_dataset(path, LENGTHS, end_reasons=REASONS)
    return open_dataset(path)


@pytest.fixture(scope="module")
def windows(dataset):
    return Windows(dataset, 5)


def chi_square(counts, shares):
    """How far counts are from their expectation, in standard deviations."""
    expected = np.asarray(shares, float) / np.sum(shares) * np.sum(counts)
    there = expected > 0
    assert not np.asarray(counts)[~there].any()
    statistic = ((np.asarray(counts)[there] - expected[there]) ** 2 / expected[there]).sum()
    freedom = max(there.sum() - 1, 1)
    return (statistic - freedom) / np.sqrt(2 * freedom)


@given(size=st.integers(1, 3000), key=st.tuples(st.integers(0, 2**70), st.integers(0, 2**40)))
def test_a_permutation_is_one(size, key):
    order = Permutation(size, key).at(np.arange(size))
    np.testing.assert_array_equal(np.sort(order), np.arange(size))
    np.testing.assert_array_equal(Permutation(size, key).at(np.array([size - 1])), order[-1:])


@pytest.mark.parametrize("size", [2, 3, 4, 5])
def test_all_orders_of_a_few_are_as_likely(size):
    draws = 150 * len(list(permutations(range(size))))
    found = Counter(tuple(Permutation(size, (seed,)).at(np.arange(size))) for seed in range(draws))
    counts = [found[order] for order in permutations(range(size))]
    assert chi_square(counts, np.ones(len(counts))) < 5


def test_orders_of_many_show_no_pattern():
    size = 10_007
    orders = np.stack([Permutation(size, (1, e)).at(np.arange(size)) for e in range(40)])
    bins = orders * 20 // size
    for place in (0, 1, 100, size - 1):  # where in the order, over the epochs
        assert chi_square(np.bincount(bins[:, place], minlength=20), np.ones(20)) < 5
    first = bins[0]
    pairs = first[:-1] * 20 + first[1:]  # what follows what
    assert abs(chi_square(np.bincount(pairs, minlength=400), np.ones(400))) < 5
    steps = np.diff(orders[0])
    assert np.unique(steps).size > 0.5 * size
    # Two epochs agree in about one place.
    assert (orders[0] == orders[1]).sum() < 10


def test_random_numbers_are_even_and_independent():
    draws = uniform((3, 4), np.arange(200_000))
    assert draws.min() >= 0
    assert draws.max() < 1
    assert abs(chi_square(np.histogram(draws, 100, (0, 1))[0], np.ones(100))) < 5
    other = uniform((3, 5), np.arange(200_000))
    for a, b in ((draws, other), (draws[:-1], draws[1:])):
        assert abs(np.corrcoef(a, b)[0, 1]) < 0.01


def test_an_order_of_a_hundred_million_is_found_at_once():
    order = Permutation(100_000_000, (0, 0))
    found = order.at(np.array([0, 5, 99_999_999]))
    assert len(set(found.tolist())) == 3
    assert ((found >= 0) & (found < 100_000_000)).all()


SAMPLERS = {
    "sequential": SequentialSampler,
    "uniform": UniformSampler,
    "episodes": EpisodeSampler,
    "weighted": lambda w, **o: WeightedSampler(w, by_return(), **o),
    "windows": lambda w, **o: WeightedSampler(w, window_weights=np.arange(len(w)), **o),
    "terminal": TerminalSampler,
    "diamond": lambda w, **o: DiamondSampler(Windows(w.dataset, 5, padding="left"), **o),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_order_is_a_function_of_seed_and_epoch(windows, name):
    sampler = SAMPLERS[name](windows, seed=3)
    epochs = [list(sampler) for _ in range(3)]
    again = SAMPLERS[name](windows, seed=3)
    for epoch in (2, 0, 1):
        again.set_epoch(epoch)
        assert list(again) == epochs[epoch]
    assert all(len(epoch) == len(sampler) for epoch in epochs)
    if name != "sequential":
        assert epochs[0] != epochs[1]
        assert list(SAMPLERS[name](windows, seed=4)) != epochs[0]


@pytest.mark.parametrize("name", SAMPLERS)
@given(stop=st.integers(0, 150), data=st.data())
def test_a_sampler_goes_on_where_another_was(windows, name, stop, data):
    make = SAMPLERS[name]
    straight = make(windows)
    expected = [number for _ in range(4) for number in straight]
    first = make(windows)
    drawn = []
    while len(drawn) < stop:
        drawn += islice(first, stop - len(drawn))
    second = make(windows)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    rest = [number for _ in range(2) for number in second]
    assert drawn + rest == expected[: len(drawn + rest)]
    assert len(rest) > len(second)


@pytest.mark.parametrize("name", ["uniform", "sequential"])
@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_every_window_is_drawn_once_an_epoch(windows, name, world_size):
    ranks = [
        SAMPLERS[name](windows, rank=rank, world_size=world_size, even=False)
        for rank in range(world_size)
    ]
    for _ in range(2):
        assert sorted(n for rank in ranks for n in rank) == list(range(len(windows)))
    even = [list(SAMPLERS[name](windows, rank=r, world_size=world_size)) for r in range(world_size)]
    assert len({len(rank) for rank in even}) == 1
    drawn = [n for rank in even for n in rank]
    assert len(set(drawn)) == len(drawn) == len(windows) // world_size * world_size


@pytest.mark.parametrize("name", SAMPLERS)
def test_ranks_share_one_order_and_may_change_in_number(windows, name):
    make = SAMPLERS[name]
    alone = list(make(windows))
    two = [make(windows, rank=rank, world_size=2) for rank in range(2)]
    drawn = [list(islice(rank, 6)) for rank in two]
    assert [n for pair in zip(*drawn, strict=True) for n in pair] == alone[:12]
    one = make(windows)
    one.load_state_dict(two[1].state_dict())
    assert list(one) == alone[12:]
    # Some of the twelve would not be a whole number of rounds of five ranks.
    five = [make(windows, world_size=5, rank=rank, even=False) for rank in range(5)]
    for rank in five:
        rank.load_state_dict(two[0].state_dict())
    rest = [list(rank) for rank in five]
    assert sorted(n for rank in rest for n in rank) == sorted(alone[12:])
    # At the end of an epoch all numbers of ranks go on with the next one.
    list(two[0])
    seven = make(windows, world_size=7)
    seven.load_state_dict(two[0].state_dict())
    again = make(windows, world_size=7)
    again.set_epoch(1)
    assert list(seven) == list(again)


def test_the_state_of_another_order_is_refused(windows):
    state = UniformSampler(windows).state_dict()
    for other, message in (
        (UniformSampler(windows, seed=1), "expected seed 1, found 0"),
        (UniformSampler(windows, samples=np.int64(5)), "expected samples 5, found 74"),
        (EpisodeSampler(windows), "expected sampler 'EpisodeSampler', found 'UniformSampler'"),
        (UniformSampler(Windows(windows.dataset, 5, padding="both"), samples=74), "padding=both"),
        (UniformSampler(Windows(windows.dataset[::-1], 5)), "6 episodes"),
    ):
        with pytest.raises(ValueError, match=f"state: .*{message}"):
            other.load_state_dict(state)
        json.dumps(other.state_dict())
    with pytest.raises(ValueError, match="expected sampler 'UniformSampler', found None"):
        UniformSampler(windows).load_state_dict({})


def draw_many(sampler, count=60_000):
    return sampler.draw(0, np.arange(count))


def test_episodes_are_as_likely_as_said(dataset, windows):
    index = windows.index
    weights = np.array([1, 5, 0, 2, 7, 3.5])  # two of the episodes hold no window
    for sampler, shares in (
        (EpisodeSampler(windows), index.counts > 0),
        (WeightedSampler(windows, weights), weights * (index.counts > 0)),
        (WeightedSampler(windows, lambda t: t["lengths"]), LENGTHS * (index.counts > 0)),
        (WeightedSampler(Windows(dataset, 5, weights=weights)), weights * (index.counts > 0)),
        (UniformSampler(windows, samples=60_000), index.counts),
    ):
        numbers = draw_many(sampler)
        episodes, _ = index.locate(numbers)
        assert abs(chi_square(np.bincount(episodes, minlength=6), shares)) < 5
        for episode in np.unique(episodes):  # within an episode all windows alike
            within = np.bincount(numbers[episodes == episode], minlength=len(windows))
            low = index.ends[episode] - index.counts[episode]
            here = within[low : index.ends[episode]]
            assert len(here) == 1 or abs(chi_square(here, np.ones(len(here)))) < 5
    window_weights = np.arange(len(windows)) % 4
    numbers = draw_many(WeightedSampler(windows, window_weights=window_weights))
    assert abs(chi_square(np.bincount(numbers, minlength=len(windows)), window_weights)) < 5


def test_weights_by_return(dataset):
    returns = dataset.episodes["returns"].astype(float)
    np.testing.assert_allclose(
        by_return(2.0)(dataset.episodes), np.exp((returns - returns.max()) / 2)
    )
    with pytest.raises(ValueError, match="temperature: expected a positive number, found 0"):
        by_return(0)


@pytest.mark.parametrize("padding", ["none", "right", "left", "both"])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("alignment", ["transitions", "arrivals"])
def test_a_share_of_the_windows_holds_a_death(dataset, padding, stride, alignment):
    windows = Windows(dataset, 5, padding=padding, stride=stride, alignment=alignment)
    flags = windows.read(np.arange(len(windows)))["terminations"].any(1)
    if not flags.any():
        with pytest.raises(ValueError, match="hold the end of a terminated episode, found none"):
            TerminalSampler(windows)
        return
    holding = draw_many(TerminalSampler(windows, 1.0))
    assert flags[holding].all()
    assert set(holding) == set(np.flatnonzero(flags))
    drawn = flags[draw_many(TerminalSampler(windows, 0.3))]
    assert abs(drawn.mean() - (0.3 + 0.7 * flags.mean())) < 0.01
    assert abs(flags[draw_many(TerminalSampler(windows, 0.0))].mean() - flags.mean()) < 0.01


@pytest.mark.parametrize("padding", ["left", "both"])
def test_windows_are_as_likely_as_diamonds(dataset, padding):
    windows = Windows(dataset, 5, padding=padding)
    counts = np.bincount(draw_many(DiamondSampler(windows)), minlength=len(windows))
    shares = np.zeros(len(windows))
    for episode, rows in enumerate(np.array(LENGTHS) - 1):
        for row in range(rows):  # as its sampler draws, every way once
            for offset in range(5):
                start = row - offset if padding == "both" else min(rows, row + 1 + offset) - 5
                shares[windows.index.number(np.array([episode]), np.array([start]))] += 1
    assert abs(chi_square(counts, shares)) < 5


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda w: UniformSampler(w, seed=-1), "seed: expected 0 or more, found -1"),
        (lambda w: UniformSampler(w, samples=0), "samples: expected 1 or more"),
        (lambda w: UniformSampler(w, rank=2, world_size=2), "rank: expected 0 to 1, found 2"),
        (lambda w: UniformSampler(w, samples=2, world_size=3), "one for each of 3 ranks, found 2"),
        (lambda w: WeightedSampler(w), "weights: expected one an episode, here or in Windows"),
        (lambda w: WeightedSampler(w, np.zeros(6)), "weights: expected a positive one"),
        (lambda w: WeightedSampler(w, [1]), r"expected one an episode, 6, found shape \(1,\)"),
        (lambda w: WeightedSampler(w, [0, 1, 0, 0, 1, 0]), "weights: expected a positive one"),
        (lambda w: WeightedSampler(w, window_weights=[1]), "window_weights: expected 74 finite"),
        (lambda w: TerminalSampler(w, 2), "share: expected 0 to 1, found 2"),
        (lambda w: DiamondSampler(w), "expected stride 1, min_rows 1 and padding 'left' or 'both'"),
    ],
)
def test_wrong_arguments_are_named(windows, make, message):
    with pytest.raises(ValueError, match=message):
        make(windows)
