"""Play an episode again from its seed and actions, and compare every stored value with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crafter_dataset.engine.seeding import world_seed
from crafter_dataset.engine.spec import foreign_entries, make_seen
from crafter_dataset.engine.stock import StockCrafter
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.layout import CUT, FRAME_FIELDS, STORED, TABLE, TERMINATED, TIME_LIMIT
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.violations import Violation


def replay(
    metadata: Metadata, episode: int, seed: int, actions: NDArray[np.uint8], cut: bool
) -> tuple[dict[str, NDArray[Any]], int, NDArray[np.uint8]]:
    """Simulate an episode with stock Crafter over ordered chunk sets.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.
    episode : int
        Episode id.
    seed : int
        Seed of the world's RandomState, 0 to 2**32 - 1.
    actions : ndarray, shape (T + 1,), uint8
        The stored actions; the last one is not taken.
    cut : bool
        Whether the collection stopped before the episode ended.

    Returns
    -------
    rows : dict of str to ndarray
        Every per-frame field of the dataset but the policy's own, T + 1 rows
        (fewer if the environment ended the episode earlier).
    end_reason : int
        Index into `schemas.layout.END_REASONS`.
    terrain : ndarray, shape `area`, uint8
        Material ids at reset, indexed [x, y].
    """
    env = metadata.env
    crafter = StockCrafter(env.area, env.view, env.size, env.length, env.reward)
    view = None if metadata.pictures == STORED else env.view
    seen = make_seen(len(actions), env.area, env.size, view)
    crafter.show(crafter.reset_world(seed), seen, 0)
    terrain = crafter.terrain()
    done: list[tuple[int, float, bool, bool]] = []
    end_reason = CUT
    for row, action in enumerate(actions[:-1].tolist(), start=1):
        frame, reward, terminated, truncated = crafter.advance(action)
        crafter.show(frame, seen, row)
        done.append((action, reward, terminated, truncated))
        if terminated or truncated:
            end_reason = TERMINATED if terminated else TIME_LIMIT
            break
    if cut and end_reason == CUT and done:
        done[-1] = (*done[-1][:3], True)
    done.append((0, 0.0, False, False))
    columns = zip(*done, strict=True)
    count = len(done)
    rows: dict[str, NDArray[Any]] = {
        "actions": np.array(next(columns), np.uint8),
        "rewards": np.array(next(columns), np.float32),
        "terminations": np.array(next(columns), bool),
        "truncations": np.array(next(columns), bool),
        "episode_ids": np.full(count, episode, np.int32),
    }
    sizes = metadata.sizes()
    shown = {name: values for name, values in seen._asdict().items() if len(values)}
    for name, values in shown.items():
        rows[name] = values[:count].reshape(count, *FRAME_FIELDS[name].row_shape(sizes))
    # What the policy stated beside its actions, `extras`, is not the environment's to give.
    return {n: rows[n] for n in metadata.known_fields() if n in rows}, end_reason, terrain


def compare_replay(
    metadata: Metadata,
    episode: int,
    stored: Mapping[str, NDArray[Any]],
    stored_seed: int,
    stored_reason: int,
    stored_terrain: NDArray[np.uint8],
    number: int | None = None,
) -> Iterator[Violation]:
    """Compare a stored episode with its replay, bit by bit; yield at most one violation a field.

    Parameters
    ----------
    metadata : Metadata
        Metadata of the dataset.
    episode : int
        Episode id.
    stored : mapping of str to ndarray
        Every per-frame field of the episode, T + 1 rows each.
    stored_seed : int
        Seed of the episode's world.
    stored_reason : int
        Index into `schemas.layout.END_REASONS`.
    stored_terrain : ndarray, shape `area`, uint8
        Material ids at reset, indexed [x, y].
    number : int, optional
        Number of the episode in the build that it comes from, if that is not its id; then the
        metadata's seed is that build's.

    Yields
    ------
    Violation
        One for each thing that differs; only one if it cannot be replayed.
    """
    where = f"(episode {episode}, replayed)"
    for name, dataset_has, installed in foreign_entries(metadata.env):
        yield Violation(
            f"{ATTRIBUTE}.env.{name}", f"{installed!r}, which is installed", repr(dataset_has)
        )
        return
    number = episode if number is None else number
    seed = world_seed(metadata.seed, number // metadata.trajectories_per_world)
    if stored_seed != seed:
        yield Violation(
            f"{TABLE}/world_seeds[{episode}]", f"{seed} from seed {metadata.seed}", str(stored_seed)
        )
    try:
        rows, reason, terrain = replay(
            metadata, episode, stored_seed, stored["actions"], stored_reason == CUT
        )
    except Exception as error:  # Crafter may raise anything for values that no build has stored
        text = " ".join(str(error).split())
        yield Violation(
            where[1:-1], "an episode that can be played", f"{type(error).__name__}: {text}"
        )
        return
    if reason != stored_reason:
        yield Violation(
            f"{TABLE}/end_reasons[{episode}]",
            metadata.end_reasons[reason],
            str(dict(enumerate(metadata.end_reasons)).get(stored_reason, stored_reason)),
        )
    if not np.array_equal(terrain, stored_terrain):
        yield Violation(f"{TABLE}/terrain[{episode}]", "the world of its seed", "another")
    for name in (name for name in stored if name in rows):
        values, expected = stored[name], rows[name]
        if len(values) != len(expected):
            yield Violation(f"{name} {where}", f"{len(expected)} rows", f"{len(values)}")
        elif values.tobytes() != expected.tobytes():
            row = np.flatnonzero((values != expected).reshape(len(values), -1).any(1))
            place = f"{name}[{row[0] if len(row) else 0} of the episode] {where}"
            yield Violation(place, "what Crafter gives", f"{len(row)} rows that differ")
