"""File systems without durable folders, shared maps or locks: done without, and nothing is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil

import numpy as np
import pytest

from crafter_dataset.builder.convert import convert
from crafter_dataset.builder.importing.torch_episodes import load_file
from crafter_dataset.builder.storage import files
from crafter_dataset.loader.dataset import open_dataset
from crafter_dataset.loader.reading import stored_file
from crafter_dataset.loader.reading.stored_file import ReadFile, open_stored
from crafter_dataset.loader.validate import validate
from crafter_dataset.loader.windows import Windows
from crafter_dataset.schemas.errors import CorruptDataError

SMALL = "--frames", 300, "--length", 60, "--area", "24x20", "--quiet"


@pytest.mark.parametrize("out", ["d", "d.h5"])
@pytest.mark.parametrize("number", [errno.EINVAL, errno.EBADF, errno.ENOSYS])
def test_folders_that_cannot_be_synced(command, lacking, out, number):
    """CIFS before Linux 4.17, vboxsf, DrvFs."""
    env = {**lacking("fsyncdir"), "SHIM_ERRNO": str(number)}
    done = command("build-dataset", "--out", out, *SMALL, "--workers", 0, **env)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("out", ["d", "d.h5"])
def test_a_disk_that_fails_to_sync_a_folder_is_named(command, lacking, out):
    env = {**lacking("fsyncdir"), "SHIM_ERRNO": str(errno.EIO)}
    done = command("build-dataset", "--out", out, *SMALL, "--workers", 0, **env)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("build-dataset: error: ")
    assert f": {os.strerror(errno.EIO)}" in line


def test_a_folder_that_cannot_be_synced_is_named(tmp_path, monkeypatch):
    def fails(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fails)
    with pytest.raises(OSError, match=str(tmp_path)):
        files.sync_folder(tmp_path)


@pytest.fixture(params=["d.zarr", "d.h5"])
def stored(request, small_path, tmp_path):
    """Copy the small dataset, into each container."""
    path = tmp_path / request.param
    if path.suffix == ".h5":
        convert(small_path, path)
    else:
        shutil.copytree(small_path, path)
    return path


def test_files_that_cannot_be_mapped_shared(stored, command, lacking):
    """FUSE with direct_io."""
    env = {**lacking("mmapfuse"), "SHIM_PATH": str(stored)}
    done = command("validate-dataset", stored, "--deep", **env)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    done = command("inspect-dataset", stored, "--json", **env)
    assert json.loads(done.stdout)


@pytest.fixture
def no_maps(monkeypatch):
    """Let no file be mapped at all."""

    def fails(*args, **kwargs):
        raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))

    monkeypatch.setattr(stored_file.mmap, "mmap", fails)


def test_files_that_cannot_be_mapped_are_read(stored, no_maps, small_path, monkeypatch):
    dataset = open_dataset(stored)
    windows = Windows(dataset, length=5).read([0, 30, 7])
    episode = dataset[3]["frames"][:]
    assert not validate(stored, deep=True).violations
    monkeypatch.undo()
    mapped = open_dataset(small_path)
    np.testing.assert_array_equal(episode, mapped[3]["frames"][:])
    for name, values in Windows(mapped, length=5).read([0, 30, 7]).items():
        np.testing.assert_array_equal(windows[name], values)


def test_a_file_is_the_same_mapped_or_read(tmp_path, no_maps, monkeypatch):
    path = tmp_path / "c.0"
    path.write_bytes(bytes(range(200)))
    with open(path, "rb") as file:
        read = open_stored("c.0", file.fileno(), 0)
        part = open_stored("c.0", file.fileno(), 100)
        monkeypatch.undo()
        mapped = open_stored("c.0", file.fileno(), 0)
    assert isinstance(read, ReadFile)
    assert not isinstance(mapped, ReadFile)
    for start, stop in ((0, 200), (3, 7), (190, 300), (5, 5)):
        np.testing.assert_array_equal(read.read(start, stop), mapped.read(start, stop))
    assert (read.size, part.size, len(part.read(90, 110))) == (200, 100, 10)
    os.truncate(path, 50)
    with pytest.raises(CorruptDataError, match=r"expected 200 bytes in c\.0, found 50"):
        read.read(0, 200)


@pytest.mark.parametrize("size", [0, 5])
def test_an_empty_file_is_refused_read_or_mapped(tmp_path, no_maps, size):
    (tmp_path / "empty").touch()
    with open(tmp_path / "empty", "rb") as file, pytest.raises(ValueError, match="found 0"):
        open_stored("empty", file.fileno(), size)


def test_a_disk_that_fails_names_the_file(tmp_path, no_maps, monkeypatch):
    (tmp_path / "c.0").write_bytes(b"1234")

    def fails(*args):
        raise OSError(errno.EIO, "Input/output error")

    with open(tmp_path / "c.0", "rb") as file:
        read = open_stored("c.0", file.fileno(), 0)
    monkeypatch.setattr(os, "preadv", fails)
    with pytest.raises(CorruptDataError, match=r"expected c\.0 to be readable, found Input/out"):
        read.read(0, 4)


@pytest.mark.parametrize("locking", [None, "TRUE", "BEST_EFFORT"])
def test_minari_where_there_are_no_locks(small_path, command, lacking, locking, tmp_path):
    """Lustre without -o flock, some NFS; HDF5_USE_FILE_LOCKING asks for locks all the same."""
    pytest.importorskip("minari")
    convert(small_path, tmp_path / "m", to="minari", episodes="0:2")
    env = {**lacking("nolock"), "SHIM_ERRNO": str(errno.ENOLCK)}
    if locking:
        env["HDF5_USE_FILE_LOCKING"] = locking
    done = command("convert-dataset", "m", "m.zarr", "--quiet", **env)
    assert (done.returncode, done.stderr) == (0, "")
    done = command("convert-dataset", "m.zarr", "m.h5", "--quiet", **env)
    assert (done.returncode, done.stderr) == (0, "")
    done = command("validate-dataset", "m.h5", "--deep", **env)
    assert (done.returncode, done.stderr) == (0, "")


def test_minari_is_written_where_there_are_no_locks_if_hdf5_is_told(small_path, command, lacking):
    pytest.importorskip("minari")
    env = {**lacking("nolock"), "SHIM_ERRNO": str(errno.ENOLCK)}
    export = "convert-dataset", small_path, "m", "--to", "minari", "--episodes", "0:2", "--quiet"
    done = command(*export, **env)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("HDF5_USE_FILE_LOCKING=FALSE does without locks")
    done = command(*export, **env, HDF5_USE_FILE_LOCKING="FALSE")
    assert (done.returncode, done.stderr) == (0, "")


def test_files_of_pytorch_that_cannot_be_mapped_are_read(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch")
    torch.save({"a": torch.arange(5)}, tmp_path / "a.pt")
    load = torch.load

    def fails(path, mmap, **options):
        if mmap:
            raise RuntimeError("unable to mmap 40 bytes from file <a.pt>: No such device (19)")
        return load(path, mmap=mmap, **options)

    monkeypatch.setattr(torch, "load", fails)
    assert load_file(tmp_path / "a.pt")["a"].tolist() == [0, 1, 2, 3, 4]
