"""What trainers and PyTorch's own datasets do with ours: Lightning, ConcatDataset, Subset."""

from __future__ import annotations

import copy
import inspect
import itertools

import pytest

from crafter_dataset.loader import (
    SequentialSampler,
    UniformSampler,
    WeightedSampler,
    Windows,
    by_return,
    open_dataset,
)
from tests.synthetic import write_dataset

torch = pytest.importorskip("torch")

from torch.utils.data import (  # noqa: E402
    BatchSampler,
    ConcatDataset,
    DataLoader,
    DistributedSampler,
    RandomSampler,
    Subset,
    random_split,
)

from crafter_dataset.loader.torch import Batch, WindowDataset, WindowLoader  # noqa: E402

LENGTHS = [10, 3, 26, 41, 1, 17]


@pytest.fixture(scope="module")
def windows(tmp_path_factory):
    path = tmp_path_factory.mktemp("trainers") / "d.zarr"
    write_dataset(path, LENGTHS)
    return Windows(open_dataset(path, threads=1), 5)


def drawn(loader):
    return [segment for batch in loader for segment in batch.segment_ids]


class Wrapped(DistributedSampler):
    """As Lightning shares out a sampler that it does not know."""

    def __init__(self, sampler, **options):
        class Numbers(torch.utils.data.Dataset):
            _sampler = sampler

            def __len__(self):
                return len(sampler)

            def __getitem__(self, index):
                return list(sampler)[index]

        super().__init__(Numbers(), **options)


def made_anew(loader, sampler):
    """As Lightning makes a loader of a class of its user's again, with another sampler."""
    own = inspect.signature(type(loader).__init__).parameters
    known = {**own, **inspect.signature(DataLoader.__init__).parameters}
    kept = {k: v for k, v in vars(loader).items() if not k.startswith("_")}
    options = {k: v for k, v in kept.items() if k in known and known[k].default is not v}
    assert {name for name, p in own.items() if p.default is p.empty} <= {
        *options, "self", "options",
    }, "Lightning finds what it must pass again in attributes of the same names"  # fmt: skip
    batch_sampler = None
    if isinstance(sampler, BatchSampler):
        batch_sampler, sampler = sampler, None
        options |= {"batch_size": 1, "drop_last": False}
    options |= {"sampler": sampler, "shuffle": False, "batch_sampler": batch_sampler}
    return type(loader)(**options)


ORDERS = [
    lambda windows: UniformSampler(windows, seed=3),
    lambda windows: WeightedSampler(windows, by_return(), samples=60),
    lambda windows: SequentialSampler(windows),
]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", [Wrapped, None])
def test_ranks_share_the_order_that_the_user_chose(windows, order, kind):
    expected = drawn(WindowLoader(windows, 8, order(windows)))
    loader = WindowLoader(windows, 8, order(windows), layout="HWC")
    parts = []
    for rank in range(2):
        options = {"num_replicas": 2, "rank": rank, "shuffle": True}
        # PyTorch's is over the data set, Lightning's around the sampler.
        source = loader.sampler if kind else loader.dataset
        part = made_anew(loader, (kind or DistributedSampler)(source, **options))
        assert (part.layout, part.batch_size, part.order.rank) == ("HWC", 8, rank)
        parts.append(drawn(part))
    assert list(itertools.chain(*zip(*parts, strict=True))) == expected[: len(parts[0]) * 2]


def test_ranks_that_share_already_do_not_share_again(windows):
    order = UniformSampler(windows, seed=3, rank=1, world_size=2)
    expected = drawn(WindowLoader(windows, 8, copy.copy(order)))
    loader = WindowLoader(windows, 8, order)
    again = made_anew(loader, Wrapped(loader.sampler, num_replicas=2, rank=1))
    assert drawn(again) == expected


def test_an_order_that_was_passed_by_the_samplers_name(windows):
    """In a hook, Lightning keeps what was passed, and only knows the order inside its own."""
    order = UniformSampler(windows, seed=3)
    expected = drawn(WindowLoader(windows, batch_size=8, sampler=UniformSampler(windows, seed=3)))
    shared = Wrapped(order, num_replicas=2, rank=0)
    loader = WindowLoader(windows, batch_size=8, sampler=shared, shuffle=False, batch_sampler=None)
    assert drawn(loader) == expected[: len(expected) // 2 * 2 : 2]


def test_overfitting_repeats_the_first_windows(windows):
    loader = WindowLoader(windows, 8, UniformSampler(windows, seed=3))
    again = made_anew(loader, torch.utils.data.SequentialSampler(loader.dataset))
    first, second = drawn(again), drawn(again)
    assert first == second == drawn(WindowLoader(windows, 8, SequentialSampler(windows)))


def test_prediction_brings_a_batch_sampler(windows):
    loader = WindowLoader(windows, 8, UniformSampler(windows, seed=3), drop_last=True)
    again = made_anew(loader, BatchSampler(loader.sampler, 8, drop_last=False))
    assert [len(batch) for batch in again] == [8] * 9 + [2]


class Unrepeated(Wrapped):
    """As Lightning shares out what is predicted: every window once, if unevenly."""

    def __init__(self, sampler, **options):
        super().__init__(sampler, **options)
        self.total_size = len(self.dataset)
        self.num_samples = len(range(self.rank, self.total_size, self.num_replicas))


def test_ranks_predict_every_window_once(windows):
    loader = WindowLoader(windows, 8, UniformSampler(windows, seed=3))
    found = []
    for rank in range(4):
        sampler = Unrepeated(loader.sampler, num_replicas=4, rank=rank)
        found += drawn(made_anew(loader, BatchSampler(sampler, 8, drop_last=False)))
    assert len(windows) % 4
    assert sorted(found) == sorted(drawn(WindowLoader(windows, 8)))


def test_what_would_not_go_on_where_it_stopped_is_refused(windows):
    dataset = WindowDataset(windows)
    with pytest.raises(TypeError, match=r"expected a Sampler, found <torch\..*RandomSampler"):
        WindowLoader(windows, 8, sampler=RandomSampler(dataset))
    with pytest.raises(TypeError, match="sampler: expected a Sampler, found "):
        WindowLoader(windows, 8, RandomSampler(dataset))
    other = Windows(windows.dataset, 4)
    with pytest.raises(ValueError, match="sampler: expected one of these windows"):
        WindowLoader(windows, 8, sampler=Wrapped(UniformSampler(other), num_replicas=2, rank=0))


def test_a_trainer_that_names_the_epoch_goes_on_in_its_middle(windows):
    loader = WindowLoader(windows, 8, UniformSampler(windows, seed=3))
    loader.sampler.set_epoch(0)
    straight = drawn(loader)
    batches = iter(loader)
    loader.sampler.set_epoch(1)
    second = drawn(loader)
    del batches
    loader.sampler.set_epoch(1)
    batches = iter(loader)
    begun = [s for _ in range(4) for s in next(batches).segment_ids]
    again = WindowLoader(windows, 8, UniformSampler(windows, seed=3))
    again.load_state_dict(loader.state_dict())
    iterator = iter(again)  # begun before the epoch is named, as Lightning does
    again.sampler.set_epoch(1)
    assert begun + [s for batch in iterator for s in batch.segment_ids] == second
    assert (len(again), again.left) == (10, 10)
    again.sampler.set_epoch(0)
    assert drawn(again) == straight
    again.load_state_dict(loader.state_dict())
    again.sampler.set_epoch(0)
    assert drawn(again) == straight  # another epoch begins at its beginning


@pytest.mark.parametrize("workers", [0, 2])
def test_pytorchs_own_datasets(windows, workers):
    other = Windows(windows.dataset[2:], 5)
    whole, rest = WindowDataset(windows), WindowDataset(other)
    left, right = random_split(whole, [0.5, 0.5], torch.Generator().manual_seed(1))
    for dataset, expected in (
        (whole, [whole]), (Subset(whole, [3, 9, 1]), None), (left, None),
        (ConcatDataset([whole, rest]), [whole, rest]), (ConcatDataset([left, right]), [whole]),
    ):  # fmt: skip
        loader = DataLoader(dataset, 4, num_workers=workers)
        batches = list(loader)
        assert sum(map(len, batches)) == len(dataset)
        assert all(isinstance(batch, Batch) for batch in batches)
        assert batches[0].obs.shape == (min(4, len(dataset)), 5, 3, 20, 18)
        if expected is not None:
            found = sorted(segment for batch in batches for segment in batch.segment_ids)
            assert found == sorted(s for each in expected for s in drawn(DataLoader(each, 8)))
    one = ConcatDataset([whole, rest])[len(whole) + 2]
    assert torch.equal(one.obs, rest[2].obs)


@pytest.mark.parametrize("workers", [0, 1])
def test_windows_of_other_kinds_are_not_one_batch(windows, workers):
    others = [
        WindowDataset(Windows(windows.dataset, 4)), WindowDataset(windows, "HWC"),
        WindowDataset(Windows(windows.dataset, 5, fields=["frames"])),
    ]  # fmt: skip
    for other in others:
        both = ConcatDataset([WindowDataset(windows), other])
        loader = DataLoader(both, 2, sampler=[0, len(windows)], num_workers=workers)
        # PyTorch makes another error of one in a worker.
        error = RuntimeError if workers else ValueError
        with pytest.raises(error, match="windows: expected those of one kind in a batch"):
            next(iter(loader))


@pytest.mark.filterwarnings("ignore")  # Lightning's own, and its advice
def test_lightning_itself(windows, tmp_path, monkeypatch):
    lightning = pytest.importorskip("pytorch_lightning", reason="Lightning is not installed")
    monkeypatch.chdir(tmp_path)

    class Model(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.weight, self.seen = torch.nn.Parameter(torch.zeros(1)), []

        def training_step(self, batch, index):
            self.seen.append(batch.segment_ids)
            return self.weight.sum()

        def predict_step(self, batch, index):
            self.seen.append(batch.segment_ids)

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    def run(step=None, **options):
        keep = lightning.callbacks.ModelCheckpoint(
            tmp_path / f"from{step}", filename="{step}", every_n_train_steps=5, save_top_k=-1
        )
        trainer = lightning.Trainer(
            accelerator="cpu", logger=False, enable_progress_bar=False,
            enable_model_summary=False, max_epochs=3, callbacks=[keep], **options,
        )  # fmt: skip
        model = Model()
        loader = WindowLoader(windows, 8, UniformSampler(windows, seed=4))
        checkpoint = step and tmp_path / "fromNone" / f"step={step}.ckpt"
        trainer.fit(model, loader, ckpt_path=checkpoint)
        return model.seen, trainer, loader

    whole, trainer, loader = run()
    assert len(whole) == 30
    for step in (5, 10, 25):
        assert run(step)[0] == whole[step:]
    overfit, *_ = run(overfit_batches=2)
    assert overfit[:2] == overfit[2:4] == overfit[4:]
    model = Model()
    trainer.predict(model, loader)
    assert len({segment for batch in model.seen for segment in batch}) == len(windows)
