"""What to build, as frozen values: the settings that make a dataset what it is, and its size."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from crafter_dataset.builder.policies.load import BUILTIN, describe_policy
from crafter_dataset.engine.spec import (
    ACHIEVEMENTS,
    ACTIONS,
    ITEMS,
    MATERIALS,
    OBJECTS,
    check_geometry,
)
from crafter_dataset.schemas.codecs import DEFAULT_CODEC, ChunkCodec
from crafter_dataset.schemas.layout import FRAME_FIELDS, OPTIONAL_FIELDS
from crafter_dataset.schemas.metadata import Counts, EnvSpec, Metadata

DEFAULT_FRAMES = 100_000


class SettingsError(ValueError):
    """A setting is out of its range, or does not fit the dataset to go on with."""

    exit_code = 2


@dataclass(frozen=True)
class Target:
    """How much to build: `frames` in all, or `episodes` whole ones; exactly one is set."""

    frames: int | None = None
    episodes: int | None = None

    def __post_init__(self) -> None:
        if (self.frames is None) == (self.episodes is None):
            raise SettingsError("target: expected either frames or episodes")
        for name, value in (("frames", self.frames), ("episodes", self.episodes)):
            if value is not None and not 1 <= value < 2**31:
                raise SettingsError(f"{name}: expected 1 to 2147483647, found {value}")

    def __str__(self) -> str:
        return f"{self.frames:,} frames" if self.frames else f"{self.episodes:,} episodes"

    def to_json(self) -> dict[str, int]:
        """Return the target as it is stored in a dataset's provenance."""
        return {"frames": self.frames} if self.frames else {"episodes": self.episodes or 0}

    def reached(self, counts: Counts) -> bool:
        """Whether that much is there."""
        return self.fraction(counts) >= 1

    def fraction(self, counts: Counts) -> float:
        """How much of it is there, 1 or more for all."""
        if self.frames:
            return counts.frames / self.frames
        return counts.episodes / (self.episodes or 1)


@dataclass(frozen=True)
class BuildSettings:
    """Everything that the content and layout of a dataset depend on.

    Parameters
    ----------
    seed : int
        Seed of the dataset, 0 to 2**63 - 1.
    policy : str
        `heuristic`, `random`, `noop` or `package.module:factory`.
    policy_args : mapping
        Arguments of the policy's factory.
    trajectories_per_world : int
        Consecutive episodes that explore the same world.
    length : int
        Time limit of an episode, in actions.
    size : tuple of int
        Picture (width, height), in pixels.
    area : tuple of int
        World (x, y), in cells.
    view : tuple of int
        Cells in the picture (x, y), the inventory rows included.
    fields : collection of str
        Optional per-frame fields to store.
    codec : str, optional
        `zstd:LEVEL`, `blosc-zstd:LEVEL`, `blosc-lz4:LEVEL`, `none`, or in HDF5
        `gzip:LEVEL`; by default what suits the container.
    chunk_frames : int
        Frames compressed together.
    """

    seed: int = 0
    policy: str = "heuristic"
    policy_args: Mapping[str, Any] = field(default_factory=dict)
    trajectories_per_world: int = 1
    length: int = 10_000
    size: tuple[int, int] = (64, 64)
    area: tuple[int, int] = (64, 64)
    view: tuple[int, int] = (9, 9)
    fields: Collection[str] = OPTIONAL_FIELDS
    codec: str | None = None
    chunk_frames: int = 32

    def metadata(self) -> Metadata:
        """Check the settings and make the metadata of an empty dataset.

        Raises
        ------
        SettingsError
            If a number is out of its range or a field unknown.
        PolicyError
            If the policy cannot be found or does not take the arguments.
        CodecError
            If the codec is unknown.
        """
        ranges = {
            "seed": (0, 2**63 - 1),
            "trajectories_per_world": (1, 2**31 - 1),
            "length": (1, 65_535),
            "chunk_frames": (1, 16_384),
        }
        for name, (low, high) in ranges.items():
            if not low <= getattr(self, name) <= high:
                raise SettingsError(
                    f"{name}: expected {low} to {high}, found {getattr(self, name)}"
                )
        try:
            check_geometry(self.area, self.view, self.size)
        except ValueError as error:
            raise SettingsError(str(error)) from error
        for name in self.fields:
            if name not in FRAME_FIELDS:
                raise SettingsError(
                    f"fields: expected names out of {', '.join(FRAME_FIELDS)}, found {name!r}"
                )
        return Metadata(
            env=EnvSpec(
                name="crafter",
                version=version("crafter"),
                area=self.area,
                view=self.view,
                size=self.size,
                length=self.length,
            ),
            policy=describe_policy(self.policy, self.policy_args),
            seed=self.seed,
            trajectories_per_world=self.trajectories_per_world,
            chunk_frames=self.chunk_frames,
            codec=str(ChunkCodec.parse(self.codec or DEFAULT_CODEC)),
            fields=tuple(
                f.name for f in FRAME_FIELDS.values() if not f.optional or f.name in self.fields
            ),
            actions=ACTIONS,
            materials=MATERIALS,
            objects=OBJECTS,
            items=ITEMS,
            achievements=ACHIEVEMENTS,
        )


_STORED: dict[str, Callable[[Metadata], Any]] = {
    "seed": lambda m: m.seed,
    "policy": lambda m: m.policy.name,
    "policy_args": lambda m: dict(m.policy.parameters),
    "trajectories_per_world": lambda m: m.trajectories_per_world,
    "length": lambda m: m.env.length,
    "size": lambda m: m.env.size,
    "area": lambda m: m.env.area,
    "view": lambda m: m.env.view,
    "fields": lambda m: m.fields,
    "codec": lambda m: m.codec,
    "chunk_frames": lambda m: m.chunk_frames,
}
"""Where each setting stands in the metadata."""


def foreign_entries(stored: EnvSpec) -> Iterator[tuple[str, str, str]]:
    """Yield in what a dataset's simulator is not the one installed: entry, its own, installed."""
    installed = BuildSettings().metadata().env
    for name in ("name", "version", "object_order"):
        if getattr(stored, name) != getattr(installed, name):
            yield name, getattr(stored, name), getattr(installed, name)


def check_resumable(
    stored: Metadata, settings: BuildSettings, given: Collection[str], where: str
) -> None:
    """Hold the settings that the user gave against those of the dataset to go on with.

    Parameters
    ----------
    stored : Metadata
        Of the dataset.
    settings : BuildSettings
        What the user asks for.
    given : collection of str
        Names of the settings that the user gave; for the rest the dataset's own hold.
    where : str
        Name of the dataset, for the message.

    Raises
    ------
    SettingsError
        Naming the first setting that differs, or the package whose version does.
    """
    for name in ("numbers", "sources"):
        if name in stored.episode_fields:
            raise SettingsError(
                f"{where}: expected a dataset whose episodes were built in their order, found one "
                "that was cut out of others or merged; it cannot be built further"
            )
    if stored.unknown:
        raise SettingsError(
            f"{where}: expected a dataset that was built here, found one that was imported; it "
            "cannot be built further"
        )
    own = {name: value(stored) for name, value in _STORED.items()}
    merged = BuildSettings(**(own | {name: getattr(settings, name) for name in given}))
    if merged.policy != own["policy"]:
        raise SettingsError(
            f"policy: expected {own['policy']} as in {where}, found {merged.policy}"
        )
    if "policy" not in given and merged.policy not in BUILTIN:
        raise SettingsError(
            f"policy: expected --policy {merged.policy}, since a file alone may not say what code "
            f"is run, found no policy given ({where})"
        )
    wanted = merged.metadata()
    for name, value in _STORED.items():
        if value(wanted) != value(stored):
            raise SettingsError(
                f"{name}: expected {_show(value(stored))} as in {where}, "
                f"found {_show(value(wanted))}"
            )
    for name, dataset_has, installed in foreign_entries(stored.env):
        raise SettingsError(
            f"environment {name}: expected {dataset_has} as in {where}, found {installed} installed"
        )


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        numbers = all(isinstance(item, int) for item in value)
        return ("x" if numbers else ",").join(map(str, value))
    return str(value)
