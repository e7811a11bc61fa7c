"""What importing the package may load, and that there is one copy of it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import crafter_dataset

ROOT = Path(__file__).parent.parent
ROOMS = ("schemas", "engine", "envs", "loader", "builder", "viewer", "commands")
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
    "pandas",
}


def loaded_by(code: str) -> set[str]:
    """Name the top-level modules that a program has loaded at its end."""
    code += "; import sys; print(*(m.partition('.')[0] for m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize("room", ["", ".schemas", ".loader", ".viewer"])
def test_the_package_and_its_light_rooms_load_nothing_heavy(room):
    loaded = loaded_by(f"import crafter_dataset{room}")
    assert "crafter_dataset" in loaded
    assert not HEAVY & loaded


def test_the_package_itself_loads_not_even_numpy():
    assert not {"numpy", "click"} & loaded_by("import crafter_dataset")


@pytest.mark.parametrize(
    "command", ["build", "validate", "convert", "merge", "split", "inspect", "view", "plot"]
)
def test_help_does_not_wait_for_the_simulator(command):
    loaded = loaded_by(f"import crafter_dataset.commands.{command}")
    heavy = {"torch", "numba", "crafter", "opensimplex", "pygame", "matplotlib", "gymnasium"}
    assert not heavy & loaded


def test_a_build_with_the_fast_engine_imports_neither_gymnasium_nor_the_simulator(tmp_path):
    """Each worker process would wait for them."""
    loaded = loaded_by(
        f"import crafter_dataset; crafter_dataset.build({str(tmp_path / 'd')!r}, frames=1, "
        "workers=0)"
    )
    assert not {"gymnasium", "crafter", "numba", "opensimplex", "PIL", "h5py"} & loaded


def test_branches_of_a_dataset_import_neither_gymnasium_nor_the_simulator(dataset_path):
    loaded = loaded_by(
        f"import crafter_dataset; data = crafter_dataset.open_dataset({str(dataset_path)!r}); "
        "data.branch([(0, 3)], [[1]]); data.state_at(0, 3).to_bytes()"
    )
    assert not {"gymnasium", "crafter", "numba", "opensimplex", "PIL", "h5py"} & loaded


def test_a_conversion_between_containers_imports_neither_the_compiler_nor_the_simulator(
    dataset_path, tmp_path
):
    loaded = loaded_by(
        f"import crafter_dataset; crafter_dataset.convert({str(dataset_path)!r}, "
        f"{str(tmp_path / 'd.zarr')!r}, episodes='0'); crafter_dataset.StoppedError"
    )
    assert not {"gymnasium", "crafter", "numba", "llvmlite", "opensimplex", "PIL"} & loaded


def test_all_names_can_be_taken_where_pytorch_is_not_installed():
    hidden = (
        "import importlib.util, sys; find = importlib.util.find_spec; "
        "importlib.util.find_spec = lambda name: None if name == 'torch' else find(name); "
    )
    assert "numpy" in loaded_by(
        hidden + "from crafter_dataset import *; build, Windows; import crafter_dataset, inspect; "
        "assert 'WindowLoader' not in dir(crafter_dataset); inspect.getmembers(crafter_dataset)"
    ) - {"torch"}


@pytest.mark.parametrize("code", [
    "import crafter_dataset, gymnasium; crafter_dataset.ENV_ID",
    "import gymnasium, crafter_dataset; crafter_dataset.CrafterEnv",
    "import crafter_dataset.envs, gymnasium",
    "import gymnasium; gymnasium.make('crafter_dataset.envs:crafter-dataset/Crafter-v1')",
])  # fmt: skip
def test_gymnasium_knows_the_environment(code):
    code += "; print(gymnasium.spec('crafter-dataset/Crafter-v1').entry_point)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "crafter_dataset.envs.single:CrafterEnv"


def test_public_names_are_there_and_declared_for_type_checkers():
    for name in crafter_dataset.__all__:
        assert getattr(crafter_dataset, name) is not None
    tree = ast.parse(Path(crafter_dataset.__file__).read_text())
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    declared = {
        alias.asname: f"{node.module}".removeprefix("crafter_dataset.")
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert declared == crafter_dataset._HOME_OF
    assert set(crafter_dataset.__all__) <= set(dir(crafter_dataset))


def test_a_name_that_there_is_not_is_refused():
    with pytest.raises(AttributeError, match="has no attribute 'bild'"):
        crafter_dataset.bild  # noqa: B018


def test_the_rooms_are_the_packages_own_and_nothing_else_is_installed():
    package = ROOT / "src" / "crafter_dataset"
    links = {path.name for path in package.iterdir() if path.is_symlink()}
    assert links == set(ROOMS)
    for room in ROOMS:
        assert (package / room).resolve() == (ROOT / room).resolve()
    assert {path.name for path in package.parent.iterdir() if path.is_dir()} - {
        "crafter_dataset.egg-info"
    } == {"crafter_dataset"}


def test_nobody_imports_a_room_by_its_folder():
    """From the repository's root that would be a second copy of it."""
    for path in (p for folder in (*ROOMS, "tests", "benchmarks", "examples", "src")
                 for p in (ROOT / folder).rglob("*.py")):  # fmt: skip
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not {name.partition(".")[0] for name in names} & set(ROOMS), path


def test_the_tests_have_loaded_no_second_copy():
    assert not set(ROOMS) & set(sys.modules)
