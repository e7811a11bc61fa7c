"""`build`: what `build-dataset` does, for Python."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

from crafter_dataset.builder.errors import BuildError, SettingsError, StoppedError
from crafter_dataset.builder.policies.load import name_policy
from crafter_dataset.builder.policies.protocol import PolicyFactory
from crafter_dataset.builder.pool.worker import is_worker
from crafter_dataset.builder.run import run_build
from crafter_dataset.builder.run_options import COMMIT_SECONDS, RunOptions
from crafter_dataset.builder.settings import BuildSettings, Target
from crafter_dataset.builder.stopping import StopOption, ctrl_c_unless
from crafter_dataset.builder.storage.place import describe_kept
from crafter_dataset.loader.dataset import Dataset, open_dataset
from crafter_dataset.schemas.arguments import as_pair
from crafter_dataset.schemas.errors import Note
from crafter_dataset.schemas.layout import OPTIONAL_FIELDS, STORED
from crafter_dataset.schemas.progress import ProgressOption, reporting

P = ParamSpec("P")
R = TypeVar("R")


def _noting_what_is_given(function: Callable[P, R]) -> Callable[P, R]:
    """Tell a function, in its argument `given`, which arguments it is called with."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs.get("given") is None:
            kwargs["given"] = frozenset(name for name, value in kwargs.items() if value is not None)
        return function(*args, **kwargs)

    return called


@_noting_what_is_given
def build(
    path: str | Path,
    *,
    frames: int | None = None,
    episodes: int | None = None,
    seed: int = 0,
    policy: str | PolicyFactory = "heuristic",
    policy_args: Mapping[str, Any] | None = None,
    trajectories_per_world: int = 1,
    length: int = 10_000,
    size: tuple[int, int] | int = (64, 64),
    area: tuple[int, int] | int = (64, 64),
    view: tuple[int, int] | int = (9, 9),
    fields: Collection[str] = OPTIONAL_FIELDS,
    pictures: str = STORED,
    codec: str | None = None,
    chunk_frames: int = 32,
    workers: int | None = None,
    num_envs: int = 4,
    engine: Literal["fast", "crafter"] = "fast",
    commit_seconds: float = COMMIT_SECONDS,
    allow_policy_change: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    progress: ProgressOption = None,
    should_stop: StopOption = None,
    given: Collection[str] | None = None,
) -> Dataset:
    """Build a dataset of Crafter episodes, or go on with one.

    The same arguments make the same dataset, digest and all, whatever the
    number of workers and environments and the engine. Ctrl-C commits the
    episodes that are whole, and then raises KeyboardInterrupt.

    Parameters
    ----------
    path : str or Path
        What to write: the folder of a Zarr group, such as `data.zarr`, or an
        HDF5 file, which ends in `.h5`, `.hdf5` or `.hdf`.
    frames : int, optional
        Frames in all; the last episode is cut to fit. By default 100,000, or for
        a dataset to resume, what it was to become.
    episodes : int, optional
        Whole episodes in all, instead of `frames`.
    seed : int
        Seed of the dataset, 0 to 2**63 - 1; everything follows from it.
    policy : str or callable
        `heuristic` (sticky random), `random`, `noop`, or
        `package.module:factory`; or the factory itself, a function or class
        that worker processes can import: one at the top of a module. `mix` lets
        each episode be played by one of several policies.
    policy_args : mapping of str, optional
        Arguments of the factory, beside the number of environments. They must
        fit into JSON, and are stored with the dataset. Of a mix: the weight of
        each policy, by its name, or a mapping of its `weight` and arguments;
        weights add up to 1.
    trajectories_per_world : int
        Consecutive episodes that explore the same world.
    length : int
        Time limit of an episode, in actions, 1 to 65,535.
    size : int or tuple of int
        Width and height of a frame, in pixels.
    area : int or tuple of int
        Width and height of the world, in cells.
    view : int or tuple of int
        Cells that a frame shows, across and down, the inventory's rows included.
    fields : collection of str
        Optional fields to store; frames, actions, rewards and flags always are.
    pictures : {'stored', 'drawn', 'both'}
        Store frames as they are, for any reader; or what they are drawn from
        when this package reads them, in a twentieth of the bytes; or both.
    codec : str, optional
        Compression: `zstd:1..22`, `blosc-zstd:1..9`, `blosc-lz4:1..9`, in Zarr
        `none`, in HDF5 `gzip:0..9`. By default `zstd:1`, in HDF5 `gzip:3`.
    chunk_frames : int
        Frames compressed together, 1 to 16,384.
    workers : int, optional
        Worker processes, 0 to 1,024; 0 plays in this process. By default one per
        core.
    num_envs : int
        Environments of each worker: the batch that a policy sees.
    engine : {'fast', 'crafter'}
        What plays: compiled code, or the crafter package itself.
    commit_seconds : float
        Time between commits, so at most what a kill costs.
    allow_policy_change : bool
        Go on with a dataset although its policy has changed: the policy's module, or
        a file that `policy_args` names. Otherwise that is an error; either way the
        dataset's provenance has a hash of these files for each run.
    resume : bool
        Go on with the dataset at `path`, if there is one, by its own settings;
        with a larger `frames` or `episodes`, extend it. Settings that are given
        must be its own. A policy of yours must be given: a file alone never
        says what code is run.
    overwrite : bool
        Replace the dataset at `path`, once the new one is complete: until then it
        grows in a hidden folder or file beside it, with which `resume` goes on.
    progress : bool or callable, optional
        True shows a line on standard error, False none; by default it is shown
        if that is a terminal. A callable is called with a `Progress` a few
        times a second instead.
    should_stop : callable, optional
        Called a few times a second; once true, the build ends with the episodes
        that are whole, and the dataset's `metadata.status` is `building`. Ctrl-C
        is then left to you.
    given : collection of str, optional
        Which settings a dataset to resume must agree with, for programs that
        always pass all of them; by default those that are passed.

    Returns
    -------
    Dataset
        What was built.

    Raises
    ------
    BuildError
        If the path is taken or foreign, or the policy or an environment raises.
    SettingsError, PolicyError, CodecError
        If the settings are wrong, or are not those of the dataset to resume.
    EngineError
        If the engine cannot be used, or not for such a world.
    DatasetError
        If the dataset to resume is damaged.
    OSError
        If the disk is full or cannot be written.
    StoppedError
        If `should_stop` ends it before any episode is whole; nothing is written then.
    KeyboardInterrupt
        After Ctrl-C, once all whole episodes are committed.

    Examples
    --------
    >>> import crafter_dataset
    >>> dataset = crafter_dataset.build("data.zarr", frames=1000, seed=7, workers=0)
    >>> dataset.frames
    1000
    """
    if is_worker():
        raise BuildError(
            "build: expected no call while a worker process imports the policy's module, found "
            "one; put what the script does under: if __name__ == '__main__':"
        )
    if frames is not None and episodes is not None:
        raise SettingsError(("frames", "episodes"), "expected at most one, found both")
    target = None if frames is episodes is None else Target(frames, episodes)
    settings = BuildSettings(
        seed=seed,
        policy=name_policy(policy),
        policy_args=policy_args or {},
        trajectories_per_world=trajectories_per_world,
        length=length,
        size=as_pair("size", size, SettingsError),
        area=as_pair("area", area, SettingsError),
        view=as_pair("view", view, SettingsError),
        fields=fields,
        pictures=pictures,
        codec=codec,
        chunk_frames=chunk_frames,
    )
    given = set(given or ()) & set(BuildSettings.__dataclass_fields__)
    with reporting(progress) as report, ctrl_c_unless(should_stop) as asked:
        options = RunOptions(
            workers, num_envs, engine, commit_seconds, allow_policy_change, report, asked
        )
        result = run_build(
            path, settings, target, options, resume=resume, overwrite=overwrite, given=given
        )
    if not result.complete and should_stop is None:
        raise KeyboardInterrupt(Note(*describe_kept(result.path, result.metadata.counts)))
    if not result.path.exists():
        raise StoppedError("stopped: nothing was written")
    return open_dataset(result.path)
