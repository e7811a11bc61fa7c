"""Finding out what a folder holds, or saying what was expected."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from crafter_dataset.builder.importing.detect import KINDS, open_foreign
from crafter_dataset.builder.importing.foreign import ForeignError
from crafter_dataset.schemas.errors import ArgumentError


def test_kinds():
    assert KINDS == ("collector", "diamond", "iris", "recorder", "minari")


def test_importing_loads_no_format_library():
    code = "import sys, crafter_dataset.builder.importing.detect; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"torch", "minari", "h5py"} & set(loaded)


def test_nothing_there(tmp_path):
    with pytest.raises(ForeignError, match="missing: expected a dataset, found nothing there"):
        open_foreign(tmp_path / "missing")


def test_nothing_that_fits(tmp_path):
    with pytest.raises(ForeignError, match=r"expected numbered \.pt episodes .*; found nothing"):
        open_foreign(tmp_path)
    for number in range(7):
        (tmp_path / f"{number}.txt").touch()
    with pytest.raises(ForeignError, match=r"found 0\.txt, .* and 2 more"):
        open_foreign(tmp_path)
    with pytest.raises(ForeignError, match=r"found the file 0\.txt"):
        open_foreign(tmp_path / "0.txt")


def test_unknown_kind(tmp_path):
    with pytest.raises(ArgumentError, match=r"from_: expected one of collector, .*found 'lance'"):
        open_foreign(tmp_path, "lance")


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_not_there(tmp_path, kind):
    with pytest.raises(ForeignError, match=str(tmp_path)):
        open_foreign(tmp_path, kind)


def test_archives_of_others(tmp_path):
    """A replay of DreamerV3 has an image, action and reward too, but other alignment."""
    rows = dict.fromkeys(("image", "action", "reward", "is_first"), np.zeros(3))
    np.savez(tmp_path / "replay.npz", **rows)
    with pytest.raises(ForeignError, match=r"replay\.npz: expected image.*found .*is_first"):
        open_foreign(tmp_path)


def test_torch_files_of_others(tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"weights": torch.zeros(3)}, tmp_path / "0.pt")
    with pytest.raises(ForeignError, match=r"0\.pt: expected an episode of .*, found weights"):
        open_foreign(tmp_path)
    with pytest.raises(ForeignError, match=r"0\.pt: expected a dict with obs, .* with weights"):
        open_foreign(tmp_path, "collector")


def test_episodes_deeper_down_are_named(tmp_path):
    torch = pytest.importorskip("torch")
    (tmp_path / "dataset").mkdir()
    keys = ("observations", "actions", "rewards", "ends", "mask_padding")
    torch.save({key: torch.zeros(2) for key in keys}, tmp_path / "dataset" / "0.pt")
    with pytest.raises(ForeignError, match=f"found them in {tmp_path / 'dataset'}"):
        open_foreign(tmp_path)
