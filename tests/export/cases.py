"""What every exporter promises, as tests that each format's tests inherit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from crafter_dataset.loader import Dataset, Episode, open_dataset
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.schemas.errors import MissingPackageError
from tests.synthetic import write_dataset


def files_of(path: Path) -> dict[str, bytes]:
    files = (file for file in sorted(path.rglob("*")) if file.is_file())
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


class Exporter:
    """Subclass it with the format's `export`, and whether it has a row an action."""

    export: ClassVar
    needs_actions: ClassVar[bool]
    needs_torch: ClassVar[bool] = False

    def test_frames_are_counted_as_they_are_written(self, some, tmp_path):
        counts = self.export(some, tmp_path / "out")
        assert isinstance(counts, Iterator)
        assert list(counts) == [episode.length for episode in some]

    def test_the_same_dataset_gives_the_same_bytes(self, some, tmp_path):
        list(self.export(some, tmp_path / "one"))
        list(self.export(open_dataset(some.path)[::-3], tmp_path / "other"))
        assert files_of(tmp_path / "one") == files_of(tmp_path / "other") != {}

    def test_no_episodes_are_refused(self, ends, tmp_path):
        self.refuses(ends[:0], tmp_path, r"episodes: expected at least one, found none \(.*d\)")

    def test_missing_fields_are_named(self, ends, tmp_path):
        part = ends[:]
        fields = tuple(name for name in part.fields if name != "rewards")
        part.metadata = replace(part.metadata, fields=fields)
        self.refuses(part, tmp_path, "fields: expected frames, actions, .*, found no rewards")

    def test_episodes_of_a_single_frame(self, tmp_path):
        write_dataset(tmp_path / "d", [3, 1, 4])
        dataset = open_dataset(tmp_path / "d")
        if self.needs_actions:
            self.refuses(
                dataset,
                tmp_path,
                r"episode 1: expected at least one action, found a single frame .*; "
                r"leave such episodes out with filter='length > 1'",
            )
        else:
            assert list(self.export(dataset, tmp_path / "out")) == [3, 1, 4]

    def test_torch_is_asked_for_only_where_it_is_needed(self, ends, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "torch", None)
        if self.needs_torch:
            with pytest.raises(
                MissingPackageError, match=r"pip install 'crafter-dataset\[torch\]'"
            ):
                next(self.export(ends, tmp_path / "out"))
            assert not (tmp_path / "out").exists()
        else:
            assert len(list(self.export(ends, tmp_path / "out"))) == len(ends)

    def test_importing_it_loads_no_torch(self):
        name = self.export.__module__
        code = f"import sys, {name}; assert 'torch' not in sys.modules"
        subprocess.run([sys.executable, "-c", code], check=True)

    def refuses(self, dataset: Dataset, tmp_path: Path, message: str) -> None:
        """Assert that nothing is written of a dataset that cannot be exported."""
        with pytest.raises(ExportError, match=message):
            next(self.export(dataset, tmp_path / "out"))
        assert not (tmp_path / "out").exists()


def lose_final_frames(monkeypatch, *episodes: int) -> None:
    """Make these episodes ones whose final frame was not recorded."""
    found = property(lambda episode: episode.id not in episodes)
    monkeypatch.setattr(Episode, "has_final_frame", found)
