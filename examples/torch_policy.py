r"""A policy with a neural network, run in batches, on a GPU where there is one.

    build-dataset --out data.zarr --policy examples.torch_policy:make_policy \
        --policy-arg checkpoint=policy.pt --workers 1 --num-envs 64

Run it from the folder that holds `examples`. Without a checkpoint the network
is untrained. `make_policy` is called in each worker, so one worker with many
environments gives the network large batches.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

ACTIONS = 17


class ActorNetwork(nn.Module):
    """The small convolutional network of DQN (Mnih et al., 2015), from a frame to action logits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 32, 8, stride=4), nn.ReLU(),
            nn.Conv2d(32, 64, 4, stride=2), nn.ReLU(),
            nn.Conv2d(64, 64, 3), nn.ReLU(),
            nn.AdaptiveAvgPool2d(4), nn.Flatten(),  # as it is for frames of 64 pixels
            nn.Linear(1024, 512), nn.ReLU(),
            nn.Linear(512, ACTIONS),
        )  # fmt: skip

    def forward(self, frames: Tensor) -> Tensor:
        """Map frames (lanes, 3, height, width), float 0 to 1, to logits (lanes, actions)."""
        logits: Tensor = self.layers(frames)
        return logits


class TorchPolicy:
    """Samples actions from the network, with each episode's own random numbers.

    Parameters
    ----------
    num_envs : int
        Number of lanes.
    checkpoint : str, optional
        File of the network's `state_dict`.
    temperature : float
        Above 1 more random, below 1 less.
    """

    lane_groups = 2
    """Half of the lanes play while the network thinks about the others."""

    def __init__(
        self, num_envs: int, checkpoint: str | None = None, temperature: float = 1.0
    ) -> None:
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        torch.set_num_threads(1)  # the other cores belong to the other workers
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self._network = ActorNetwork()
        if checkpoint is not None:
            self._network.load_state_dict(torch.load(checkpoint, weights_only=True))
        self._network.to(self._device).eval()
        self._temperature = temperature
        self._rngs: list[Any] = [None] * num_envs

    def reset(self, lane: int, rng: np.random.Generator) -> None:
        """Take over a new episode's Generator."""
        self._rngs[lane] = rng

    @torch.inference_mode()
    def act(
        self, frames: NDArray[np.uint8], infos: Mapping[str, Any], lanes: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Sample one action a lane of a group: the largest logit after Gumbel noise."""
        # Near the end of a build most lanes are idle.
        playing = np.flatnonzero(infos["playing"])
        batch = torch.from_numpy(frames[playing]).to(self._device).permute(0, 3, 1, 2).float() / 255
        logits = self._network(batch).double().cpu().numpy() / self._temperature
        rngs = [self._rngs[lane] for lane in lanes[playing]]
        noise = np.stack([rng.gumbel(size=ACTIONS) for rng in rngs])
        chosen = np.zeros(len(lanes), np.int64)
        chosen[playing] = (logits + noise).argmax(1)
        return chosen


make_policy = TorchPolicy
