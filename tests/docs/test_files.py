"""What stands beside the code says what is so: paths, versions, contents."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import crafter_dataset
from tests.test_imports import ROOMS

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
LAYERS = [
    room.removeprefix("crafter_dataset.")
    for layer in PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    for room in layer.split(" | ")
]


def test_the_paths_that_contributing_names_are_there():
    """Below a room, relative to the room whose row it is."""
    named = 0
    for line in CONTRIBUTING.splitlines():
        room = re.match(r"\| `(\w+)/`", line)
        for path in re.findall(r"`([\w./]+/|[\w./]+\.(?:py|md|toml)|\.ci/\w+)`", line):
            folders = [ROOT, ROOT / room[1]] if room else [ROOT]
            assert any((folder / path).exists() for folder in folders), path
            named += 1
    assert named > 30


def test_contributing_names_every_room_in_the_order_of_the_contract():
    rooms = re.findall(r"^\| `(\w+)/`", CONTRIBUTING, re.M)
    assert rooms == LAYERS
    assert set(rooms) == set(ROOMS)


def test_names_of_code_in_contributing_are_in_the_code():
    assert "def compile_entry(" in (ROOT / "engine/compiled/jit.py").read_text()
    assert "class State" in (ROOT / "viewer/state.py").read_text()


def test_the_version_is_in_one_place():
    version = PYPROJECT["project"]["version"]
    assert crafter_dataset.__version__ == version
    for path in (ROOT / "CITATION.cff", *(ROOT / "src/crafter_dataset").glob("*.py")):
        assert version not in path.read_text(), path


def test_the_changelog_begins_with_this_version():
    log = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## ([\d.]+)", log, re.M)
    assert versions[0] == PYPROJECT["project"]["version"]
    numbers = [tuple(map(int, version.split("."))) for version in versions]
    assert all(newer > older for newer, older in pairwise(numbers))


def test_the_extra_for_everything_has_every_extra_of_users():
    extras = PYPROJECT["project"]["optional-dependencies"]
    named = re.search(r"\[(.*)\]", extras["all"][0])[1].split(",")
    assert set(named) == set(extras) - {"all", "docs", "benchmarks", "dev"}
