"""What the README shows, works."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.commands.build import command as build_command
from crafter_dataset.commands.convert import command as convert_command
from crafter_dataset.commands.inspect import command as inspect_command
from crafter_dataset.commands.merge import command as merge_command
from crafter_dataset.commands.plot import command as plot_command
from crafter_dataset.commands.split import command as split_command
from crafter_dataset.commands.validate import command as validate_command
from crafter_dataset.commands.view import command as view_command
from tests.copying import cases

README = Path(__file__).parent.parent / "README.md"
COMMANDS = {
    c.name: c
    for c in (
        build_command,
        validate_command,
        inspect_command,
        view_command,
        plot_command,
        convert_command,
        merge_command,
        split_command,
    )
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README.read_text(), flags=re.S | re.M)


def test_python_blocks_run(dataset_path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data.zarr").symlink_to(dataset_path)
    cases.copy([cases.part(dataset_path)], tmp_path / "data.h5", "gzip:1")
    names: dict[str, object] = {}
    assert len(blocks("python")) == 7
    for block in blocks("python"):
        exec(compile(block, str(README), "exec"), names)
    assert names["clip"].shape == (16, 64, 64, 3)
    assert names["actions"].shape == (8, 16)
    assert names["frames"].shape[0] == names["length"]
    policy = names["Explorer"](2)
    assert policy.act(None, None).tolist() == [0, 0]
    plan = names["wanderer"](2).plan(np.random.default_rng(0))
    assert set(np.concatenate([next(plan) for _ in range(200)]).tolist()) == {0, 1, 2, 3, 4}


def command_lines():
    for block in blocks("bash"):
        for line in block.splitlines():
            for part in line.partition("#")[0].split("&&"):
                words = shlex.split(part)
                if words and words[0] in COMMANDS:
                    yield shlex.join(words)


@pytest.mark.parametrize("line", list(command_lines()))
def test_command_lines_are_understood(line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "settings.toml").write_text("seed = 1\n")
    name, *arguments = shlex.split(line)
    COMMANDS[name].make_context(name, arguments)


def test_there_are_command_lines():
    assert len(list(command_lines())) >= 10


def test_the_policy_of_the_readme_builds_a_dataset(command, tmp_path):
    block = next(b for b in blocks("python") if "class Explorer" in b)
    (tmp_path / "explorer.py").write_text(block)
    line = next(line for line in command_lines() if "explorer:Explorer" in line)
    done = command(*shlex.split(line), "--frames", 50, "--area", 24, "--workers", 1)
    assert done.returncode == 0, done.stderr


def test_the_configuration_file_is_understood(tmp_path):
    (tmp_path / "settings.toml").write_text(blocks("toml")[0])
    arguments = ["--out", "d", "--config", str(tmp_path / "settings.toml")]
    context = build_command.make_context("build-dataset", arguments)
    assert context.params["frames"] == 200_000
    assert context.params["size"] == (96, 96)
    assert context.params["policy_args"] == (("walk", 0.8),)


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README.read_text()):
        if not target.startswith("http"):
            assert (README.parent / target).exists(), target
