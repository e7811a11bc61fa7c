"""What is installed: one package, and its types for the scripts of users."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parent.parent
SCRIPT = '''
"""Builds, loads and trains, as a user would write it."""

from pathlib import Path

import numpy as np

from crafter_dataset import (
    Batch,
    CrafterVectorEnv,
    DiamondSampler,
    Progress,
    WindowLoader,
    Windows,
    build,
    convert,
    normalize,
    open_dataset,
    summarize,
    validate,
)


def show(progress: Progress) -> None:
    print(f"{progress.fraction:.0%}, {progress.seconds_left}")


def train(folder: Path) -> float:
    dataset = build(folder / "data.zarr", frames=1000, policy="random", progress=show)
    good = open_dataset(folder / "data.zarr").filter("return >= 1 and length > 16")
    windows = Windows(good, 16)
    loader = WindowLoader(windows, 8, DiamondSampler(windows, seed=1), num_workers=2)
    total = 0.0
    batch: Batch
    for batch in loader:
        batch = batch.to("cpu")
        total += float(normalize(batch.obs, mask=batch.mask_padding).mean())
    episode = dataset[0]
    frames: np.ndarray = episode["frames"][3:8]
    assert len(episode) >= len(frames)
    convert(good, folder / "good.h5")
    if not validate(folder / "good.h5", deep=True):
        raise SystemExit(1)
    return total + (summarize(good).score or 0.0)


env = CrafterVectorEnv(4)
print(train(Path("here")), env.num_envs)
'''
WRONG = SCRIPT + '\nbuild(3.5, frames="many")\n'


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, made from a source distribution of the files that git knows."""
    pytest.importorskip("build")
    pytest.importorskip("setuptools", "77")
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    for name in filter(None, files):
        if (ROOT / name).exists() or (ROOT / name).is_symlink():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, source / name, follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)],
        capture_output=True, check=True,
    )  # fmt: skip
    [wheel], [source] = out.glob("*.whl"), out.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {
        "src/crafter_dataset/loader/dataset.py",
        "src/crafter_dataset/py.typed",
        "LICENSE",
    } <= names
    return wheel


def test_a_wheel_holds_one_package(wheel):
    with ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"crafter_dataset"}
    modules = {
        str(path.relative_to(ROOT)).removeprefix("src/crafter_dataset/")
        for room in (ROOT / "src/crafter_dataset").iterdir()
        for path in ([room] if room.is_file() else (ROOT / room.name).rglob("*"))
        if path.suffix in {".py", ".typed"}
    }
    inside = {name.partition("/")[2] for name in names if name.startswith("crafter_dataset/")}
    assert inside == modules


@pytest.mark.slow
@pytest.mark.parametrize("installed", ["wheel", "editable"])
def test_types_of_a_users_script(wheel, tmp_path, installed):
    python = sys.executable
    if installed == "wheel":
        venv.create(tmp_path / "venv", with_pip=False)
        python = str(tmp_path / "venv" / "bin" / "python")
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        packages = tmp_path / "venv" / "lib" / version / "site-packages"
        with ZipFile(wheel) as archive:
            archive.extractall(packages)
        (packages / "others.pth").write_text(sysconfig.get_path("purelib"))
    for text, code in ((SCRIPT, 0), (WRONG, 1)):
        (tmp_path / "script.py").write_text(text)
        done = subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--python-executable", python, "script.py"],
            cwd=tmp_path, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        assert ('"build" has incompatible type "float"' in done.stdout) is bool(code)
