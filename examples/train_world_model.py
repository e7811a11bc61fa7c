r"""A small world model: the next frame from two frames and an action.

    build-dataset --out data.zarr --frames 50000
    python -m examples.train_world_model data.zarr

A convolutional encoder and decoder, told the action, predicts what changes.
Before it has learned anything it predicts that nothing does, so its loss
begins at that of copying the last frame, and falls below it. Episodes are
split by world: no map of the validation was trained on. It runs on a GPU
where there is one; the 800 steps take 4 minutes on two free cores (3.8 steps a
second) and 20 on busy ones (0.6 to 0.8). The loss is the mean squared error of frames from -1 to 1.
With `--save model.pt` it can be evaluated, see `evaluate_imagination.py`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import torch
from torch import Tensor, nn

from crafter_dataset import (
    Batch,
    CrafterDatasetError,
    SequentialSampler,
    UniformSampler,
    WindowLoader,
    Windows,
    normalize,
    open_dataset,
)

CONTEXT = 2


class NextFrame(nn.Module):
    """Predicts the next frame from the last ones and the action.

    Parameters
    ----------
    actions : int
        Number of actions.
    width : int
        Channels of the first layer.
    """

    def __init__(self, actions: int, width: int = 40) -> None:
        super().__init__()
        self.encode1 = nn.Conv2d(3 * CONTEXT, width, 4, stride=2, padding=1)
        self.encode2 = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.action = nn.Embedding(actions, 4 * width)
        self.between = nn.ModuleList(
            nn.Conv2d(2 * width, 2 * width, 3, padding=1) for _ in range(3)
        )
        self.decode1 = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.decode2 = nn.ConvTranspose2d(2 * width, 3, 4, stride=2, padding=1)
        for parameter in self.decode2.parameters():
            nn.init.zeros_(parameter)

    def forward(self, frames: Tensor, actions: Tensor) -> Tensor:
        """Map frames (N, CONTEXT, 3, H, W), -1 to 1, and actions (N,) to frames (N, 3, H, W)."""
        fine = self.encode1(frames.flatten(1, 2)).relu()
        coarse = self.encode2(fine).relu()
        scale, shift = self.action(actions)[:, :, None, None].chunk(2, 1)
        for layer in self.between:
            coarse = coarse + layer(coarse * (1 + scale) + shift).relu()
        fine = torch.cat([self.decode1(coarse).relu(), fine], 1)
        predicted: Tensor = frames[:, -1] + self.decode2(fine)
        return predicted


def examples(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    """Take windows of L transitions apart: frames, actions and next frames of all steps."""
    frames = normalize(batch.obs)
    steps = frames.unfold(1, CONTEXT + 1, 1).movedim(-1, 2)  # (B, steps, CONTEXT + 1, 3, H, W)
    actions = batch.act[:, CONTEXT - 1 :]
    return (
        steps[:, :, :CONTEXT].flatten(0, 1),
        actions.flatten(),
        steps[:, :, CONTEXT].flatten(0, 1),
    )


def report(model: nn.Module, loader: WindowLoader, device: str) -> None:
    """Print the loss of the model, and of copying the last frame, over all windows."""
    ours = copying = count = 0.0
    model.eval()
    with torch.inference_mode():
        for batch in loader:
            frames, actions, following = examples(batch.to(device))
            ours += nn.functional.mse_loss(
                model(frames, actions), following, reduction="sum"
            ).item()
            copying += nn.functional.mse_loss(frames[:, -1], following, reduction="sum").item()
            count += following.numel()
    model.train()
    print(f"validation: loss {ours / count:.5f}, copying the last frame {copying / count:.5f}")


def endless(loader: WindowLoader) -> Iterator[Batch]:
    """Epoch after epoch."""
    while True:
        yield from loader


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--steps", default=800, show_default=True, help="Batches to train on.")
@click.option("--batch-size", default=8, show_default=True)
@click.option(
    "--length",
    type=click.IntRange(CONTEXT),
    default=8,
    show_default=True,
    help="Transitions in a window.",
)
@click.option("--workers", default=0, show_default=True, help="Processes that load data.")
@click.option("--seed", default=0, show_default=True)
@click.option("--save", type=click.Path(path_type=Path), help="Where to write the weights.")
def main(
    path: Path,
    steps: int,
    batch_size: int,
    length: int,
    workers: int,
    seed: int,
    save: Path | None,
) -> None:
    """Train on the dataset at PATH."""
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train, test = open_dataset(path).split(0.9, seed=seed, by_world=True)
    windows = Windows(train, length, next_frame=True, fields=["frames", "actions"])
    held_out = Windows(test, length, stride=8 * length, next_frame=True, fields=windows.fields)
    loader = WindowLoader(
        windows,
        batch_size,
        UniformSampler(windows, seed=seed),
        num_workers=workers,
        pin_memory=device == "cuda",
        drop_last=True,
    )
    validation = WindowLoader(held_out, batch_size, SequentialSampler(held_out))

    model = NextFrame(len(train.metadata.actions)).to(device)
    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{size:,} parameters on {device}; {len(windows):,} windows, {len(held_out)} held out")
    report(model, validation, device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    batches, waited, begun = endless(loader), 0.0, time.perf_counter()
    recent: list[float] = []
    for step in range(steps):
        asked = time.perf_counter()
        batch = next(batches)
        waited += time.perf_counter() - asked
        frames, actions, following = examples(batch.to(device))
        loss = nn.functional.mse_loss(model(frames, actions), following)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        recent.append(loss.item())
        if (step + 1) % max(steps // 10, 1) == 0:
            spent = time.perf_counter() - begun
            print(
                f"step {step + 1:>6}  loss {sum(recent) / len(recent):.5f}  "
                f"{(step + 1) / spent:5.1f} steps/s  "
                f"{waited / spent:.1%} of the time waiting for data"
            )
            recent.clear()
    report(model, validation, device)
    if save is not None:
        torch.save(model.state_dict(), save)


if __name__ == "__main__":
    try:
        main()
    except CrafterDatasetError as error:
        sys.exit(str(error))
