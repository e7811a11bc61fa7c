"""`validate`: what `validate-dataset` does, for Python."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.container import drawing, open_container
from crafter_dataset.loader.dataset import Dataset, open_dataset
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import ArgumentError, CorruptDataError
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.progress import Progress, ProgressOption, Report, ignore, reporting
from crafter_dataset.schemas.validation import find_violations
from crafter_dataset.schemas.violations import Violation
from crafter_dataset.schemas.wording import counted

NEEDED = {"world_seeds", "terrain"}
"""Per-episode fields that are needed to play episodes again."""


@dataclass(frozen=True)
class ValidationReport:
    """Result of `validate`; it is true if the dataset is valid.

    Parameters
    ----------
    path : str
        The dataset.
    violations : tuple of Violation
        All that is wrong, each in one line.
    episodes : int
        Number of episodes in it; 0 if it was not opened because of violations.
    deep : bool
        Whether every chunk was read.
    replayed : tuple of int
        Indices of the episodes that were played again.
    missing : str
        How far a dataset that is still being built, or was stopped, is:
        `154,404 of 3,000,000 frames`; empty for a complete one.

    Examples
    --------
    >>> import crafter_dataset
    >>> report = crafter_dataset.validate("data.zarr")
    >>> report.episodes > 0 and not report.violations
    True
    >>> report.to_json()["valid"]
    True
    """

    path: str
    violations: tuple[Violation, ...]
    episodes: int
    deep: bool
    replayed: tuple[int, ...] = ()
    missing: str = ""

    def __bool__(self) -> bool:
        return not self.violations

    def __str__(self) -> str:
        if self.violations:
            return f"{self.path}: invalid, {counted(len(self.violations), 'violation')}"
        how = ", every chunk read" if self.deep else ""
        how += f", {len(self.replayed)} replayed bit by bit" if self.replayed else ""
        if not self.deep:
            how += (
                "; other contents not read"
                if self.replayed
                else "; structure only, contents not read"
            )
        how += f"; incomplete: {self.missing}" if self.missing else ""
        return f"{self.path}: valid, {counted(self.episodes, 'episode')}{how}"

    def __repr__(self) -> str:
        first = f";\n {self.violations[0]}" if self.violations else ""
        return f"<{self}{first}>"

    def to_json(self) -> dict[str, Any]:
        """Return the report as a dict that fits into JSON.

        Returns
        -------
        dict
            `path`, `valid`, `deep`, `replayed`, `missing`, and `violations`, a list of
            dicts.
        """
        return {
            "path": self.path,
            "valid": bool(self),
            "deep": self.deep,
            "replayed": list(self.replayed),
            "missing": self.missing,
            "violations": [asdict(violation) for violation in self.violations],
        }


def validate(
    path: Dataset | str | Path,
    *,
    deep: bool = False,
    replay: int = 0,
    progress: ProgressOption = None,
    on_violation: Callable[[Violation], object] | None = None,
) -> ValidationReport:
    """Check that a path holds a dataset of this format, and report all that is wrong with it.

    Parameters
    ----------
    path : Dataset, str or Path
        The dataset, or where it is; of a part, the whole is checked.
    deep : bool
        Whether to read every chunk: checksums, digests, ranges, flags, padding.
    replay : int
        Number of episodes, spread over the dataset, to play again with stock
        Crafter, comparing every value; 0 or more.
    progress : bool or callable, optional
        As for `build`.
    on_violation : callable, optional
        Called with each `Violation` as soon as it is found.

    Returns
    -------
    ValidationReport
        True if the dataset is valid.

    Raises
    ------
    NotADatasetError, VersionError
        If there is nothing of this format to check.
    ArgumentError
        If `replay` is negative, or the dataset lacks what it takes to play
        episodes again; the error is a ValueError.

    Examples
    --------
    >>> import crafter_dataset
    >>> report = crafter_dataset.validate("data.zarr", deep=True)
    >>> bool(report), report.violations
    (True, ())
    """
    replay = whole_number("replay", replay, 0)
    path = path.path if isinstance(path, Dataset) else path
    violations: list[Violation] = []
    tell = on_violation or ignore

    def take(found: Iterator[Violation]) -> None:
        for violation in found:
            violations.append(violation)
            tell(violation)

    with reporting(progress) as report:
        container = open_container(path)
        told = _Told(report, container.attributes, path)
        drawn = functools.cache(lambda: drawing(container))
        found = find_violations(
            container,
            deep=deep,
            draw=lambda start, stop: drawn().read("frames", start, stop),
            find_states=_find_states,
            on_episode=told.checked,
        )
        take(found)
        dataset = _opened(path, violations) if deep or not violations else None
        if dataset is None:
            return ValidationReport(str(path), tuple(violations), 0, deep)
        lacking = NEEDED - set(dataset.metadata.episode_fields)
        if replay and lacking:
            fine = "" if violations else ", which is valid for all that was looked at"
            raise ArgumentError(
                "replay",
                f"expected {' and '.join(sorted(lacking))}, to play episodes again, found none in "
                f"{path}{fine}",
            )
        count = len(dataset)
        chosen = np.unique(np.linspace(0, count - 1, min(replay, count)).astype(int)).tolist()
        for number, index in enumerate(chosen, 1):
            take(_replayed(dataset, index))
            told.replayed(number, len(chosen), len(dataset[index]))
    missing = _missing_from(dataset)
    return ValidationReport(str(path), tuple(violations), count, deep, tuple(chosen), missing)


def _find_states(
    metadata: Metadata, words: NDArray[np.int64], chunks: NDArray[np.intp], seed: int
) -> NDArray[np.uint32]:
    """Return the states of an episode's random numbers before some of its chunks."""
    from crafter_dataset.engine.draw import check_words, find_anchors

    sizes = metadata.sizes()
    check_words(words, seed, metadata.env.area, sizes["view_x"] * sizes["view_y"])
    return find_anchors(words[chunks * metadata.chunk_frames], seed, -1)[1]


def _missing_from(dataset: Dataset) -> str:
    """Say how much of what was to be built is there; nothing of a complete dataset."""
    if dataset.metadata.status == "complete":
        return ""
    counts, target = dataset.metadata.counts, dataset.provenance.get("target")
    for unit in ("frames", "episodes"):
        wanted = target.get(unit) if isinstance(target, dict) else None
        if isinstance(wanted, int):
            return f"{getattr(counts, unit):,} of {counted(wanted, unit[:-1])}"
    return f"{counted(counts.episodes, 'episode')} so far"


def _opened(path: str | Path, violations: list[Violation]) -> Dataset | None:
    """Open a dataset; return None if its violations prevent that."""
    try:
        return open_dataset(path)
    except Exception:
        if not violations:
            raise
        return None


class _Told:
    """Reports how far the work is."""

    def __init__(self, report: Report, attributes: dict[str, Any], path: str | Path) -> None:
        self._report, self._begun = report, time.monotonic()
        self._attributes, self._path = attributes, path
        self._metadata: Metadata | None = None
        self._frames = 0

    def checked(self, episode: int) -> None:
        """Report that an episode was checked."""
        if self._metadata is None:  # only once the metadata is known to be sound
            self._metadata = Metadata.from_attributes(self._attributes, str(self._path))
        counts = self._metadata.counts
        share = (episode + 1) / max(counts.episodes, 1)
        self._tell(counts.episodes, episode + 1, round(counts.frames * share))

    def replayed(self, number: int, count: int, frames: int) -> None:
        """Report that an episode was played again."""
        if number == 1:
            self._begun, self._frames = time.monotonic(), 0
        self._frames += frames
        self._tell(count, number, self._frames)

    def _tell(self, total: int, episodes: int, frames: int) -> None:
        seconds = time.monotonic() - self._begun
        self._report(Progress("episodes", total, episodes, frames, 0, frames, seconds))


def _replayed(dataset: Dataset, index: int) -> Iterator[Violation]:
    from crafter_dataset.engine.replay import compare_replay  # it imports the simulator

    record = dataset.episodes[index]
    try:
        episode = dataset[index]
        stored, terrain = episode.load(), episode.terrain
    except CorruptDataError as error:
        yield Violation(f"episode {index}", "readable chunks", str(error))
        return
    source, number = dataset.origin(index)
    metadata = replace(
        dataset.metadata, seed=source.seed, trajectories_per_world=source.trajectories_per_world
    )
    seed, reason = int(record["world_seeds"]), int(record["end_reasons"])
    yield from compare_replay(metadata, index, stored, seed, reason, terrain, number)
