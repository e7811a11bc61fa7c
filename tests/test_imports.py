"""What importing a package may load."""

from __future__ import annotations

import subprocess
import sys

import pytest

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
    code = (
        f"import sys, crafter_dataset.{package}; print(*(m.partition('.')[0] for m in sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert "crafter_dataset" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize(
    "command", ["build", "validate", "convert", "merge", "split", "inspect", "view", "plot"]
)
def test_help_does_not_wait_for_the_simulator(command):
    code = f"import sys, crafter_dataset.commands.{command}; "
    code += "print(*(m.partition('.')[0] for m in sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "numba", "crafter", "opensimplex", "pygame", "matplotlib"} & set(loaded)


def test_a_build_with_the_fast_engine_imports_neither_gymnasium_nor_the_simulator(tmp_path):
    """Each worker process would wait for them."""
    code = (
        "import sys; from crafter_dataset.builder.build import build; "
        "from crafter_dataset.builder.settings import Target; "
        f"build({str(tmp_path / 'd')!r}, target=Target(frames=1), workers=0); "
        "print(*(m.partition('.')[0] for m in sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"gymnasium", "crafter", "numba", "opensimplex", "PIL", "h5py"} & set(loaded)


@pytest.mark.parametrize("order", [
    "crafter_dataset.builder, gymnasium",
    "gymnasium, crafter_dataset.builder",
    "importlib.util, crafter_dataset.builder; importlib.util.find_spec('gymnasium'); "
    "import gymnasium",
])  # fmt: skip
def test_gymnasium_knows_the_environment(order):
    code = f"import {order}; print(gymnasium.spec('crafter-dataset/Crafter-v1').entry_point)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "crafter_dataset.envs.single:CrafterEnv"
