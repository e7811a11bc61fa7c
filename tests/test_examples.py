"""The examples run, as their docstrings say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.loader import open_dataset
from tests.building import build
from tests.conftest import SMALL_WORLD


def test_torch_policy(tmp_path):
    torch = pytest.importorskip("torch")
    from examples.torch_policy import ActorNetwork

    network = ActorNetwork()
    torch.nn.init.zeros_(network.layers[-1].weight)
    with torch.no_grad():
        network.layers[-1].bias.copy_(torch.tensor([0.0] * 15 + [100.0, 0.0]))
    checkpoint = tmp_path / "policy.pt"
    torch.save(network.state_dict(), checkpoint)
    settings = BuildSettings(
        policy="examples.torch_policy:make_policy",
        policy_args={"checkpoint": str(checkpoint)},
        **SMALL_WORLD,
    )
    build(tmp_path / "d", settings, Target(episodes=4), workers=1, num_envs=4)
    dataset = open_dataset(tmp_path / "d")
    assert {a for e in dataset for a in e["actions"][:-1].tolist()} == {15}
    assert dataset.metadata.policy.parameters["temperature"] == 1.0


def test_untrained_torch_policy_is_reproducible(tmp_path):
    pytest.importorskip("torch")
    settings = BuildSettings(policy="examples.torch_policy:make_policy", **SMALL_WORLD)
    digests = {
        build(tmp_path / name, settings, Target(episodes=4), workers=1, num_envs=2).metadata.digest
        for name in "ab"
    }
    assert len(digests) == 1
    actions = {a for e in open_dataset(tmp_path / "a") for a in e["actions"][:-1].tolist()}
    assert len(actions) > 10


def train(path, *options):
    script = Path(__file__).parent.parent / "examples" / "train_world_model.py"
    return subprocess.run(
        [sys.executable, str(script), str(path), *options], capture_output=True, text=True
    )


def test_world_model_runs(dataset_path, tmp_path):
    pytest.importorskip("torch")
    weights = tmp_path / "model.pt"
    done = train(dataset_path, "--steps", "2", "--batch-size", "2", "--length", "3",
                 "--save", str(weights))  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert weights.exists()
    assert done.stdout.count("validation: loss") == 2
    assert "of the time waiting for data" in done.stdout
    wrong = train(tmp_path / "none")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.count("\n") == 1


def test_imagination_is_evaluated(dataset_path, tmp_path):
    torch = pytest.importorskip("torch")
    from examples.evaluate_imagination import choose_starts, main
    from examples.train_world_model import NextFrame

    weights, picture = tmp_path / "model.pt", tmp_path / "imagination.png"
    torch.save(NextFrame(17).state_dict(), weights)
    few = ["--starts", "5", "--horizon", "3", "--plot", str(picture)]
    done = CliRunner().invoke(main, [str(dataset_path), str(weights), *few])
    assert done.exit_code == 0, done.output
    rows = [list(map(float, line.split())) for line in done.output.splitlines()[1:]]
    assert [row[0] for row in rows] == [1, 2, 3]
    _, held_out = open_dataset(dataset_path).split(0.9, seed=0, by_world=True)
    starts = choose_starts(held_out, 5, 3, 0)
    for step, *columns in rows:
        # Untrained, it copies; after recorded actions the truth is what was recorded.
        assert columns[0] == columns[1]
        assert columns[2] == columns[3] > 0
        frames = [held_out[e]["frames"] for e, _ in starts]
        wrong = [own[f] - own[f + int(step)].astype(float)
                 for own, (_, f) in zip(frames, starts, strict=True)]  # fmt: skip
        assert columns[1] == pytest.approx(np.square(np.array(wrong) / 127.5).mean(), abs=2e-5)
    assert picture.stat().st_size > 1000
    done = CliRunner().invoke(main, [str(dataset_path), str(weights), "--horizon", "9999"])
    assert done.exit_code == 1
    assert done.output.startswith("horizon: expected an episode of 10001 actions or more, found")
    weights.write_bytes(b"no weights")
    done = CliRunner().invoke(main, [str(dataset_path), str(weights)])
    assert done.exit_code == 1
    assert re.fullmatch(r".*model.pt: expected what train_world_model.py .*\n", done.output)


def test_imagination_needs_episodes_that_are_held_out(tmp_path):
    pytest.importorskip("torch")
    from examples.evaluate_imagination import choose_starts

    settings = BuildSettings(trajectories_per_world=2, **SMALL_WORLD)
    build(tmp_path / "d", settings, Target(episodes=2), workers=0)
    _, held_out = open_dataset(tmp_path / "d").split(0.9, by_world=True)
    with pytest.raises(SystemExit, match=r"^horizon: expected .*, found none that was held out"):
        choose_starts(held_out, 4, 3, 0)


@pytest.mark.slow
def test_world_model_learns_more_than_copying(tmp_path):
    build(tmp_path / "d", BuildSettings(seed=3), Target(frames=20_000), workers=0)
    done = train(tmp_path / "d", "--steps", "500")
    assert done.returncode == 0, done.stderr
    before, after = re.findall(r"loss ([.\d]+), copying the last frame ([.\d]+)", done.stdout)
    assert before[0] == before[1] == after[1]
    assert float(after[0]) < 0.9 * float(after[1])
