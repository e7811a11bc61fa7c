"""What a path holds, by looking into it, and the importer for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from crafter_dataset.builder.importing.foreign import ForeignDataset, ForeignError
from crafter_dataset.builder.importing.minari import MinariEpisodes, find_data
from crafter_dataset.builder.importing.recorder import Archive, RecorderEpisodes, find_archives
from crafter_dataset.builder.importing.torch_episodes import (
    LAYOUTS,
    TorchEpisodes,
    find_numbered,
    load_file,
)
from crafter_dataset.schemas.errors import Advice, ArgumentError
from crafter_dataset.schemas.stray import is_stray

KINDS: tuple[str, ...] = (*LAYOUTS, "recorder", "minari")
"""Names of the formats that can be imported."""

EXPECTED = (
    "numbered .pt episodes (a static data collector's, DIAMOND's or IRIS's), .npz episodes of "
    "crafter.Recorder, or Minari's metadata.json and main_data.hdf5"
)


def open_foreign(path: Path, kind: str | None = None, allow_pickle: bool = False) -> ForeignDataset:
    """Open a dataset of another format.

    Parameters
    ----------
    path : Path
        Its folder.
    kind : str, optional
        One of `KINDS`; found by the content if not given.
    allow_pickle : bool
        Whether files may hold Python objects of any class, which lets them run code.

    Returns
    -------
    ForeignDataset
        The dataset, its first episode checked.

    Raises
    ------
    ForeignError
        If there is nothing there that can be imported, or it is damaged.
    ArgumentError
        If there is no such kind.
    """
    if kind is not None and kind not in KINDS:
        raise ArgumentError("from_", f"expected one of {', '.join(KINDS)}, found {kind!r}")
    if not path.exists():
        raise ForeignError(f"{path}: expected a dataset, found nothing there")
    if kind in (None, "diamond"):
        path = _only_part(path)
    kind = kind or _detect(path, allow_pickle)
    if kind == "minari":
        return MinariEpisodes(path)
    if kind == "recorder":
        return RecorderEpisodes(path, allow_pickle)
    return TorchEpisodes(path, kind, allow_pickle)


def _only_part(path: Path) -> Path:
    """Return the one of DIAMOND's folders `train` and `test` that is there, if that is all."""
    inside = [path / name for name in ("train", "test") if (path / name / "info.pt").is_file()]
    own = find_data(path) or find_numbered(path, deep=False) or find_archives(path)
    return inside[0] if len(inside) == 1 and not own else path


def _detect(path: Path, allow_pickle: bool) -> str:
    if find_data(path):
        return "minari"
    archive = path if path.suffix == ".npz" else next(iter(find_archives(path)), None)
    episodes = find_numbered(path, deep=True)
    if archive is not None and episodes:
        raise ForeignError(
            f"{path}: expected episodes of one format, found {archive.name} and {episodes[0].name}",
            advice=[Advice("say which with", "from_", "KIND")],
        )
    if archive is not None:
        with Archive(archive, allow_pickle) as first:
            keys = set(first.keys)
        if {"image", "action", "reward"} <= keys and "is_first" not in keys:
            return "recorder"
        raise ForeignError(
            f"{archive}: expected image, action and reward of crafter.Recorder, "
            f"found {', '.join(sorted(keys))}"
        )
    if episodes:
        return _kind_of(episodes[0], load_file(episodes[0], allow_pickle, whole=False))
    found = ", ".join(_names(path)) or "nothing"
    raise ForeignError(f"{path}: expected {EXPECTED}; found {found}")


def _kind_of(file: Path, content: Any) -> str:
    keys = set(content) if isinstance(content, dict) else set()
    for kind in ("diamond", "collector", "iris"):
        if {*LAYOUTS[kind].keys.values(), *LAYOUTS[kind].more} <= keys:
            return kind
    raise ForeignError(
        f"{file}: expected an episode of a static data collector, DIAMOND or IRIS, "
        f"found {', '.join(map(str, keys)) or type(content).__name__}"
    )


def _names(path: Path) -> Iterator[str]:
    """Yield the first few names in a folder, to say what was found."""
    if path.is_file():
        yield f"the file {path.name}"
        return
    names = sorted(child.name for child in path.iterdir() if not is_stray(child.name))
    yield from names[:5]
    if len(names) > 5:
        yield f"and {len(names) - 5} more"
