"""Where compiled code is kept, whose is trusted, and what happens where it can be kept nowhere."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from crafter_dataset.builder.zstd.code import ENCODER
from crafter_dataset.engine.compiled import cache, native, places, tidying
from crafter_dataset.engine.compiled.compiling import Needed, _describe, compile_missing
from crafter_dataset.engine.compiled.native import Entry
from tests.other_users import COLLEAGUE, GROUP, STRANGER, needs_root, run_as

NAME = tidying.PREFIX + ENCODER.fingerprint()
KEEP = """
from crafter_dataset.builder.zstd.code import ENCODER
from crafter_dataset.engine.compiled import cache
print(cache.kept(ENCODER, "a", lambda: b"made anew").decode(), cache.where(ENCODER)[0])
"""


@pytest.fixture
def base():
    """Return a folder that others can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def given(base, monkeypatch):
    """Return the folder that NUMBA_CACHE_DIR names, with no temporary one beside it."""
    path = base / "cache"
    path.mkdir(0o755)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(path))
    monkeypatch.setattr(cache, "places", lambda: places.places()[:1])
    return path


@pytest.fixture(autouse=True)
def no_memory(monkeypatch):
    monkeypatch.setattr(cache, "_in_memory", {})


def keep(content=b"content"):
    return cache.kept(ENCODER, "a", lambda: content)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_kept_is_made_once_and_again_if_it_is_damaged(given):
    assert keep(b"first") == keep(b"second") == b"first"
    path = given / NAME / "a"
    path.write_bytes(path.read_bytes()[:-1])
    assert keep(b"second") == keep(b"third") == b"second"
    assert sorted(os.listdir(given / NAME)) == ["a", "lock"]


def test_a_file_under_another_name_is_not_the_other(given):
    keep(b"of a")
    (given / NAME / "a").rename(given / NAME / "b")
    assert cache.kept(ENCODER, "b", lambda: b"of b") == b"of b"


def test_where_we_choose_nobody_else_is_let_in(base, monkeypatch):
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(base / "caches"))
    monkeypatch.setattr(sys, "platform", "linux")
    old = os.umask(0)
    try:
        keep()
    finally:
        os.umask(old)
    folder = base / "caches" / "crafter-dataset"
    assert [mode(each) for each in (folder, folder / NAME)] == [0o700, 0o700]
    assert {mode(each) for each in (folder / NAME).iterdir()} == {0o600}


def test_a_place_for_all_to_read_is_made_readable_and_no_more(given):
    old = os.umask(0)
    try:
        keep()
    finally:
        os.umask(old)
    assert mode(given / NAME) == 0o755
    assert {mode(each) for each in (given / NAME).iterdir()} == {0o644}


def test_a_whole_cache_that_is_read_only_serves(given):
    """As root puts one into an image; nothing is locked, nothing is written."""
    keep(b"of the image")
    assert run_as(STRANGER, KEEP, HOME="/").startswith("of the image ")


def test_a_cache_that_all_can_write_to_and_a_lock_of_another_stop_nobody(given):
    keep(b"of anybody")
    given.chmod(0o777)
    (given / NAME).chmod(0o777)
    given.parent.chmod(0o1777)
    found = run_as(STRANGER, KEEP, HOME="/", TMPDIR=given.parent)
    assert found.startswith("made anew ")


def test_a_user_without_home_whom_the_system_does_not_know_has_a_place(base):
    base.chmod(0o1777)
    unset = ["HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"]
    found = run_as(STRANGER, KEEP, unset=unset, TMPDIR=base)
    assert found == f"made anew {base}/crafter-dataset-{STRANGER}/{NAME}"
    assert mode(base / f"crafter-dataset-{STRANGER}") == 0o700
    assert run_as(STRANGER, KEEP.replace("anew", "again"), unset=unset, TMPDIR=base) == found


def _folder_of_a_stranger(folder):
    os.chown(folder, STRANGER, STRANGER)


def _file_of_a_stranger(folder):
    os.chown(folder / "a", STRANGER, STRANGER)


def _file_that_others_write(folder):
    (folder / "a").chmod(0o666)


def _folder_that_others_write(folder):
    folder.chmod(0o777)


def _folder_behind_a_link(folder):
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to("elsewhere")


def _file_behind_a_link(folder):
    (folder / "a").rename(folder / "elsewhere")
    (folder / "a").symlink_to("elsewhere")


@pytest.mark.parametrize(
    "plant",
    [
        _folder_of_a_stranger, _file_of_a_stranger, _file_that_others_write,
        _folder_that_others_write, _folder_behind_a_link, _file_behind_a_link,
    ],
)  # fmt: skip
def test_what_a_stranger_can_have_written_is_not_loaded(given, plant):
    needs_root()
    given.chmod(0o1777)
    keep(b"planted")
    plant(given / NAME)
    assert not cache.is_kept(ENCODER, "a")
    assert keep(b"mine") == b"mine"
    assert keep(b"again") == b"mine"


def test_what_a_stranger_plants_among_temporary_files_is_not_loaded(base, monkeypatch):
    needs_root()
    planted = base / f"crafter-dataset-{os.geteuid()}"
    monkeypatch.setattr(cache, "places", lambda: [places.Place(planted, "temporary")])
    keep(b"planted")
    os.chown(planted, STRANGER, STRANGER)
    assert keep(b"mine") == b"mine"
    os.chown(planted, 0, 0)
    planted.rename(base / "elsewhere")
    planted.symlink_to("elsewhere")
    cache._in_memory.clear()
    assert keep(b"other") == b"other"


def test_a_group_shares_one_on_purpose(given):
    """Whoever made it; the members' files and locks serve each other, strangers' do not."""
    needs_root()
    os.chown(given, 0, GROUP)
    given.chmod(0o2775)
    first = run_as(COLLEAGUE, KEEP, groups=[GROUP], HOME="/")
    assert first == f"made anew {given}/{NAME}"
    assert mode(given / NAME) == 0o2775
    assert {mode(each) for each in (given / NAME).iterdir()} == {0o664}
    again = KEEP.replace("anew", "again")
    assert run_as(STRANGER, again, groups=[GROUP], HOME="/") == first
    other = KEEP.replace('"a"', '"b"')  # it can be locked and written to
    assert run_as(STRANGER, other, groups=[GROUP], HOME="/") == first
    given.parent.chmod(0o1777)
    assert run_as(STRANGER, again, HOME="/", TMPDIR=given.parent).startswith("made again ")


def test_a_folder_that_anybody_can_have_made_is_no_groups(base, monkeypatch):
    needs_root()
    base.chmod(0o1777)
    path = base / "cache"
    path.mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(path))
    monkeypatch.setattr(cache, "places", lambda: places.places()[:1])
    os.chown(path, STRANGER, os.getegid())
    path.chmod(0o775)
    keep(b"planted")
    os.chown(path / NAME, STRANGER, os.getegid())
    (path / NAME).chmod(0o775)
    assert keep(b"mine") == b"mine"
    base.chmod(0o755)  # then a member has
    cache._in_memory.clear()
    assert keep(b"ours") == b"planted"


def test_what_can_be_kept_nowhere_stays_in_memory(monkeypatch):
    monkeypatch.setattr(cache, "places", list)
    assert keep(b"first") == keep(b"second") == b"first"
    assert cache.is_kept(ENCODER, "a")
    contents = cache.in_memory()
    cache._in_memory.clear()
    assert not cache.is_kept(ENCODER, "a")
    cache.take_over(contents)
    assert keep(b"third") == b"first"


def test_the_line_says_where_it_is_kept_instead_and_why(base, monkeypatch, capsys):
    (base / "taken").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(base / "taken"))
    monkeypatch.setenv("TMPDIR", str(base))
    monkeypatch.setattr(cache, "places", lambda: places.places()[:2])
    monkeypatch.setattr(native, "_functions", {})
    module = "crafter_dataset.builder.zstd.huffman"
    code = replace(ENCODER, modules=(module,))
    compile_missing([Needed(Entry("close_bits", module, code), (np.zeros(64, np.uint8),), 3)])
    (line,) = capsys.readouterr().err.splitlines()
    instead = base / f"crafter-dataset-{os.geteuid()}"
    assert f"is done once (kept in {instead}; {base}/taken: Not a directory): 1 of 1" in line


def test_the_line_says_if_it_is_kept_nowhere(monkeypatch):
    monkeypatch.setattr(cache, "places", list)
    assert _describe(*cache.where(ENCODER)) == (
        "in every run (there is no folder for it; NUMBA_CACHE_DIR can name a folder to keep it in)"
    )


def test_only_what_was_not_used_for_long_is_removed(given, base):
    long_ago = time.time() - (tidying.KEPT_DAYS + 1) * 86_400

    def folder(name, *files):
        path = given / name
        path.mkdir()
        for file in files:
            (path / file).touch()
        return path

    old, new = folder(f"compiled-{'0' * 16}", "a", "lock"), folder(f"compiled-{'1' * 16}", "a")
    others = folder("compiled-notes", "a"), folder(f"compiled-{'2' * 16}", "a")
    (others[1] / "inside").mkdir()
    (base / "mine").mkdir()
    (base / "mine" / "file").touch()
    link = given / f"compiled-{'3' * 16}"
    link.symlink_to(base / "mine")
    for each in (old, *others, base / "mine"):
        os.utime(each, (long_ago, long_ago))
    keep()
    assert not old.exists()
    assert (new / "a").exists()
    assert (others[0] / "a").exists()
    assert (others[1] / "inside").exists()
    assert link.is_symlink()
    assert (base / "mine" / "file").exists()


def test_a_folder_in_use_says_so(given):
    keep()
    long_ago = time.time() - 50 * 86_400
    os.utime(given / NAME, (long_ago, long_ago))
    keep()
    assert (given / NAME).stat().st_mtime > time.time() - 3600


NOISE = """
from crafter_dataset.engine.numba_cache import import_opensimplex
import numba
import_opensimplex()
from opensimplex.internals import _noise3
print(getattr(_noise3._cache, "_cache_path", None), repr(numba.config.CACHE_DIR))
"""


def test_opensimplex_keeps_its_pickles_where_nobody_else_writes(base):
    """Without this numba loads those that anybody put into a shared NUMBA_CACHE_DIR."""
    base.chmod(0o1777)
    shared = base / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    where, setting = run_as(STRANGER, NOISE, NUMBA_CACHE_DIR=shared, TMPDIR=base, HOME="/").split()
    assert setting == repr(str(shared))  # as it was
    assert Path(where).parent.name == f"numba-{STRANGER}"
    assert mode(Path(where).parent) == 0o700
    assert Path(where).parent.stat().st_uid == STRANGER


def test_opensimplex_is_imported_where_nothing_can_be_written(monkeypatch):
    code = (
        """
from crafter_dataset.engine.compiled import cache
cache.places = list
"""
        + NOISE
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "None"


def test_functions_are_compiled_though_numba_is_told_not_to(base):
    code = """
import numpy as np
from dataclasses import replace
from crafter_dataset.builder.zstd.code import ENCODER
from crafter_dataset.engine.compiled.native import Entry
module = "crafter_dataset.builder.zstd.huffman"
entry = Entry("close_bits", module, replace(ENCODER, modules=(module,)))
print(entry((np.zeros(64, np.uint8),), 3, 0b101, 3))
import numba
print(numba.config.DISABLE_JIT, type(numba.njit(lambda: 1)).__name__)
"""
    env = {**os.environ, "NUMBA_DISABLE_JIT": "1", "NUMBA_CACHE_DIR": str(base)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.stdout == "4\n1 function\n", done.stderr
