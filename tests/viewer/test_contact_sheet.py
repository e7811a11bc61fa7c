"""The contact sheet shows the frames it should, where it should."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from PIL import Image

from loader import open_dataset
from viewer.contact_sheet import contact_sheet


def test_frames_lie_in_the_grid(dataset_path):
    episode = open_dataset(dataset_path)[0]
    sheet = contact_sheet(episode, columns=4, rows=3, scale=2, gap=5)
    assert sheet.shape == (3 * 128 + 10, 4 * 128 + 15, 3)
    frames = episode["frames"][:]
    np.testing.assert_array_equal(sheet[0:128:2, 0:128:2], frames[0])
    np.testing.assert_array_equal(sheet[-128::2, -128::2], frames[-1])
    step = (len(frames) - 1) * 5 // 11
    np.testing.assert_array_equal(sheet[133:261:2, 133:261:2], frames[step])
    assert (sheet[128:133] == 255).all()


def test_command_writes_a_picture(dataset_path, tmp_path):
    out = tmp_path / "sheet.png"
    command = [sys.executable, "-m", "viewer.contact_sheet", dataset_path, "--out", out]
    subprocess.run([*command, "--episode", "1"], check=True)
    expected = contact_sheet(open_dataset(dataset_path)[1])
    np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)
    done = subprocess.run([*command, "--episode", "99"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "--episode: expected 0 to" in done.stderr
