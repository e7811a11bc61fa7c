"""`convert`: what `convert-dataset` does, for Python."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from numpy.typing import ArrayLike

from crafter_dataset.builder.copying.combine import combine, missing_from
from crafter_dataset.builder.copying.datasets import (
    check_distinct_paths,
    choose_codec,
    part_of,
    store_plan,
)
from crafter_dataset.builder.copying.series import Series
from crafter_dataset.builder.errors import StoppedError
from crafter_dataset.builder.stopping import StopOption, ctrl_c_unless
from crafter_dataset.builder.storage.place import PLACE_ADVICE
from crafter_dataset.loader.container import is_address, local_path
from crafter_dataset.loader.dataset import Dataset, opened
from crafter_dataset.loader.export.formats import FORMATS, export_dataset
from crafter_dataset.loader.table import EpisodeTable
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.errors import Advice, ArgumentError
from crafter_dataset.schemas.hdf5_format import SUFFIXES, is_hdf5
from crafter_dataset.schemas.layout import MOST_CHUNK_FRAMES, PICTURE_CHOICES
from crafter_dataset.schemas.progress import ProgressOption, reporting
from crafter_dataset.schemas.wording import counted

OURS = ("zarr", "hdf5")
"""Formats that are this project's own."""

ENDINGS = {".zarr": "zarr", ".mp4": "mp4", ".gif": "gif"} | dict.fromkeys(SUFFIXES, "hdf5")
"""Which format a path's ending asks for."""

Condition = str | ArrayLike | Callable[[EpisodeTable], ArrayLike]


@dataclass(frozen=True)
class _Wishes:
    """What the caller asks for; see `convert`."""

    to: str
    from_: str | None
    episodes: str | Iterable[int] | None
    filter: Condition | None
    append: bool
    codec: str | None
    chunk_frames: int | None
    pictures: str | None
    allow_pickle: bool
    overwrite: bool
    resume: bool
    progress: ProgressOption
    should_stop: StopOption
    on_note: Callable[[str], object]

    def refuse(self, expected: str, *names: str) -> None:
        """Refuse arguments that this conversion does not take."""
        for name in names:
            value = getattr(self, name)
            if value is not None and value is not False:
                raise ArgumentError(name, expected)


def convert(
    source: Dataset | str | Path,
    out: str | Path,
    *,
    to: str | None = None,
    from_: str | None = None,
    episodes: str | Iterable[int] | None = None,
    filter: Condition | None = None,
    append: bool = False,
    codec: str | None = None,
    chunk_frames: int | None = None,
    pictures: str | None = None,
    allow_pickle: bool = False,
    overwrite: bool = False,
    resume: bool = False,
    progress: ProgressOption = None,
    should_stop: StopOption = None,
    on_note: Callable[[str], object] | None = None,
) -> Dataset | Path:
    """Convert a dataset: between Zarr and HDF5, in part or whole, or to and from other formats.

    Compressed chunks are copied as they are where the codec allows. A copy
    that was stopped can be resumed; what is written in other formats is whole
    or not there.

    Parameters
    ----------
    source : Dataset, str or Path
        A dataset or a part of one, or where it is; or a dataset of another
        format, which is found by looking into it.
    out : str or Path
        What to write.
    to : str, optional
        Format to write: `zarr`, `hdf5`, `diamond`, `iris`, `dreamer`, `minari`,
        `lerobot`, `replay-buffer`, `npz`, `mp4` or `gif`. By default by the
        ending of `out`: .zarr, .h5, .hdf5, .mp4, .gif.
    from_ : str, optional
        Format of `source`, if it is none of ours: `collector`, `diamond`,
        `iris`, `recorder` or `minari`.
    episodes : str or iterable of int, optional
        Ids, or ids and ranges such as `"0:100,250"`.
    filter : str, array_like of bool, or callable, optional
        Which episodes to take, as for `Dataset.filter`.
    append : bool
        Add the episodes to the dataset that `out` is.
    codec : str, optional
        Compression, as for `build`; by default the source's, whose chunks are
        then copied as they are, and in HDF5 what needs no plugin.
    chunk_frames : int, optional
        Frames compressed together; by default as in the source.
    pictures : {'stored', 'drawn', 'both'}, optional
        Store frames, or what they are drawn from, or both; by default as in the
        source. From stored frames each episode is played again, and refused if
        it does not come out the same.
    allow_pickle : bool
        Let files of `source` hold Python objects of any class, which can run
        code: trust them.
    overwrite : bool
        Replace a dataset of ours, or a film, that is at `out`.
    resume : bool
        Go on after a kill or Ctrl-C.
    progress : bool or callable, optional
        As for `build`.
    should_stop : callable, optional
        As for `build`.
    on_note : callable, optional
        Called with each line that a reader should know of the source; by default
        these are warnings.

    Returns
    -------
    Dataset or Path
        What was written: a dataset if it is one of ours, else its path.

    Raises
    ------
    ArgumentError
        If the arguments do not go together, or no episode is left.
    DatasetError, ForeignError
        If the source is no dataset that can be read, or is damaged.
    BuildError
        If something is at `out` that may not be replaced.
    ExportError
        If the other format cannot hold the episodes.
    MissingPackageError
        If a package that the other format needs is not installed.
    StoppedError
        If `should_stop` ends it before any episode is whole, or an export to another
        format before all are; nothing is written then.
    KeyboardInterrupt
        After Ctrl-C, once all whole episodes are committed.

    Examples
    --------
    >>> import crafter_dataset
    >>> crafter_dataset.convert("data.zarr", "data.h5").metadata.codec
    'gzip:3'
    >>> crafter_dataset.convert("data.zarr", "npz", to="npz", filter="length > 1").name
    'npz'
    """
    out = local_path("out", out)
    if overwrite and (append or resume):
        others = "append" if append else "resume"
        raise ArgumentError(("overwrite", others), "expected at most one, found both")
    if chunk_frames is not None:
        chunk_frames = whole_number("chunk_frames", chunk_frames, 1, MOST_CHUNK_FRAMES)
    if pictures is not None and pictures not in PICTURE_CHOICES:
        raise ArgumentError(
            "pictures", f"expected one of {', '.join(PICTURE_CHOICES)}, found {pictures!r}"
        )
    wishes = _Wishes(
        format_of(out, to), from_, episodes, filter, append, codec, chunk_frames, pictures,
        allow_pickle, overwrite, resume, progress, should_stop, on_note or _warn,
    )  # fmt: skip
    where = source.path if isinstance(source, Dataset) else source
    if not is_address(where):
        check_distinct_paths([where], out)
    if not isinstance(source, Dataset) and (from_ is not None or not _is_ours(source)):
        return _import(Path(source), out, wishes)
    dataset = _chosen(opened(source), wishes)
    return _copy(dataset, out, wishes) if wishes.to in OURS else _export(dataset, out, wishes)


def _warn(note: str) -> None:
    warnings.warn(note, stacklevel=4)


def format_of(out: str | Path, to: str | None = None) -> str:
    """Return the format that is to be written.

    Parameters
    ----------
    out : str or Path
        What is to be written.
    to : str, optional
        The format, if it is not to follow from the path's ending.

    Returns
    -------
    str
        One of `OURS` or of `loader.export.formats.FORMATS`.

    Raises
    ------
    ArgumentError
        If there is no such format, or the ending is that of another.
    """
    out = local_path("out", out)
    suffix = out.suffix.lower()
    kind = to or ENDINGS.get(suffix)
    if kind is None:
        raise ArgumentError(
            "out",
            f"expected an ending out of {', '.join(ENDINGS)}, or a format to write, found {out}",
            advice=[Advice("say which with", "to", "FORMAT")],
        )
    if kind not in (*OURS, *FORMATS):
        raise ArgumentError("to", f"expected one of {', '.join((*OURS, *FORMATS))}, found {kind!r}")
    if kind in OURS and is_hdf5(out) != (kind == "hdf5"):
        endings = f"an ending out of {', '.join(SUFFIXES)}" if kind == "hdf5" else "no such ending"
        raise ArgumentError("out", f"expected {endings} for {kind}, found {out}")
    return kind


def _is_ours(source: str | Path) -> bool:
    """Tell whether it looks like a container of ours; else it may be of another format."""
    path = Path(source)
    return (
        is_address(source)
        or (path / "zarr.json").is_file()
        or (path.is_file() and path.suffix != ".npz")
        or not path.exists()
    )


def _chosen(dataset: Dataset, wishes: _Wishes) -> Dataset:
    """Return the episodes that are wanted."""
    if wishes.episodes is not None:
        dataset = dataset.select(wishes.episodes)
    if wishes.filter is not None:
        before, dataset = len(dataset), dataset.filter(wishes.filter)
        if not len(dataset):
            shown = repr(wishes.filter) if isinstance(wishes.filter, str) else "such a filter"
            raise ArgumentError(
                "filter", f"expected episodes with {shown}, found none among {before}"
            )
    if dataset.metadata.status == "building":
        wishes.on_note(
            f"{dataset.path} is not complete; what is taken is the "
            f"{counted(dataset.metadata.counts.episodes, 'episode')} that it has now"
        )
    return dataset


def _copy(dataset: Dataset, out: Path, wishes: _Wishes) -> Dataset:
    parts = [part_of(dataset)]
    if wishes.append:
        wishes.refuse(
            "expected none with append, which keeps those of the dataset",
            "codec", "chunk_frames", "pictures",
        )  # fmt: skip
        parts.insert(0, part_of(opened(out)))
        if wishes.resume:
            parts[1] = missing_from(parts[1], parts[0])
        codec = parts[0].metadata.codec
        pictures: str | None = parts[0].metadata.pictures
    else:
        codec = choose_codec(wishes.codec, dataset.path, dataset.metadata.codec, out)
        pictures = wishes.pictures
    return store_plan(
        out,
        combine(parts, codec, wishes.chunk_frames, pictures),
        resume=wishes.resume,
        overwrite=wishes.overwrite,
        append=wishes.append,
        advice=(Advice("add to it with", "append"), *PLACE_ADVICE),
        progress=wishes.progress,
        should_stop=wishes.should_stop,
    )


def _import(source: Path, out: Path, wishes: _Wishes) -> Dataset:
    # These import crafter, for its names, which other conversions do without.
    from crafter_dataset.builder.importing.detect import open_foreign
    from crafter_dataset.builder.importing.encode import encode_imported, imported_metadata

    wishes.refuse(
        f"expected a dataset of ours to copy from, found {source}; import it whole first",
        "episodes", "filter", "append", "pictures",
    )  # fmt: skip
    if wishes.to not in OURS:
        raise ArgumentError(
            "to", f"expected a dataset of ours for {wishes.to}, found {source}; import it first"
        )
    foreign = open_foreign(source, wishes.from_, wishes.allow_pickle)
    for note in foreign.notes:
        wishes.on_note(note)
    codec = choose_codec(wishes.codec, "", foreign.metadata.codec, out)
    metadata = imported_metadata(foreign, codec, wishes.chunk_frames)
    series = Series(
        metadata,
        foreign.count,
        lambda start: encode_imported(foreign, metadata, start),
        ({"path": str(source), "episodes": foreign.count},),
    )
    return store_plan(
        out,
        series,
        resume=wishes.resume,
        overwrite=wishes.overwrite,
        progress=wishes.progress,
        should_stop=wishes.should_stop,
    )


def _export(dataset: Dataset, out: Path, wishes: _Wishes) -> Path:
    wishes.refuse(
        f"expected a dataset of ours to write, found {wishes.to}",
        "codec", "chunk_frames", "pictures", "append", "resume",
    )  # fmt: skip
    with reporting(wishes.progress) as report, ctrl_c_unless(wishes.should_stop) as asked:
        whole = export_dataset(
            dataset,
            out,
            wishes.to,
            overwrite=wishes.overwrite,
            on_progress=report,
            should_stop=asked,
        )
    if not whole:
        if wishes.should_stop is None:
            raise KeyboardInterrupt("nothing was written")
        raise StoppedError("stopped: nothing was written")
    return out
