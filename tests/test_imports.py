"""What importing a package may load, and who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {
    "torch",
    "pygame",
    "matplotlib",
    "av",
    "numba",
    "crafter",
    "h5py",
    "opensimplex",
    "gymnasium",
    "zarr",
}


@pytest.mark.parametrize("package", ["schemas", "loader", "viewer"])
def test_light_packages_load_nothing_heavy(package):
    code = f"import sys, {package}; print(*(m.partition('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert package in loaded
    assert not HEAVY & set(loaded)
    assert "builder" not in loaded


@pytest.mark.parametrize("command", ["builder.commands.build", "builder.commands.validate",
                                     "builder.commands.convert", "builder.commands.merge",
                                     "builder.commands.split", "loader.commands.inspect",
                                     "viewer.commands.view", "viewer.commands.plot"])  # fmt: skip
def test_help_does_not_wait_for_the_simulator(command):
    code = f"import sys, {command}; print(*(m.partition('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "numba", "crafter", "opensimplex", "pygame", "matplotlib"} & set(loaded)


def test_a_build_with_the_fast_engine_imports_neither_gymnasium_nor_the_simulator(tmp_path):
    """Each worker process would wait for them."""
    code = (
        "import sys; from builder.build import build; from builder.settings import Target; "
        f"build({str(tmp_path / 'd')!r}, target=Target(frames=1), workers=0); "
        "print(*(m.partition('.')[0] for m in sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"gymnasium", "crafter", "numba", "opensimplex", "PIL", "h5py"} & set(loaded)


@pytest.mark.parametrize("order", [
    "builder, gymnasium",
    "gymnasium, builder",
    "builder, importlib.util; importlib.util.find_spec('gymnasium'); import gymnasium",
])  # fmt: skip
def test_gymnasium_knows_the_environment(order):
    code = f"import {order}; print(gymnasium.spec('crafter-dataset/Crafter-v1').entry_point)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "builder.envs.single:CrafterEnv"


def imports_of(path: Path, top_level_only: bool) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    names = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize(
    ("package", "forbidden"),
    [
        ("schemas", {"builder", "loader", "viewer"}),
        ("loader", {"builder", "viewer"}),
        ("viewer", {"builder"}),
    ],
)
def test_packages_keep_to_their_side(package, forbidden):
    for path in (ROOT / package).rglob("*.py"):
        assert not imports_of(path, top_level_only=False) & forbidden, path


def test_builder_imports_the_loader_only_inside_commands():
    for path in (ROOT / "builder").rglob("*.py"):
        found = imports_of(path, top_level_only=path.parent.name == "commands")
        assert not found & {"loader", "viewer"}, path
