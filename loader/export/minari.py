"""Minari, the Farama Foundation's format of offline datasets (minari.farama.org)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from crafter_dataset.loader.dataset import Dataset
from crafter_dataset.loader.episode import Episode
from crafter_dataset.loader.export.checks import FIELDS, check_dataset, check_final_frames
from crafter_dataset.loader.export.errors import ExportError
from crafter_dataset.schemas.entries import ATTRIBUTE
from crafter_dataset.schemas.errors import MissingPackageError, install_hint
from crafter_dataset.schemas.variables import HDF5, hidden

if TYPE_CHECKING:
    from gymnasium.envs.registration import EnvSpec
    from minari.data_collector import EpisodeBuffer

DATASET_ID = "crafter-v0"
"""Id in the dataset's metadata, whatever its folder is called."""

STEP_FIELDS = ("rewards", "terminations", "truncations")


def export(dataset: Dataset, path: Path) -> Iterator[int]:
    """Write the episodes as a Minari dataset, `data/metadata.json` and `data/main_data.hdf5`.

    Read it with `minari.MinariDataset(path / "data")`; or put it into Minari's
    own folder (`MINARI_DATASETS_PATH`) as `crafter-v0`, and use
    `minari.load_dataset("crafter-v0")`.

    Episode n is the group `episode_n`:

    - `observations`: uint8 (T + 1, H, W, 3), the frames
    - `actions`: int64 (T,), of `Discrete(17)`
    - `rewards`: float32 (T,), what that action caused
    - `terminations`, `truncations`: bool (T,)
    - `infos`: a group of all further fields, (T + 1, ...), as they are stored:
      `semantic`, `positions`, `inventory`, `achievements`, `daylight`
    - attributes: Minari's `id`, `total_steps`, `seed` and statistics of the
      rewards; and this package's `episode_id` in the source, and `end_reason`

    `seed` is the world's, if it is known: `reset(seed=seed)` of the
    environment that `recover_environment()` makes starts there. That is this
    package's environment, absent where the source did not state its settings.
    The entry `crafter_dataset` of the metadata holds the settings, and the
    names of actions, items and so on.

    Minari stores pictures of 32 or more pixels as lossy JPEG by default; here
    `jpeg_encoding` is false and every value is the source's. The HDF5 is not
    compressed: a default frame takes about 20 KiB. The files do not depend on
    when and where they are written, but on the versions of Minari, h5py and HDF5.

    Source: the package minari 0.5.4, `dataset/minari_storage.py`,
    `dataset/_storages/hdf5_storage.py` and `data_collector/callbacks`.

    Parameters
    ----------
    dataset : Dataset
        Episodes to export; they are numbered from 0 in their order.
    path : Path
        Folder to make.

    Yields
    ------
    int
        Frames of each episode, once it is written.

    Raises
    ------
    ExportError
        If there are no episodes, one has no action or no recorded final frame
        (Minari needs T + 1 observations), Minari is older than 0.5.4, or the
        disk has too little space.
    MissingPackageError
        If Minari, with its extra for HDF5, is not installed.
    """
    check_dataset(dataset, need_actions=True)
    check_final_frames(dataset, "the last of Minari's T + 1 observations")
    try:
        with hidden(*HDF5):
            import h5py  # noqa: F401  Minari itself lacks it only once it writes
        from minari.data_collector.callbacks import EpisodeMetadataCallback
        from minari.dataset.minari_storage import MinariStorage
    except ModuleNotFoundError as error:
        raise MissingPackageError("Minari", "minari") from error
    if "jpeg_encoding" not in signature(MinariStorage.new).parameters:
        raise ExportError(
            "Minari: expected version 0.5.4 or newer, since older ones store all pictures as lossy "
            f"JPEG, found {version('minari')}; "
            f"{install_hint('minari', upgrade=True)}"
        )
    _check_room(dataset, path)
    from gymnasium import spaces

    metadata = dataset.metadata
    path.mkdir()
    storage = MinariStorage.new(
        path / "data",
        observation_space=spaces.Box(0, 255, dataset[0]["frames"].shape[1:], np.uint8),
        action_space=spaces.Discrete(len(metadata.actions)),
        env_spec=_env_spec(dataset),
        data_format="hdf5",
        jpeg_encoding=False,
    )
    storage.update_metadata(_describe(dataset))
    statistics = EpisodeMetadataCallback()
    for number, episode in enumerate(dataset):
        buffer = _make_buffer(episode)
        storage.update_episodes([buffer])
        attributes = {
            **statistics({"rewards": np.asarray(buffer.rewards, np.float64)}),
            "episode_id": episode.id,
            "end_reason": episode.end_reason,
        }
        storage.update_episode_metadata([attributes], [number])
        yield episode.length


def _check_room(dataset: Dataset, path: Path) -> None:
    """Refuse a disk that is too small: Minari does not compress, and HDF5 fails badly if full."""
    sizes = dataset.metadata.sizes()
    row = sum(field.row_bytes(sizes) for field in dataset.metadata.frame_fields())
    needed, free = dataset.frames * row, shutil.disk_usage(path.parent).free
    if needed > free:
        raise ExportError(
            f"{path.parent}: expected {needed:,} bytes free, which Minari's files take, found "
            f"{free:,}"
        )


def _env_spec(dataset: Dataset) -> EnvSpec | None:
    """Return what Gymnasium can make the environment from, or None if that is not known."""
    from gymnasium.envs.registration import EnvSpec

    env = dataset.metadata.env
    settings = {name: getattr(env, name) for name in ("area", "view", "size", "length", "reward")}
    unknown = dataset.metadata.unknown
    if env.name != "crafter" or any(f"env.{name}" in unknown for name in ("name", *settings)):
        return None
    # As `crafter_dataset.envs` registers it, which the loader does not import.
    return EnvSpec(
        "crafter-dataset/Crafter-v1",
        entry_point="crafter_dataset.envs.single:CrafterEnv",
        kwargs=settings,
    )


def _describe(dataset: Dataset) -> dict[str, Any]:
    metadata = dataset.metadata
    used = [metadata.policy, *(source.policy for source in metadata.sources)]
    policies = ", ".join(dict.fromkeys(policy.name for policy in used))
    policies = "unknown" if "policy" in metadata.unknown else policies
    return {
        "dataset_id": DATASET_ID,
        "minari_version": version("minari"),
        "description": (
            "Trajectories of Crafter, a 2D survival game with procedurally generated worlds; "
            f"policy {policies}. Written by crafter-dataset."
        ),
        "algorithm_name": policies,
        "code_permalink": "https://github.com/danijar/crafter",
        "requirements": ["crafter-dataset"],
        ATTRIBUTE: metadata.header(),
    }


def _make_buffer(episode: Episode) -> EpisodeBuffer:
    from minari.data_collector import EpisodeBuffer

    rows = episode.load()
    infos = {name: rows[name] for name in rows if name not in (*FIELDS, "episode_ids")}
    return EpisodeBuffer(
        seed=episode.world_seed if episode.world_seed >= 0 else None,
        observations=rows["frames"],
        actions=rows["actions"][:-1].astype(np.int64),
        infos=infos or None,
        **{name: rows[name][:-1] for name in STEP_FIELDS},
    )
