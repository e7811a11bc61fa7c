"""Variables and configuration files of libraries, which a user has set for other reasons."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import h5py
import matplotlib
import pytest

from crafter_dataset.builder.convert import convert
from crafter_dataset.schemas.hdf5_file import Hdf5File
from crafter_dataset.viewer.plot import plot
from tests.containers.test_remote import zipped

REPLAY = "--engine", "crafter", "--area", "8x8", "--episodes", 1, "--length", 5, "--workers", 0


@pytest.fixture
def data(small_path, tmp_path):
    shutil.copytree(small_path, tmp_path / "d")
    return tmp_path / "d"


@pytest.fixture
def zip_file(data, tmp_path):
    """Return a dataset that is read through zarr-python, as folders of ours are not."""
    return zipped(data, tmp_path / "d.zip")


@pytest.fixture
def hdf5(small_path, tmp_path):
    """Return a dataset that is read through h5py, as files of ours alone are not."""
    convert(small_path, tmp_path / "d.h5")
    with h5py.File(tmp_path / "d.h5", "a") as file:
        file.attrs["mine"] = 1
    with Hdf5File(tmp_path / "d.h5") as stored:
        assert not stored.is_own
    return tmp_path / "d.h5"


@pytest.mark.parametrize("level", ["1", "2"])
def test_python_without_asserts(zip_file, command, level):
    """zarr-python takes an entry out of a group's document inside one."""
    done = command("validate-dataset", zip_file, "--deep", PYTHONOPTIMIZE=level)
    one_line(done, 0, "read through zarr-python")


@pytest.mark.parametrize("name", ["HDF5_DRIVER", "HDF5_VOL_CONNECTOR", "HDF5_PLUGIN_PATH"])
def test_plugins_of_hdf5_that_are_not_there(hdf5, command, name):
    """Its library would die as it is loaded."""
    done = command("validate-dataset", hdf5, "--deep", **{name: "nowhere"})
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONWARNINGS": "error"},
        {"TMPDIR": "/nonexistent"},
        {"OMP_NUM_THREADS": "many", "OPENBLAS_NUM_THREADS": "many"},
        {"BLOSC_COMPRESSOR": "none", "BLOSC_NTHREADS": "0"},
        {"ZARR_DEFAULT_ZARR_FORMAT": "2"},
        {"NUMBA_DISABLE_JIT": "1", "NUMBA_NUM_THREADS": "many"},
    ],
    ids=" ".join,
)
def test_what_does_not_matter(data, command, variables):
    done = command("build-dataset", "--out", "b", *REPLAY, "--quiet", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    done = command("validate-dataset", data, "--deep", **variables)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def one_line(done, code, *parts):
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    for part in parts:
        assert part in line


def test_settings_that_numba_does_not_take(command, tmp_path):
    build = "build-dataset", "--out", "b", *REPLAY, "--quiet"
    one_line(command(*build, NUMBA_NUM_THREADS="0"), 2, "must be > 0", "unset NUMBA_NUM_THREADS")
    (tmp_path / ".numba_config.yaml").write_text("[1, 2")
    one_line(command(*build), 2, "expected settings that numba takes", ".numba_config.yaml")


def test_settings_that_zarr_does_not_take(data, zip_file, command, tmp_path):
    done = command("validate-dataset", data, ZARR_CONFIG="/nowhere", ZARR_BUFFER="no.such.Buffer")
    assert (done.returncode, done.stderr) == (0, "")  # a folder of ours is read without it
    (tmp_path / "zarr.yaml").write_text("zarr: [")
    done = command("validate-dataset", zip_file, ZARR_CONFIG=str(tmp_path))
    one_line(done, 1, "expected settings that it takes", "zarr.yaml", "unset ZARR_CONFIG")
    done = command("validate-dataset", zip_file, ZARR_BUFFER="no.such.Buffer")
    one_line(done, 1, "no.such.Buffer", "unset ZARR_BUFFER")


def test_a_backend_that_matplotlib_does_not_have(data, command):
    done = command("plot-dataset", data, "--out", "p", MPLBACKEND="bogus")
    one_line(done, 1, "MPLBACKEND", "'bogus' is not a valid value")


def test_a_users_style_does_not_change_plots(small_path, tmp_path):
    plot(small_path, tmp_path / "plain", progress=False)
    with matplotlib.rc_context({"text.usetex": True, "font.size": 40, "savefig.dpi": 30}):
        plot(small_path, tmp_path / "styled", progress=False)
        assert matplotlib.rcParams["font.size"] == 40
    for path in (tmp_path / "plain").glob("*.png"):
        assert path.read_bytes() == (tmp_path / "styled" / path.name).read_bytes()


def test_variables_are_there_again():
    code = (
        "import os, crafter_dataset.schemas.hdf5_file\n"
        "print(os.environ['HDF5_DRIVER'], os.environ['HDF5_VOL_CONNECTOR'])"
    )
    env = {**os.environ, "HDF5_DRIVER": "a", "HDF5_VOL_CONNECTOR": "b"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == "a b\n"
