"""What to build, as frozen values: the settings that make a dataset what it is, and its size."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from crafter_dataset.builder.errors import SettingsError
from crafter_dataset.schemas.arguments import whole_number
from crafter_dataset.schemas.codecs import CODEC_CHOICES, DEFAULT_CODEC, ChunkCodec
from crafter_dataset.schemas.errors import Advice
from crafter_dataset.schemas.hdf5_format import DEFAULT_CODEC as HDF5_CODEC
from crafter_dataset.schemas.layout import (
    BUILT_TABLE,
    FRAME_FIELDS,
    LONGEST,
    MOST_CHUNK_FRAMES,
    OPTIONAL_FIELDS,
    PICTURE_CHOICES,
    STORED,
)
from crafter_dataset.schemas.metadata import MIX, Counts, Metadata
from crafter_dataset.schemas.wording import counted

DEFAULT_FRAMES = 100_000

MOST_COUNT = 2**31 - 1
"""Frames or episodes of a dataset, at most."""


@dataclass(frozen=True)
class Setting:
    """What options and checks need to know of a setting beside its default.

    Parameters
    ----------
    about : str
        One sentence for `--help`.
    low, high : int, optional
        Inclusive range of an integer.
    stored : callable, optional
        Takes a dataset's metadata and returns the setting's value there.
    shown : str, optional
        What `--help` shows as the default, where the value does not say it.
    """

    about: str
    low: int | None = None
    high: int | None = None
    stored: Callable[[Metadata], Any] | None = None
    shown: str | None = None


def setting(default: Any, about: str, **rest: Any) -> Any:
    """Declare a field of a dataclass of settings.

    Parameters
    ----------
    default : object or callable
        Its default, or a function that makes it.
    about : str
        One sentence for `--help`.
    **rest : object
        Further parameters of `Setting`.

    Returns
    -------
    dataclasses.Field
        With a `Setting` in its metadata.
    """
    metadata = {"setting": Setting(about, **rest)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def settings_of(kind: type[Any]) -> dict[str, tuple[Any, Setting]]:
    """Return the settings that a dataclass declares.

    Parameters
    ----------
    kind : type
        The dataclass.

    Returns
    -------
    dict of str to tuple
        Default and `Setting` of each, by name; None for a default that a function makes.
    """
    return {
        f.name: (None if f.default is MISSING else f.default, f.metadata["setting"])
        for f in fields(kind)
        if "setting" in f.metadata
    }


def check_integers(values: Any) -> None:
    """Refuse integers out of the ranges that their dataclass declares, and make NumPy's Python's.

    Parameters
    ----------
    values : dataclass instance
        The settings, which are being made.

    Raises
    ------
    SettingsError
        If a number is out of its range, naming the first one.
    """
    for name, (_, known) in settings_of(type(values)).items():
        value = getattr(values, name)
        if known.low is not None and value is not None:
            number = whole_number(name, value, known.low, known.high, SettingsError)
            object.__setattr__(values, name, number)


@dataclass(frozen=True)
class Target:
    """How much to build: `frames` in all, or `episodes` whole ones; exactly one is set.

    Parameters
    ----------
    frames, episodes : int, optional
        How many, 1 to 2**31 - 1.

    Raises
    ------
    SettingsError
        If it is neither, or both, or out of its range.
    """

    frames: int | None = None
    episodes: int | None = None

    def __post_init__(self) -> None:
        if (self.frames is None) == (self.episodes is None):
            found = "neither" if self.frames is None else "both"
            raise SettingsError("frames", f"expected either frames or episodes, found {found}")
        for name, value in (("frames", self.frames), ("episodes", self.episodes)):
            if value is not None:
                number = whole_number(name, value, 1, MOST_COUNT, SettingsError)
                object.__setattr__(self, name, number)

    def __str__(self) -> str:
        return counted(self.frames or self.episodes or 0, "frame" if self.frames else "episode")

    def to_json(self) -> dict[str, int]:
        """Return the target as a dataset's provenance stores it: its unit and number."""
        return {"frames": self.frames} if self.frames else {"episodes": self.episodes or 0}

    def reached(self, counts: Counts) -> bool:
        """Tell whether that much is there.

        Parameters
        ----------
        counts : Counts
            What is there.
        """
        if self.frames:
            return counts.frames >= self.frames
        return counts.episodes >= (self.episodes or 0)


@dataclass(frozen=True)
class BuildSettings:
    """Everything that the content and layout of a dataset depend on.

    Each is declared here once: options, checks, and what a resumed build must
    agree with follow from the declarations.

    Parameters
    ----------
    seed : int
        Seed of the dataset, 0 to 2**63 - 1.
    policy : str
        `heuristic`, `random`, `noop`, `package.module:factory`, or `mix` of these.
    policy_args : mapping of str
        Arguments of the policy's factory, beside the number of lanes; for a mix,
        the weight of each policy by its name, or a mapping of `weight` and arguments.
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
    pictures : {'stored', 'drawn', 'both'}
        Store frames, or what they are drawn from, or both.
    codec : str, optional
        `zstd:LEVEL`, `blosc-zstd:LEVEL`, `blosc-lz4:LEVEL`, `none`, or in HDF5
        `gzip:LEVEL`; by default what suits the container.
    chunk_frames : int
        Frames compressed together.

    Raises
    ------
    SettingsError
        If a number is out of its range, or a field unknown.
    """

    seed: int = setting(
        0,
        "Seed of the dataset; everything follows from it.",
        low=0,
        high=2**63 - 1,
        stored=lambda m: m.seed,
    )
    policy: str = setting(
        "heuristic",
        "expert, medium, novice, heuristic (sticky random), random, noop, package.module:factory, "
        "or mix of these.",
        stored=lambda m: m.policy.name,
    )
    policy_args: Mapping[str, Any] = setting(
        dict,
        "An argument of the policy's factory, or a policy's weight in a mix; may be repeated.",
        stored=lambda m: dict(m.policy.parameters),
    )
    trajectories_per_world: int = setting(
        1,
        "Consecutive episodes that explore the same world.",
        low=1,
        high=MOST_COUNT,
        stored=lambda m: m.trajectories_per_world,
    )
    length: int = setting(
        10_000,
        "Time limit of an episode, in actions.",
        low=1,
        high=LONGEST,
        stored=lambda m: m.env.length,
    )
    size: tuple[int, int] = setting(
        (64, 64), "Size of a frame (width x height), in pixels.", stored=lambda m: m.env.size
    )
    area: tuple[int, int] = setting(
        (64, 64), "Size of the world, in cells.", stored=lambda m: m.env.area
    )
    view: tuple[int, int] = setting(
        (9, 9),
        "Cells that a frame shows, the inventory's rows included.",
        stored=lambda m: m.env.view,
    )
    fields: Collection[str] = setting(
        OPTIONAL_FIELDS,
        "Optional fields to store; actions, rewards and flags always are, and frames in some way.",
        stored=lambda m: m.fields,
    )
    pictures: str = setting(
        STORED,
        "Store frames as they are; or, in a fiftieth of their bytes, what they are drawn from when "
        "they are read; or both.",
        stored=lambda m: m.pictures,
    )
    codec: str | None = setting(
        None,
        f"Compression: {CODEC_CHOICES}.",
        stored=lambda m: m.codec,
        shown=f"{DEFAULT_CODEC}, {HDF5_CODEC} in HDF5",
    )
    chunk_frames: int = setting(
        32,
        "Frames compressed together.",
        low=1,
        high=MOST_CHUNK_FRAMES,
        stored=lambda m: m.chunk_frames,
    )

    def __post_init__(self) -> None:
        check_integers(self)
        object.__setattr__(self, "fields", _names_of_fields(self.fields))
        if self.pictures not in PICTURE_CHOICES:
            raise SettingsError(
                "pictures",
                f"expected one of {', '.join(PICTURE_CHOICES)}, found {self.pictures!r}",
            )
        if self.pictures != STORED and "inventory" not in self.fields:
            raise SettingsError(
                "pictures",
                f"expected {STORED}, or the field inventory to draw them from, found "
                f"{self.pictures} without it",
            )
        if not isinstance(self.policy_args, Mapping):
            raise SettingsError("policy_args", f"expected a mapping, found {self.policy_args!r}")

    def metadata(self) -> Metadata:
        """Check the settings and make the metadata of an empty dataset.

        Raises
        ------
        ArgumentError
            If Crafter cannot draw such a world or picture.
        PolicyError
            If the policy cannot be found or does not take the arguments.
        CodecError
            If the codec is unknown.
        """
        from crafter_dataset.builder.policies.declared import declared_extras
        from crafter_dataset.builder.policies.load import describe_policy
        from crafter_dataset.engine import spec  # it reads Crafter's lists of names
        from crafter_dataset.engine.pictures import check_view, tile_names

        spec.check_geometry(self.area, self.view, self.size)
        if self.pictures != STORED:
            check_view(self.view)
        policy = describe_policy(self.policy, self.policy_args)
        policies = policy.members() if policy.name == MIX else ()
        return Metadata(
            env=spec.installed_env(self.area, self.view, self.size, self.length),
            policy=policy,
            seed=self.seed,
            trajectories_per_world=self.trajectories_per_world,
            chunk_frames=self.chunk_frames,
            codec=str(ChunkCodec.parse(self.codec or DEFAULT_CODEC)),
            fields=tuple(
                name
                for name, f in FRAME_FIELDS.items()
                if not f.drawn and (not f.optional or name in self.fields)
            ),
            actions=spec.ACTIONS,
            materials=spec.MATERIALS,
            objects=spec.OBJECTS,
            items=spec.ITEMS,
            achievements=spec.ACHIEVEMENTS,
            episode_fields=(*BUILT_TABLE, "policies") if policies else BUILT_TABLE,
            policies=policies,
            extras=declared_extras(policy),
            pictures=self.pictures,
            tiles=() if self.pictures == STORED else tile_names(spec.MATERIALS),
        ).versioned()


_FIELD_NAMES = tuple(name for name, f in FRAME_FIELDS.items() if not f.drawn)


def _names_of_fields(fields: Collection[str]) -> tuple[str, ...]:
    """Return names of fields, a single one as well, each of which there is."""
    names = (fields,) if isinstance(fields, str) or not isinstance(fields, Iterable) else fields
    for name in names:
        if not isinstance(name, str) or name not in _FIELD_NAMES:
            raise SettingsError(
                "fields", f"expected names out of {', '.join(_FIELD_NAMES)}, found {name!r}"
            )
    return tuple(names)


def check_resumable(
    stored: Metadata, settings: BuildSettings, given: Collection[str], where: str
) -> None:
    """Check the settings that the user gave against those of the dataset to go on with.

    Parameters
    ----------
    stored : Metadata
        Of the dataset.
    settings : BuildSettings
        What the user asks for.
    given : collection of str
        Names of the settings that the user gave; the others are the dataset's own.
    where : str
        Name of the dataset, for the message.

    Raises
    ------
    SettingsError
        If a setting or the environment differs, naming the first; if the user's
        own policy is not given; or if the episodes were not built here in order.
    """
    from crafter_dataset.engine.spec import foreign_entries

    for name in ("numbers", "sources"):
        if name in stored.episode_fields:
            raise SettingsError(
                "resume",
                "expected a dataset whose episodes were built in their order, found one that was "
                f"cut out of others or merged; it cannot be built further ({where})",
            )
    if stored.unknown:
        raise SettingsError(
            "resume",
            "expected a dataset that was built here, found one that was imported; it cannot be "
            f"built further ({where})",
        )
    members = stored.policy.members() if stored.policy.name == MIX else ()
    if stored.policies != members:
        raise SettingsError(
            "resume",
            f"expected the policies of the mix, and none without a mix, found others ({where})",
        )
    kept = {name: known.stored for name, (_, known) in settings_of(BuildSettings).items()}
    own = {name: value(stored) for name, value in kept.items() if value is not None}
    merged = BuildSettings(**(own | {name: getattr(settings, name) for name in given}))
    if merged.policy != own["policy"]:
        raise SettingsError(
            "policy", f"expected {own['policy']} as in {where}, found {merged.policy}"
        )
    _check_code_given(stored, given, where)
    wanted = merged.metadata()
    for name, value in kept.items():
        if value is not None and value(wanted) != value(stored):
            raise SettingsError(
                name,
                f"expected {_show(value(stored))} as in {where}, found {_show(value(wanted))}",
            )
    if wanted.extras != stored.extras:
        names = [", ".join(e.name for e in m.extras) or "none" for m in (stored, wanted)]
        raise SettingsError(
            "policy",
            f"expected the extras of the policy as in {where} ({names[0]}, of their types and "
            f"shapes), found others ({names[1]})",
        )
    for name, dataset_has, installed in foreign_entries(stored.env):
        raise SettingsError(
            "resume",
            f"expected the environment's {name} {dataset_has} as in {where}, found {installed} "
            "installed",
        )


def _check_code_given(stored: Metadata, given: Collection[str], where: str) -> None:
    """Refuse to run a policy of the user's that only the dataset names."""
    from crafter_dataset.builder.policies.load import BUILTIN

    policy, names = stored.policy.name, [member.name for member in stored.policy.members()]
    of_users = next((name for name in names if name not in BUILTIN), None)
    if of_users is None or ("policy" in given and (policy != MIX or "policy_args" in given)):
        return
    reason = "since a file alone may not say what code is run"
    if policy == MIX:
        parts = (f"{n}={json.dumps(p)}" for n, p in stored.policy.parameters.items())
        raise SettingsError(
            "policy_args",
            f"expected the mix with {of_users} to be given, {reason}, found no policies given "
            f"({where}, built with {' '.join(parts)})",
        )
    raise SettingsError(
        "policy",
        f"expected {policy} to be given, {reason}, found no policy given ({where})",
        advice=[Advice("go on with", "policy", policy)],
    )


def _show(value: Any) -> str:
    if isinstance(value, tuple):
        numbers = all(isinstance(item, int) for item in value)
        return ("x" if numbers else ",").join(map(str, value))
    return str(value)
