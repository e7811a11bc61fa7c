"""Windows as PyTorch batches: in this process and in workers, forked and spawned."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import (
    DiamondSampler,
    SequentialSampler,
    UniformSampler,
    Windows,
    open_dataset,
)
from tests.building import build
from tests.synthetic import write_dataset

torch = pytest.importorskip("torch")

from crafter_dataset.loader.torch import (  # noqa: E402
    WindowDataset,
    WindowLoader,
    collate,
    normalize,
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    path = tmp_path_factory.mktemp("torch") / "d.zarr"
    write_dataset(path, [10, 3, 26, 41, 1, 17])
    return open_dataset(path, threads=2)


def contents(batch):
    """Everything in a batch, to compare."""
    tensors = [batch.mask_padding, batch.episode_ids, batch.starts]
    return [*tensors] + [
        part[name] for part in (batch.named, batch.others) for name in sorted(part)
    ]


def same(left, right):
    return len(left) == len(right) and all(map(torch.equal, contents(left), contents(right)))


@pytest.mark.parametrize("layout", ["CHW", "HWC"])
def test_a_batch_holds_the_windows_under_diamonds_names(dataset, layout):
    windows = Windows(dataset, 5, padding="both", next_frame=True, fields=dataset.fields[:-1])
    numbers = [3, 50, 0, 77]
    batch, plain = WindowDataset(windows, layout).__getitems__(numbers), windows.read(numbers)
    frames = plain["frames"].transpose(0, 1, 4, 2, 3) if layout == "CHW" else plain["frames"]
    np.testing.assert_array_equal(batch.obs, frames)
    assert batch.obs.dtype == torch.uint8
    for name, short, dtype in (
        ("actions", "act", torch.int64),
        ("rewards", "rew", torch.float32),
        ("terminations", "end", torch.int64),
        ("truncations", "trunc", torch.int64),
        ("mask_padding", "mask_padding", torch.bool),
    ):
        tensor = getattr(batch, short)
        assert (tensor.dtype, tensor.shape) == (dtype, (4, 5))
        np.testing.assert_array_equal(tensor, plain[name])
    assert set(batch.others) == set(windows.fields) - {
        "frames", "actions", "rewards", "terminations", "truncations",
    }  # fmt: skip
    assert batch.others["achievements"].dtype == torch.int32
    for name, tensor in batch.others.items():
        np.testing.assert_array_equal(tensor, plain[name])
    assert [tuple(s) for s in batch.segment_ids] == [
        (e, s, s + 5) for e, s in zip(plain["episode_ids"], plain["starts"], strict=True)
    ]
    one = WindowDataset(windows, layout)[50]
    assert torch.equal(one.obs, batch.obs[1])
    assert one.segment_ids == [batch.segment_ids[1]]
    assert len(batch) == 4
    with pytest.raises(ValueError, match="layout: expected 'CHW' or 'HWC', found 'WHC'"):
        WindowDataset(windows, "WHC")


def test_fields_that_are_left_out(dataset):
    batch = WindowDataset(Windows(dataset, 5, fields=["frames"])).__getitems__([0, 1])
    assert batch.others == {}
    for moved in (batch, batch.to("cpu"), pickle.loads(pickle.dumps(batch))):
        for ask in (lambda b: b.act, lambda b: b.as_iris()):
            with pytest.raises(ValueError, match="fields: expected 'actions' among those of the"):
                ask(moved)
    assert repr(batch) == "<Batch of (2, 5) on cpu: obs (2, 5, 3, 20, 18)>"


@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0)])
def test_normalize_is_the_formula_of_the_papers(low, high):
    levels = torch.arange(256, dtype=torch.uint8)
    expected = levels.float() / 255 * 2 - 1 if low else levels.float() / 255
    assert torch.equal(normalize(levels, low, high), expected)
    assert normalize(levels, low, high, torch.bfloat16).dtype == torch.bfloat16
    with pytest.raises(ValueError, match=r"frames: expected uint8, found torch.float32"):
        normalize(expected)


def test_iris_and_dreamer_find_their_names(dataset):
    batch = WindowDataset(Windows(dataset, 5, padding="right")).__getitems__([0, 9])
    iris = batch.as_iris()
    assert iris["observations"].shape == (2, 5, 3, 20, 18)
    assert iris["observations"].max() <= 1
    assert torch.equal(iris["ends"], batch.end)
    assert torch.equal(iris["mask_padding"], batch.mask_padding)
    with pytest.raises(ValueError, match="expected the alignment 'arrivals', found 'transitions'"):
        batch.as_dreamer()
    windows = Windows(dataset, 10, alignment="arrivals")
    assert torch.equal(
        WindowDataset(windows, "HWC").__getitems__([0]).as_iris()["observations"],
        WindowDataset(windows, "CHW").__getitems__([0]).as_iris()["observations"],
    )
    dreamer = WindowDataset(windows).__getitems__([0, 1])
    whole, dreamer = dataset[0].load(), dreamer.as_dreamer()
    np.testing.assert_array_equal(dreamer["image"][0], whole["frames"])
    np.testing.assert_array_equal(dreamer["action"][0], whole["actions"])
    np.testing.assert_array_equal(dreamer["reward"][0, 1:], whole["rewards"][:-1])
    assert dreamer["reward"][0, 0] == 0
    assert dreamer["is_first"][0].tolist() == [True] + [False] * 9
    assert dreamer["is_last"][0].tolist() == [False] * 9 + [True]
    assert dreamer["is_terminal"][0].tolist() == [False] * 9 + [bool(whole["terminations"][8])]
    assert dreamer["action"].dtype == torch.int32


@pytest.mark.filterwarnings("ignore:This DataLoader will create")
@pytest.mark.parametrize(("workers", "method"), [(0, None), (1, "fork"), (3, "fork"), (2, "spawn")])
def test_the_order_is_the_same_with_any_workers(dataset, workers, method):
    windows = Windows(dataset, 5, padding="right")
    sampler = UniformSampler(windows, seed=2)
    expected = [WindowDataset(windows).__getitems__(sampler.numbers(e, 0, 999)) for e in (0, 1)]
    options = {"multiprocessing_context": method} if workers else {}
    loader = WindowLoader(
        windows, 7, UniformSampler(windows, seed=2), num_workers=workers, **options
    )
    windows.read([0, 1])  # this process has threads and open files when it is forked
    for epoch in range(2):
        batches = list(loader)
        assert [len(batch) for batch in batches[:-1]] == [7] * (len(batches) - 1)
        joined = [torch.cat(parts) for parts in zip(*map(contents, batches), strict=True)]
        assert all(map(torch.equal, joined, contents(expected[epoch])))


def test_padding_is_grey_as_in_diamond_where_the_mask_is_given(dataset):
    batch = WindowDataset(Windows(dataset, 5, padding="left")).__getitems__([0, 9])
    masked, plain = normalize(batch.obs, mask=batch.mask_padding), normalize(batch.obs)
    assert torch.equal(masked[batch.mask_padding], plain[batch.mask_padding])
    assert (masked[~batch.mask_padding] == 0).all()
    assert (plain[~batch.mask_padding] == -1).all()
    assert not batch.mask_padding.all()
    with pytest.raises(ValueError, match=r"mask: expected shape \(2, 5\), found \(2, 3\)"):
        normalize(batch.obs, mask=batch.mask_padding[:, :3])


@pytest.mark.parametrize("padding", ["left", "right"])
def test_the_next_frame_is_not_padding(dataset, padding):
    """Frames have a row more than the mask; that after the last row of the episode is real."""
    windows = Windows(dataset, 5, padding=padding, next_frame=True)
    batch = WindowDataset(windows).__getitems__(range(len(windows)))
    masked = normalize(batch.obs, mask=batch.mask_padding)
    assert not batch.mask_padding.all()
    for number, (start, episode) in enumerate(zip(batch.starts, batch.episode_ids, strict=True)):
        rows = torch.arange(6) + start
        there = (rows >= 0) & (rows < len(dataset.by_id(int(episode))))
        plain = normalize(batch.obs[number])
        assert torch.equal(masked[number][there], plain[there])
        assert (masked[number][~there] == 0).all()
        one = batch[number]
        assert torch.equal(normalize(one.obs, mask=one.mask_padding), masked[number])
    whole = batch[:4]
    twice = normalize(whole.obs.unflatten(0, (2, 2)), mask=whole.mask_padding.unflatten(0, (2, 2)))
    assert torch.equal(twice.flatten(0, 1), masked[:4])
    assert whole.as_iris()["observations"].shape == (4, 6, 3, 20, 18)


def test_the_layout_goes_with_the_batch_whatever_the_sizes(tmp_path):
    """A picture 3 pixels wide is not to be taken for one whose channels are last, or first."""
    build(
        tmp_path / "d", BuildSettings(view=(1, 17), size=(3, 34), area=(24, 24), length=9),
        Target(episodes=3), workers=0,
    )  # fmt: skip
    windows = Windows(open_dataset(tmp_path / "d"), 3, alignment="arrivals")
    for layout in ("CHW", "HWC"):
        for batch in (
            WindowDataset(windows, layout).__getitems__([0, 1]),
            next(iter(WindowLoader(windows, 2, SequentialSampler(windows), layout=layout))),
            pickle.loads(pickle.dumps(WindowDataset(windows, layout).__getitems__([0, 1]))),
        ):
            assert batch.obs.shape == ((2, 3, 3, 34, 3) if layout == "CHW" else (2, 3, 34, 3, 3))
            stored = torch.from_numpy(windows.read([0, 1])["frames"])
            assert torch.equal(batch.as_dreamer()["image"], stored)
            observations = batch.as_iris()["observations"]
            assert observations.shape == (2, 3, 3, 34, 3)
            assert torch.equal(observations, stored.movedim(-1, -3) / 255)


def test_without_pytorch_it_says_what_to_install():
    code = "import sys; sys.modules['torch'] = None; import crafter_dataset.loader.torch"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip().endswith(
        "MissingPackageError: PyTorch: expected it to be installed, found it missing; "
        "pip install 'crafter-dataset[torch]', or in a checkout of it pip install '.[torch]'"
    )


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stop", [0, 1, 5, 11, 12])
def test_a_loader_goes_on_after_the_last_batch_it_gave(dataset, workers, stop):
    windows = Windows(dataset, 5, padding="right")

    def make():
        return WindowLoader(windows, 8, DiamondSampler(diamond), num_workers=workers)

    diamond = windows = Windows(dataset, 5, padding="left")
    straight = make()
    expected = [batch for _ in range(3) for batch in straight]
    first = make()
    given = list(islice(iter(first), stop))
    state = pickle.loads(pickle.dumps(first.state_dict()))
    second = make()
    second.load_state_dict(state)
    assert second.left == (len(straight) - stop or len(straight))
    assert len(second) == len(straight)  # as trainers expect, which count what was done before
    rest = [batch for _ in range(2) for batch in second]
    assert all(map(same, given + rest, expected))
    # And so does the loader itself, though its workers had drawn ahead.
    if 0 < stop < len(straight):
        assert all(map(same, list(first), expected[stop : len(straight)]))


def test_short_last_batches_may_be_dropped(dataset):
    windows = Windows(dataset, 5)
    assert len(windows) == 74
    loader = WindowLoader(windows, 8, drop_last=True)
    assert len(loader) == len(list(loader)) == 9
    second = list(loader)
    assert sum(map(len, second)) == 72
    # After the last batch of an epoch, and before whoever asked for it has noticed.
    third = iter(loader)
    for _ in range(9):
        next(third)
    other = WindowLoader(windows, 8, drop_last=True)
    other.load_state_dict(loader.state_dict())
    assert len(other) == other.left == 9
    fresh = WindowLoader(windows, 8, drop_last=True)
    fresh.order.set_epoch(3)
    assert all(map(same, other, fresh))
    whole = WindowLoader(windows, 8, SequentialSampler(windows))
    assert len(whole) == len(list(whole)) == 10
    with pytest.raises(ValueError, match="batch_size: expected at most 74"):
        WindowLoader(windows, 75, drop_last=True)
    for wrong in (0, None):
        with pytest.raises(ValueError, match=r"batch_size: expected (a whole number, )?1 or more"):
            WindowLoader(windows, wrong)


def test_a_sampler_that_is_sent_elsewhere_takes_its_loader_along(dataset):
    windows = Windows(dataset, 5)
    expected = WindowLoader(windows, 8)
    expected.order.set_epoch(5)
    sampler = UniformSampler(windows)
    loader = WindowLoader(windows, 8, sampler, num_workers=1, persistent_workers=True)
    next(iter(loader))
    loader.sampler.set_epoch(5)  # as trainers do
    assert loader.state_dict()["epoch"] == 5
    assert all(map(same, loader, expected))
    sampler.load_state_dict(expected.state_dict())
    assert all(map(same, loader, expected))  # the sixth epoch of both


def test_a_dataloader_of_the_users_own(dataset):
    windows = Windows(dataset, 5)
    loader = torch.utils.data.DataLoader(
        WindowDataset(windows), batch_size=6, shuffle=True, collate_fn=collate, num_workers=2
    )
    batches = list(loader)
    assert sum(map(len, batches)) == 74
    seen = {segment for batch in batches for segment in batch.segment_ids}
    assert len(seen) == 74


def test_a_sampler_of_other_windows_is_refused(dataset):
    with pytest.raises(TypeError, match="windows: expected Windows, found Dataset"):
        WindowLoader(dataset, 8)
    with pytest.raises(TypeError, match=r"sampler: expected a Sampler, found \[3, 1\]"):
        WindowLoader(Windows(dataset, 5), 8, [3, 1])
    with pytest.raises(ValueError, match="sampler: expected one of these windows"):
        WindowLoader(Windows(dataset, 5), 8, UniformSampler(Windows(dataset, 5)))


KILL_WORKERS = """
import json, os, signal, sys, torch
from crafter_dataset.loader import Windows, open_dataset
from crafter_dataset.loader.torch import WindowLoader

if __name__ == "__main__":
    path, method, states = sys.argv[1:]
    windows = Windows(open_dataset(path), 5)
    workers, resume = (1, True) if method == "resume" else (2, False)
    loader = WindowLoader(
        windows, 4, num_workers=workers, multiprocessing_context="fork" if resume else method
    )
    if resume:
        loader.load_state_dict(json.load(open(states)))
    drawn = []
    try:  # PyTorch raises as soon as the signal comes, wherever that is
        for batch in loader:
            drawn += batch.segment_ids
            for process in [] if resume else torch.multiprocessing.active_children()[:1]:
                os.kill(process.pid, signal.SIGKILL)
    except (RuntimeError, OSError, EOFError):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        json.dump(loader.state_dict(), open(states, "w"))
    print(json.dumps(drawn), flush=True)
    os._exit(0)
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_killed_worker_is_an_error_and_no_deadlock(dataset, method, tmp_path):
    (tmp_path / "kill.py").write_text(KILL_WORKERS)
    drawn = []
    for phase in (method, "resume"):  # what was handed out counts, also for the next process
        result = subprocess.run(
            [
                sys.executable, str(tmp_path / "kill.py"), str(dataset.path), phase,
                str(tmp_path / "state.json"),
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )  # fmt: skip
        assert result.stdout, result.stderr
        drawn.append([tuple(segment) for segment in json.loads(result.stdout)])
    first, rest = drawn
    assert 0 < len(first) < 74
    assert len(first + rest) == len(set(first + rest)) == 74


def test_a_fork_in_mid_epoch_neither_hangs_nor_repeats(dataset):
    windows = Windows(dataset, 5)
    loader = WindowLoader(windows, 8)
    batches = iter(loader)
    given = [next(batches), next(batches)]
    state = loader.state_dict()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:  # the copy reads on for itself, with threads and files of its own
            rest = [batch.starts.sum().item() for batch in batches]
            os.write(writing, repr(rest).encode())
        finally:
            os._exit(0)
    rest = list(batches)
    os.close(writing)
    with os.fdopen(reading) as stream:
        assert stream.read() == repr([batch.starts.sum().item() for batch in rest])
    assert os.waitpid(child, 0)[1] == 0
    drawn = [segment for batch in given + rest for segment in batch.segment_ids]
    assert len(set(drawn)) == len(drawn) == 74
    assert state["position"] == 16


def test_pinning_needs_no_help(dataset):
    batch = WindowDataset(Windows(dataset, 5)).__getitems__([0, 1])
    if not torch.cuda.is_available():
        pytest.skip("page-locked memory needs a GPU's driver")
    pinned = batch.pin_memory()
    assert pinned.obs.is_pinned()
    assert same(pinned.to("cuda").to("cpu"), batch)
