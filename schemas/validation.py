"""Check a dataset against the format, and report every violation in one line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.schemas.anchor_records import wrong_records
from crafter_dataset.schemas.container import Container
from crafter_dataset.schemas.digests import EpisodeHasher, dataset_digest, digested_table
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import CorruptDataError
from crafter_dataset.schemas.layout import (
    ANCHORS,
    BOTH,
    CUT,
    DRAWN,
    TABLE,
    TERMINATED,
    TIME_LIMIT,
    UNKNOWN,
    Field,
    padded_rows,
)
from crafter_dataset.schemas.metadata import MIX, Metadata
from crafter_dataset.schemas.violations import Violation, metadata_violations, require_dataset

Rows = dict[str, NDArray[Any]]
Draw = Callable[[int, int], NDArray[np.uint8]]
FindStates = Callable[[Metadata, NDArray[np.int64], NDArray[np.intp], int], NDArray[np.uint32]]


def find_violations(
    container: Container,
    *,
    deep: bool = False,
    draw: Draw | None = None,
    find_states: FindStates | None = None,
    on_episode: Callable[[int], None] = lambda episode: None,
) -> Iterator[Violation]:
    """Yield everything that is wrong with a dataset.

    Parameters
    ----------
    container : Container
        The dataset.
    deep : bool
        Also read every chunk: checksums, digests, ranges, flags, padding.
    draw : callable, optional
        `draw(start, stop)` draws rows of frames, where they are stored and drawn, to be compared.
    find_states : callable, optional
        `find_states(metadata, words, chunks, seed)` returns the states of an episode's
        random numbers before some of its chunks, to be compared where pictures are
        drawn; ValueError if there are none.
    on_episode : callable
        Called with the number of each episode, from 0, once its chunks are checked.

    Yields
    ------
    Violation
        In the order of the layout, then of the episodes.

    Raises
    ------
    NotADatasetError, VersionError
        If there is no dataset of this version of the format.
    """
    require_dataset(container.attributes, container.name)
    violations = list(metadata_violations(container.attributes))
    yield from violations
    if violations:
        return  # Shapes follow from the metadata.
    metadata = Metadata.from_attributes(container.attributes, container.name)
    yield from _check_policies(metadata)
    broken: set[str] = set()
    for field in metadata.present_fields():
        structure = list(_check_array(container, metadata, field))
        yield from structure
        if structure:
            broken.add(field.path)
        elif metadata.counts.episodes or not field.fixed:
            # What pictures are drawn with is written again with the first episode.
            yield from container.check(field, metadata)
    table: Rows = {}
    for field in metadata.table_fields():
        if field.large or field.path in broken:
            continue
        try:
            table[field.name] = container.read(field.path, 0, metadata.counts.episodes)
        except CorruptDataError as error:
            yield Violation(field.path, "readable chunks", str(error))
            continue
        yield from _check_range(field, table[field.name], metadata, "", 0)
    if "starts" not in table or "lengths" not in table:
        return  # Nothing can be said of where the episodes lie.
    misplaced = list(_check_places(table["starts"], table["lengths"], metadata))
    yield from misplaced
    if deep and not misplaced:
        sound = [field for field in metadata.present_fields() if field.path not in broken]
        draws = draw if metadata.pictures == BOTH else None
        yield from _check_content(container, metadata, table, sound, draws, find_states, on_episode)


def _check_policies(metadata: Metadata) -> Iterator[Violation]:
    """Check that policies are those of the mixture, where all episodes come from one build."""
    members = metadata.policy.members() if metadata.policy.name == MIX else ()
    if metadata.policies and not metadata.sources and metadata.policies != members:
        names = [", ".join(p.name for p in each) or "none" for each in (members, metadata.policies)]
        yield Violation(f"{ATTRIBUTE}.policies", f"those of the policy, {names[0]}", names[1])


def _check_array(container: Container, metadata: Metadata, field: Field) -> Iterator[Violation]:
    """Check that an array is there, with its dtype, shape and dimensions."""
    info = container.describe(field.path)
    if info is None:
        yield Violation(field.path, "an array", "nothing that can be read")
        return
    for what, expected, found in (
        ("dtype", np.dtype(field.dtype), info.dtype),
        ("shape", (metadata.rows_of(field), *field.row_shape(metadata.sizes())), info.shape),
        ("dimension names", field.dims, info.dims),
    ):
        if expected != found:
            yield Violation(field.path, f"{what} {expected}", str(found))


def _check_places(
    starts: NDArray[Any], lengths: NDArray[Any], metadata: Metadata
) -> Iterator[Violation]:
    """Check that the episodes lie one after the other, aligned, within the rows."""
    counts, chunk = metadata.counts, metadata.chunk_frames
    limit = metadata.env.length + 1
    wrong = np.flatnonzero((lengths < 1) | (lengths > limit))
    for episode in wrong:
        yield Violation(f"{TABLE}/lengths[{episode}]", f"1 to {limit}", str(lengths[episode]))
    if len(wrong):
        return
    ends = starts + lengths
    following = np.append(starts[1:], counts.rows)
    for episode in np.flatnonzero(starts % chunk):
        yield Violation(
            f"{TABLE}/starts[{episode}]", f"a multiple of {chunk}", str(starts[episode])
        )
    aligned = padded_rows(ends, chunk)
    for episode in np.flatnonzero(aligned != following):
        place = (
            f"{TABLE}/starts[{episode + 1}]"
            if episode + 1 < len(starts)
            else f"{ATTRIBUTE}.counts.rows"
        )
        yield Violation(
            place, f"{aligned[episode]}, where episode {episode} ends", str(following[episode])
        )
    if len(starts) and starts[0] != 0:
        yield Violation(f"{TABLE}/starts[0]", "0", str(starts[0]))
    if not len(starts) and counts.rows:
        yield Violation(f"{ATTRIBUTE}.counts.rows", "0 without episodes", str(counts.rows))
    if lengths.sum() != counts.frames:
        yield Violation(
            f"{ATTRIBUTE}.counts.frames", f"{lengths.sum()}, the sum of lengths", str(counts.frames)
        )


def _check_content(
    container: Container,
    metadata: Metadata,
    table: Rows,
    sound: Collection[Field],
    draw: Draw | None,
    find_states: FindStates | None,
    on_episode: Callable[[int], None],
) -> Iterator[Violation]:
    """Read every chunk of the arrays that are sound, and check their values."""
    per_frame = [field.name for field in sound if field.per_frame]
    if metadata.pictures == DRAWN:
        per_frame = ["frames", *per_frame]
    large = [field for field in sound if field.large]
    whole = set(digested_table(metadata)) <= {*table, *(field.name for field in large)}
    chunk = metadata.chunk_frames
    for episode in range(metadata.counts.episodes):
        start, length = int(table["starts"][episode]), int(table["lengths"][episode])
        stop = start + padded_rows(length, chunk)
        rows: Rows = {}
        for name in per_frame:
            try:
                rows[name] = container.read(name, start, stop)
            except CorruptDataError as error:
                yield Violation(
                    f"{name}[{start}:{stop}] (episode {episode})", "readable chunks", str(error)
                )
        yield from _check_padding(rows, metadata, episode, start, length)
        if draw is not None and "frames" in rows:
            yield from _check_drawn(rows["frames"][:length], draw, episode, start)
        if find_states is not None and {ANCHORS, "random_words", "frames"} <= set(rows):
            seed = int(table["world_seeds"][episode]) if "world_seeds" in table else -1
            yield from _check_anchors(rows, metadata, find_states, seed, episode, start, length)
        rows = {name: values[:length] for name, values in rows.items()}
        yield from _check_episode(rows, metadata, table, episode, start, length)
        for field in large:
            try:
                values = container.read(field.path, episode, episode + 1)
                yield from _check_range(field, values, metadata, "", episode)
            except CorruptDataError as error:
                whole = False
                yield Violation(f"{field.path}[{episode}]", "readable chunks", str(error))
        on_episode(episode)
    if metadata.status == "complete" and whole:
        digest = dataset_digest(
            metadata, lambda name, start, stop: container.read(f"{TABLE}/{name}", start, stop)
        )
        if digest != metadata.digest:
            yield Violation(f"{ATTRIBUTE}.digest", digest, str(metadata.digest))


def _check_padding(
    rows: Rows, metadata: Metadata, episode: int, start: int, length: int
) -> Iterator[Violation]:
    """Check that the rows after the episode hold fill values."""
    for name in rows:
        field = metadata.frame_field(name)
        if field.spread:
            continue
        wrong = _rows_where(rows[name][length:] != np.dtype(field.dtype).type(field.fill))
        if len(wrong):
            row = start + length + wrong[0]
            yield Violation(
                f"{name}[{row}] (padding after episode {episode})",
                f"the fill value {field.fill}",
                "another",
            )


def _check_drawn(
    frames: NDArray[np.uint8], draw: Draw, episode: int, start: int
) -> Iterator[Violation]:
    """Check that frames are those that are drawn."""
    try:
        drawn = draw(start, start + len(frames))
    except CorruptDataError as error:
        yield Violation(f"frames (episode {episode}, drawn)", "readable chunks", str(error))
        return
    for row in _rows_where(frames != drawn)[:1]:
        yield Violation(
            f"frames[{start + row}] (episode {episode})", "the picture that is drawn", "another"
        )


def _check_anchors(
    rows: Rows,
    metadata: Metadata,
    find_states: FindStates,
    seed: int,
    episode: int,
    start: int,
    length: int,
) -> Iterator[Violation]:
    """Check the records of an episode's chunks."""
    where, chunk = f"(episode {episode})", metadata.chunk_frames
    words, frames = rows["random_words"][:length], rows["frames"][:length]
    if (np.diff(words) < 0).any():
        return  # which is another violation
    found = rows[ANCHORS].reshape(-1, chunk, rows[ANCHORS].shape[-1])
    try:
        wrong = wrong_records(
            found, words[::chunk], frames, lambda own: find_states(metadata, words, own, seed)
        )
        for number, expected, given in wrong:
            yield Violation(f"{ANCHORS}[{start + number * chunk}] {where}", expected, given)
    except ValueError as error:
        place = f"random_words {where}"
        yield Violation(place, "numbers that a world of its seed takes", str(error))


def _check_episode(
    rows: Rows, metadata: Metadata, table: Rows, episode: int, start: int, length: int
) -> Iterator[Violation]:
    """Check the rows of one episode: ranges, flags, sums, positions, digest."""
    where = f"(episode {episode})"
    seen = rows
    if "final_frames" in table and not table["final_frames"][episode]:
        yield from _check_placeholder(rows, metadata, episode, start + length - 1)
        seen = {name: values[:-1] for name, values in rows.items()}
    for name, values in seen.items():
        first = int(f"{name}[0]" in metadata.unknown)
        field = metadata.frame_field(name)
        yield from _check_range(field, values[first:], metadata, where, start + first)
    if "episode_ids" in rows:
        ids = rows["episode_ids"]
        for row in np.flatnonzero(ids != episode)[:1]:
            yield Violation(f"episode_ids[{start + row}] {where}", str(episode), str(ids[row]))
    extras = [extra.name for extra in metadata.extras]
    for name in ("actions", "rewards", "terminations", "truncations", *extras):
        if name in rows and np.any(rows[name][-1] != 0):
            place = f"{name}[{start + length - 1}] {where}"
            yield Violation(place, "0 on the final frame", str(rows[name][-1]))
    if "end_reasons" in table:
        reason = int(table["end_reasons"][episode])
        yield from _check_flags(rows, metadata, reason, where, start)
        if reason == TIME_LIMIT and length != metadata.env.length + 1:
            expected = f"{metadata.env.length + 1} at the time limit"
            yield Violation(f"{TABLE}/lengths[{episode}]", expected, str(length))
        if reason == CUT and length > metadata.env.length:
            expected = f"at most {metadata.env.length} in a cut episode"
            yield Violation(f"{TABLE}/lengths[{episode}] {where}", expected, str(length))
    if "rewards" in rows and "returns" in table:
        total = np.float32(rows["rewards"].sum(dtype=np.float64))
        found = table["returns"][episode]
        if total != found:
            yield Violation(
                f"{TABLE}/returns[{episode}]", f"{total}, the sum of rewards", str(found)
            )
    yield from _check_player(seen, metadata, where, start)
    for name in ("achievements", "random_words"):
        counts = seen.get(name, np.empty(0))
        for row in _rows_where(counts[1:] < counts[:-1])[:1]:
            place = f"{name}[{start + row + 1}] {where}"
            yield Violation(place, "counts that never fall", "one that fell")
    digested = [field.name for field in metadata.digested_fields()]
    if "digests" in table and set(digested) <= set(rows):
        hasher = EpisodeHasher(digested)
        hasher.update(rows)
        stored = table["digests"][episode].tobytes().hex()
        if hasher.digest().tobytes().hex() != stored:
            yield Violation(f"{TABLE}/digests[{episode}]", hasher.digest().tobytes().hex(), stored)


def _check_placeholder(
    rows: Rows, metadata: Metadata, episode: int, row: int
) -> Iterator[Violation]:
    """Check that a final frame that was not recorded is made of fill values."""
    for name in rows.keys() - {"episode_ids"}:
        field = metadata.frame_field(name)
        fill = np.dtype(field.dtype).type(field.fill)
        if (rows[name][-1] != fill).any():
            yield Violation(
                f"{name}[{row}] (episode {episode}, without a final frame)",
                f"the fill value {fill}",
                "another",
            )


def _check_flags(
    rows: Rows, metadata: Metadata, reason: int, where: str, start: int
) -> Iterator[Violation]:
    """Check that a flag is set on the row before the final frame, if the end reason says so.

    The end reason `unknown` allows either there.
    """
    for name, reasons in (("terminations", (TERMINATED,)), ("truncations", (TIME_LIMIT, CUT))):
        if name not in rows or not 0 <= reason < len(metadata.end_reasons):
            continue
        expected = np.zeros(len(rows[name]), bool)
        expected[-2:-1] = rows[name][-2:-1] if reason == UNKNOWN else reason in reasons
        for row in np.flatnonzero(rows[name] != expected)[:1]:
            yield Violation(
                f"{name}[{start + row}] {where}",
                f"{expected[row]} for end reason {metadata.end_reasons[reason]!r}",
                str(rows[name][row]),
            )


def _check_player(rows: Rows, metadata: Metadata, where: str, start: int) -> Iterator[Violation]:
    """Check that the player is inside the world, and where the semantic map shows it."""
    if "positions" not in rows:
        return
    positions = rows["positions"]
    outside = np.flatnonzero(((positions < 0) | (positions >= np.array(metadata.env.area))).any(1))
    for row in outside[:1]:
        yield Violation(
            f"positions[{start + row}] {where}", f"inside {metadata.env.area}", str(positions[row])
        )
    if "semantic" not in rows or len(outside) or "player" not in metadata.objects:
        return
    player = len(metadata.materials) + 1 + metadata.objects.index("player")
    cells = rows["semantic"][np.arange(len(positions)), positions[:, 0], positions[:, 1]]
    first = int("semantic[0]" in metadata.unknown)
    for row in first + np.flatnonzero(cells[first:] != player)[:1]:
        yield Violation(
            f"semantic[{start + row}] {where}",
            f"the player's id {player} at {tuple(positions[row].tolist())}",
            str(cells[row]),
        )


def _check_range(
    field: Field, values: NDArray[Any], metadata: Metadata, where: str, start: int
) -> Iterator[Violation]:
    """Check that values lie in the field's range; yield at most one violation."""
    low, high = field.low, metadata.highest(field.high)
    wrong = np.zeros(values.shape, bool)
    if values.dtype.kind == "f" and not field.extra:
        wrong |= ~np.isfinite(values)
    if low is not None:
        wrong |= values < low
    if high is not None:
        wrong |= values > high
    rows = _rows_where(wrong)
    if len(rows):
        if high is not None:
            expected = f"{low or 0:g} to {high:g}"
        else:
            expected = "finite numbers" if low is None else f"at least {low:g}"
        found = values[rows[0]][wrong[rows[0]]].ravel()[0]
        name = f"{field.path}[{start + rows[0]}]"
        yield Violation(name if field.per_episode else f"{name} {where}", expected, str(found))


def _rows_where(wrong: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the numbers of the rows that hold a true value."""
    return np.flatnonzero(wrong.reshape(len(wrong), -1).any(1)) if wrong.size else np.zeros(0, int)
