r"""How far a world model's imagination is from the truth, step by step.

    python -m examples.train_world_model data.zarr --save model.pt
    python -m examples.evaluate_imagination data.zarr model.pt --plot imagination.png

From frames of episodes that it was not trained on, the model of
`train_world_model.py` imagines what comes, seeing only its own frames from then
on: after the recorded actions, and after random ones that nobody took. The truth
of both comes from the game itself, see `Dataset.branch`. To try it in a minute,
train for `--steps 20`, and evaluate with `--starts 16 --horizon 5`. The error is the mean
squared error of frames from -1 to 1, beside that of a frame that stays as it is.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from crafter_dataset import CrafterDatasetError, Dataset, normalize, open_dataset
from examples.train_world_model import CONTEXT, NextFrame

BATCH = 32


def choose_starts(dataset: Dataset, count: int, horizon: int, seed: int) -> NDArray[np.int64]:
    """Draw frames with enough before and after them: episodes and frames, shape (count, 2)."""
    lengths = dataset.episodes["length"]
    room = np.maximum(lengths - horizon - CONTEXT, 0)
    if not room.sum():
        found = f"{lengths.max() - 1}" if len(lengths) else "none that was held out"
        least = horizon + CONTEXT
        raise SystemExit(f"horizon: expected an episode of {least} actions or more, found {found}")
    places = np.random.default_rng(seed).integers(room.sum(), size=count)
    ends = np.cumsum(room)
    episodes = np.searchsorted(ends, places, "right")
    return np.stack([episodes, places - (ends - room)[episodes] + CONTEXT - 1], 1)


def as_tensor(frames: NDArray[np.uint8], device: str) -> Tensor:
    """Turn frames (N, T, H, W, 3) into a tensor (N, T, 3, H, W), -1 to 1."""
    return normalize(torch.from_numpy(frames).movedim(-1, 2).to(device))


def imagine(model: NextFrame, context: Tensor, actions: Tensor) -> Tensor:
    """Let the model go on from frames (N, CONTEXT, 3, H, W): frames (N, horizon, 3, H, W)."""
    frames = list(context.unbind(1))
    for step in range(actions.shape[1]):
        frames.append(model(torch.stack(frames[-CONTEXT:], 1), actions[:, step]).clamp(-1, 1))
    return torch.stack(frames[CONTEXT:], 1)


@torch.inference_mode()
def errors(
    model: NextFrame,
    dataset: Dataset,
    starts: NDArray[np.int64],
    actions: NDArray[np.int64],
    device: str,
) -> NDArray[np.float64]:
    """Return the model's error and that of copying for each step, shape (2, horizon)."""
    total, count = np.zeros((2, actions.shape[1])), np.zeros(actions.shape[1])
    for first in range(0, len(starts), BATCH):
        own, taken = starts[first : first + BATCH], actions[first : first + BATCH]
        true = dataset.branch(own, taken, fields="frames")
        before = np.stack([dataset[e]["frames"][f - CONTEXT + 1 : f + 1] for e, f in own])
        context, following = as_tensor(before, device), as_tensor(true["frames"][:, 1:], device)
        imagined = imagine(model, context, torch.from_numpy(taken).to(device))
        for row, guess in enumerate((imagined, context[:, -1:])):
            wrong = (guess - following).square().mean((2, 3, 4)).cpu().numpy()
            total[row] += (wrong * true["valid"]).sum(0)
        count += true["valid"].sum(0)
    result: NDArray[np.float64] = total / np.maximum(count, 1)
    return result


def plot(path: Path, found: dict[str, NDArray[np.float64]]) -> None:
    """Draw the errors by step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    for number, (name, (ours, copying)) in enumerate(found.items()):
        steps = np.arange(1, len(ours) + 1)
        axes.plot(steps, ours, color=f"C{number}", label=f"{name} actions")
        axes.plot(steps, copying, color=f"C{number}", linestyle=":", label="copying the frame")
    axes.set(xlabel="steps imagined", ylabel="mean squared error", ylim=(0, None))
    axes.legend()
    figure.savefig(path)


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("weights", type=click.Path(path_type=Path, exists=True))
@click.option("--starts", "count", type=click.IntRange(1), default=256, show_default=True)
@click.option("--horizon", type=click.IntRange(1), default=15, show_default=True)
@click.option("--seed", default=0, show_default=True, help="As in training: it splits the data.")
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Where to draw it.")
def main(
    path: Path, weights: Path, count: int, horizon: int, seed: int, picture: Path | None
) -> None:
    """Evaluate the model that WEIGHTS are of on the dataset at PATH."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    _, dataset = open_dataset(path).split(0.9, seed=seed, by_world=True)
    model = NextFrame(len(dataset.metadata.actions)).to(device).eval()
    try:
        model.load_state_dict(torch.load(weights, map_location=device, weights_only=True))
    except Exception as error:  # PyTorch raises many kinds, in many lines
        said = " ".join(str(error).split())[:200]
        raise SystemExit(
            f"{weights}: expected what train_world_model.py --save has written, found {said}"
        ) from None
    starts = choose_starts(dataset, count, horizon, seed)
    recorded = np.stack([dataset[e]["actions"][f : f + horizon] for e, f in starts])
    others = np.random.default_rng(seed).integers(
        len(dataset.metadata.actions), size=(count, horizon)
    )
    found = {
        name: errors(model, dataset, starts, actions, device)
        for name, actions in (("recorded", recorded.astype(np.int64)), ("random", others))
    }
    print("step  " + "  ".join(f"{name:>8}  copying" for name in found))
    for step in range(horizon):
        columns = (f"{ours[step]:8.5f}  {copying[step]:7.5f}" for ours, copying in found.values())
        print(f"{step + 1:>4}  " + "  ".join(columns))
    if picture is not None:
        plot(picture, found)


if __name__ == "__main__":
    try:
        main()
    except CrafterDatasetError as error:
        sys.exit(str(error))
