"""The README's steps in a container as CI has it, made of namespaces.

No home, packages that cannot be written, a user whom the system does not know,
64 MB of /dev/shm or less, no terminal.
"""

from __future__ import annotations

import os
import shlex
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import crafter_dataset
from crafter_dataset.engine.compiled.cache import where
from crafter_dataset.engine.fast.code import ENGINE
from tests.other_users import STRANGER, as_user

TRAIN = """
from crafter_dataset import WindowLoader, Windows, normalize, open_dataset

if __name__ == "__main__":
    train, test = open_dataset("data.zarr").split(0.9, by_world=True)
    windows = Windows(train, length=16, next_frame=True)
    for batch in WindowLoader(windows, batch_size=8, num_workers=WORKERS):
        print(normalize(batch.to("cpu").obs).shape)
        break
"""
PACKAGES = [*map(Path, site.getsitepackages()), Path(crafter_dataset.__file__).parents[2]]


class Container:
    """Runs commands as an unknown user, where `mounts` were done.

    Parameters
    ----------
    folder : Path
        The only one that can be written to, beside /tmp.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        cache = where(ENGINE)[0]
        # As in an image: compiled by root, for all to read.
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin",
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
            "NUMBA_CACHE_DIR": str(cache.parent if cache else ""),
        }

    def __call__(self, *words: object, shm: str = "size=64m", **env: str) -> str:
        """Run a command, and return its output; it must say nothing on standard error."""
        done = self.run(*words, shm=shm, **env)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    def run(
        self, *words: object, shm: str = "size=64m", **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a command, whatever comes of it."""
        mounts = [f"mount -t tmpfs -o {shm} none /dev/shm"]
        for folder in map(shlex.quote, map(str, PACKAGES)):
            mounts.append(f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}")
        inside = [*as_user(STRANGER), *map(str, words)]
        script = " && ".join([*mounts, f"exec setsid {shlex.join(inside)}"])
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", script],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
            cwd=self.folder, env={**self.env, **env},
        )  # fmt: skip


@pytest.fixture(scope="module")
def container() -> Iterator[Container]:
    """Return a container with the README's first dataset in it, built there."""
    as_user(STRANGER)  # or skip
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    try:
        made = Container(folder)
        if shutil.which("unshare") is None or made.run("true").returncode:
            pytest.skip("namespaces are not allowed here")
        made("build-dataset", "--out", "data.zarr", "--frames", 3000, "--workers", 2, "--quiet")
        yield made
    finally:
        shutil.rmtree(folder)


def test_it_is_as_said(container):
    code = """
import os, pwd, sys
for path in sys.argv[1:]:
    try:
        open(os.path.join(path, "mine"), "w")
    except OSError:
        pass
    else:
        print(path, "can be written")
try:
    pwd.getpwuid(os.geteuid())
except KeyError:
    print(os.environ.get("HOME"), os.isatty(0), os.statvfs("/dev/shm").f_blocks * 4096 // 2**20)
"""
    assert container(sys.executable, "-c", code, *PACKAGES) == "None False 64\n"


@pytest.mark.parametrize("shm", ["size=64m", "size=64k", "ro"])
@pytest.mark.parametrize("engine", ["fast", "crafter"])
def test_build(container, engine, shm):
    options = "--frames", 300, "--length", 60, "--workers", 2, "--engine", engine, "--quiet"
    container("build-dataset", "--out", f"{engine}-{shm}.h5", *options, shm=shm)


def test_screenshot_validation_and_plots(container):
    container("view-dataset", "data.zarr", "--episode", 0, "--frame", 28, "--screenshot", "v.png")
    assert (container.folder / "v.png").read_bytes().startswith(b"\x89PNG")
    container("validate-dataset", "data.zarr", "--deep", "--replay", 1)
    done = container.run("plot-dataset", "data.zarr", "--out", "plots")
    assert done.returncode == 0  # Matplotlib tells that it looks for fonts
    assert "Traceback" not in done.stderr


def test_train(container):
    pytest.importorskip("torch")
    expected = "torch.Size([8, 17, 3, 64, 64])\n"
    for workers, shm in ((0, "ro"), (2, "size=64m")):
        code = TRAIN.replace("WORKERS", str(workers))
        assert container(sys.executable, "-c", code, shm=shm) == expected


@pytest.mark.parametrize("shm", ["size=64k", "ro"])
def test_workers_that_can_share_no_memory_say_what_to_do(container, shm):
    pytest.importorskip("torch")
    done = container.run(sys.executable, "-c", TRAIN.replace("WORKERS", "2"), shm=shm)
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "--shm-size" in line]
    assert "expected room in /dev/shm" in line
    assert "num_workers=0" in line


def test_without_any_cache_but_everybodys_temporary_folder(container):
    """Where nothing was compiled into the image; here for OpenSimplex alone, which is quick."""
    out = "--out", "cold.zarr", "--frames", 60, "--engine", "crafter", "--codec", "zstd:3"
    env = {"NUMBA_CACHE_DIR": "", "TMPDIR": str(container.folder)}
    container("build-dataset", *out, "--workers", 1, "--quiet", **env)
    assert (container.folder / f"crafter-dataset-{STRANGER}").stat().st_uid == STRANGER
