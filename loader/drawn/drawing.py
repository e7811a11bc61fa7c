"""Drawing a batch of frames from what is stored of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.loader.drawn.pictures import Pictures
from crafter_dataset.loader.workers import WorkerThreads
from crafter_dataset.schemas.anchors import HEAD_WORDS, Anchors, checksum_of, heads_of
from crafter_dataset.schemas.arithmetic import ceil_div
from crafter_dataset.schemas.container import Container, Cuts
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import ANCHORS

if TYPE_CHECKING:
    from crafter_dataset.engine.fast import scenes
    from crafter_dataset.loader.drawn.room import Room

_NIGHT = 0.5
"""Daylight below which pictures take random numbers."""

_NO_SEED = -1


class _Pieces(NamedTuple):
    """Runs of frames that are drawn one after the other, each within an episode.

    Parameters
    ----------
    starts, stops : ndarray, shape (pieces,), int64
        First row of each in the batch, and the one after the last.
    stored : ndarray, shape (pieces,), int64
        Row of the dataset that the first is.
    episodes : ndarray, shape (pieces,), int64
        Index of the episode.
    """

    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    stored: NDArray[np.int64]
    episodes: NDArray[np.int64]


def draw_batch(
    container: Container, pictures: Pictures, cuts: Cuts, out: NDArray[Any], threads: WorkerThreads
) -> None:
    """Draw cuts of a dataset's frames.

    Parameters
    ----------
    container : Container
        What the frames are drawn from.
    pictures : Pictures
        What they are drawn with.
    cuts : Cuts
        Which frames; each within an episode.
    out : ndarray, shape (items, rows, height, width, 3), uint8
        Where to draw them, contiguous.
    threads : WorkerThreads
        What draws.

    Raises
    ------
    CorruptDataError
        If stored bytes are missing or fail their checksum, or give no picture, or another one.
    """
    items, rows = out.shape[:2]
    pieces = _pieces_of(pictures, cuts, rows)
    if not len(pieces.starts):
        return
    if threads.count > 1 and len(pieces.starts) < 4 * threads.count:
        pieces = _split(pieces, pictures.chunk_frames)
    room = pictures.rooms.take(items * rows, len(pieces.starts))
    steps = _steps(pictures, cuts, rows)
    light = room.records.light[: len(steps)]
    np.take(pictures.daylight, steps, out=light, mode="clip")
    for name, values in room.read.items():
        read = values[: items * rows].reshape(items, rows, *values.shape[1:])
        container.read_into(name, cuts, read)
    _set_pieces(container, pictures, pieces, light, room.cuts)
    _draw(pictures, pieces, room, out.reshape(items * rows, -1), threads)
    # Not after an error: a thread that was interrupted may leave others that draw from it.
    pictures.rooms.give_back(room)
    _check_whole_chunks(container, pictures, pieces, out.reshape(items * rows, -1), threads)


def _draw(
    pictures: Pictures,
    pieces: _Pieces,
    room: Room,
    frames: NDArray[np.uint8],
    threads: WorkerThreads,
) -> None:
    """Draw the pieces, some in each thread."""
    count = len(pieces.starts)
    parts = 1 if threads.count == 1 else min(count, 4 * threads.count)
    bounds = [count * part // parts for part in range(parts + 1)]

    def draw(part: int) -> None:
        first, last = bounds[part], bounds[part + 1]
        wrong = pictures.drawer.draw(room.records, room.cuts, frames, first, last)
        if wrong >= 0:
            raise CorruptDataError(_describe(pictures, pieces, room.records, wrong))

    threads.run(draw, range(parts))


def _pieces_of(pictures: Pictures, cuts: Cuts, rows: int) -> _Pieces:
    """Find where the cuts' rows are in the batch, and which episodes they are of."""
    some = cuts.stops > cuts.starts
    first = (np.arange(len(cuts.starts)) * rows + cuts.places)[some]
    stored, stops = cuts.starts[some], cuts.stops[some]
    episodes = np.searchsorted(pictures.starts, stored, "right") - 1
    ends = pictures.ends[episodes]
    wrong = np.flatnonzero((episodes < 0) | (stops > ends))
    if len(wrong):
        raise CorruptDataError(
            f"expected rows of an episode, found {stored[wrong[0]]} to {stops[wrong[0]]}"
        )
    return _Pieces(first, first + stops - stored, stored, episodes)


def _steps(pictures: Pictures, cuts: Cuts, rows: int) -> NDArray[np.int64]:
    """Return the step of each row of the batch in its episode; undefined outside of the cuts."""
    episodes = np.searchsorted(pictures.starts, cuts.starts, "right") - 1
    return (cuts.rows(rows) - pictures.starts[episodes][:, None]).ravel()


def _split(pieces: _Pieces, chunk_frames: int) -> _Pieces:
    """Split pieces where chunks end, so that several threads have something to draw."""
    parts = []
    for start, stop, stored, episode in zip(*(column.tolist() for column in pieces), strict=True):
        edge = start + chunk_frames - stored % chunk_frames
        firsts = [start, *range(edge, stop, chunk_frames)]
        parts += [
            (first, last, stored + first - start, episode)
            for first, last in zip(firsts, [*firsts[1:], stop], strict=True)
        ]
    return _Pieces(*np.array(parts, np.int64).T.copy())


def _set_pieces(
    container: Container,
    pictures: Pictures,
    pieces: _Pieces,
    light: NDArray[np.float64],
    cuts: scenes.Cuts,
) -> None:
    """Write the pieces, and where the random numbers of each go on from: a seed, or a state."""
    count = len(pieces.starts)
    cuts.starts[:count], cuts.stops[:count] = pieces.starts, pieces.stops
    cuts.seeds[:count] = pictures.seeds[pieces.episodes]
    dark = np.append(np.flatnonzero(light < _NIGHT), len(light))
    first = dark[np.searchsorted(dark, pieces.starts)]
    night = np.flatnonzero(first < pieces.stops)
    if not len(night):
        return
    size = pictures.chunk_frames
    chunks = (pieces.stored + first - pieces.starts)[night] // size
    before = chunks - pictures.starts[pieces.episodes[night]] // size
    back = _read_heads(container, pictures, chunks)[0]
    if (back > before + 1).any():
        raise CorruptDataError(f"{ANCHORS}: expected states of the same episode, found others")
    from_state = back <= before
    if not from_state.any():
        return
    night, chunks = night[from_state], (chunks - back)[from_state]
    rows = np.empty((len(chunks), size, pictures.anchor_words), np.uint32)
    container.read_into(
        ANCHORS, Cuts(chunks * size, (chunks + 1) * size, np.zeros_like(chunks)), rows
    )
    anchors = Anchors.gathered(rows)
    if anchors.back.any() or (anchors.words < 1).any():
        raise CorruptDataError(f"{ANCHORS}: expected a chunk with a state, found none")
    cuts.seeds[night] = _NO_SEED
    cuts.states[night], cuts.words[night] = anchors.states, anchors.words


def _read_heads(
    container: Container, pictures: Pictures, chunks: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Read how far back the states of some chunks are, and the checksums of their pictures."""
    size, width = pictures.chunk_frames, pictures.anchor_words
    rows = np.empty((len(chunks), ceil_div(HEAD_WORDS, width), width), np.uint32)
    starts = chunks * size
    cuts = Cuts(starts, starts + rows.shape[1], np.zeros_like(starts))
    container.read_into(ANCHORS, cuts, rows)
    return heads_of(rows)


def _check_whole_chunks(
    container: Container,
    pictures: Pictures,
    pieces: _Pieces,
    frames: NDArray[np.uint8],
    threads: WorkerThreads,
) -> None:
    """Hold the pixels of chunks that were drawn whole to their checksums."""
    size = pictures.chunk_frames
    ends = pictures.ends[pieces.episodes]
    last = pieces.stored + pieces.stops - pieces.starts
    chunk = ceil_div(pieces.stored, size)
    stop = np.where(last == ends, ceil_div(last, size), last // size)
    whole: list[tuple[int, int, int]] = []
    for piece in np.flatnonzero(stop > chunk).tolist():
        for number in range(chunk[piece], stop[piece]):
            first = int(pieces.starts[piece] + number * size - pieces.stored[piece])
            whole.append((number, first, min(first + size, int(pieces.stops[piece]))))
    if not whole:
        return
    numbers = np.array([number for number, *_ in whole])
    checksums = _read_heads(container, pictures, numbers)[1].tolist()

    def check(index: int) -> None:
        number, first, past = whole[index]
        if checksum_of(frames[first:past]) != checksums[index]:
            raise CorruptDataError(
                f"rows {number * size} to {number * size + past - first}: expected the pictures "
                "whose checksum was stored, found others"
            )

    threads.run(check, range(len(whole)))


def _describe(pictures: Pictures, pieces: _Pieces, records: scenes.Records, wrong: int) -> str:
    """Say what of a record cannot be drawn."""
    piece = int(np.flatnonzero((pieces.starts <= wrong) & (wrong < pieces.stops))[0])
    row = int(pieces.stored[piece] + wrong - pieces.starts[piece])
    tiles, items = len(pictures.drawer.images.tiles), records.inventory[wrong]
    if records.tiles[wrong].max(initial=0) >= tiles:
        return f"tiles[{row}]: expected 0 to {tiles - 1}, found {records.tiles[wrong].max()}"
    if items.max(initial=0) > 9:
        return f"inventory[{row}]: expected 0 to 9, found {items.max()}"
    found = records.random_words[wrong]
    return f"random_words[{row}]: expected a number soon after the state's, found {found}"
