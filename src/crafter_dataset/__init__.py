"""Trajectory datasets of Crafter: built, stored, loaded, validated and shown.

Each command is a function here: `build`, `validate`, `summarize` (which
`inspect-dataset` shows), `convert`, `merge`, `split`, `view` and `plot`. What
is here is imported when it is first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crafter_dataset.builder.build import build as build
    from crafter_dataset.builder.convert import convert as convert
    from crafter_dataset.builder.copying.combine import CombineError as CombineError
    from crafter_dataset.builder.errors import BuildError as BuildError
    from crafter_dataset.builder.errors import PolicyError as PolicyError
    from crafter_dataset.builder.errors import SettingsError as SettingsError
    from crafter_dataset.builder.errors import StoppedError as StoppedError
    from crafter_dataset.builder.importing.foreign import ForeignError as ForeignError
    from crafter_dataset.builder.merge import merge as merge
    from crafter_dataset.builder.policies.compiled import CompiledPolicy as CompiledPolicy
    from crafter_dataset.builder.policies.open_loop import OpenLoopPolicy as OpenLoopPolicy
    from crafter_dataset.builder.policies.protocol import Policy as Policy
    from crafter_dataset.builder.split import split as split
    from crafter_dataset.engine.protocol import EngineError as EngineError
    from crafter_dataset.engine.seeding import policy_generator as policy_generator
    from crafter_dataset.engine.seeding import world_seed as world_seed
    from crafter_dataset.envs import ENV_ID as ENV_ID
    from crafter_dataset.envs import CrafterEnv as CrafterEnv
    from crafter_dataset.envs import CrafterVectorEnv as CrafterVectorEnv
    from crafter_dataset.loader.dataset import Dataset as Dataset
    from crafter_dataset.loader.dataset import open_dataset as open_dataset
    from crafter_dataset.loader.episode import Episode as Episode
    from crafter_dataset.loader.episode import EpisodeField as EpisodeField
    from crafter_dataset.loader.export.errors import ExportError as ExportError
    from crafter_dataset.loader.samplers import DiamondSampler as DiamondSampler
    from crafter_dataset.loader.samplers import EpisodeSampler as EpisodeSampler
    from crafter_dataset.loader.samplers import Sampler as Sampler
    from crafter_dataset.loader.samplers import SequentialSampler as SequentialSampler
    from crafter_dataset.loader.samplers import TerminalSampler as TerminalSampler
    from crafter_dataset.loader.samplers import UniformSampler as UniformSampler
    from crafter_dataset.loader.samplers import WeightedSampler as WeightedSampler
    from crafter_dataset.loader.samplers import by_return as by_return
    from crafter_dataset.loader.summarize import summarize as summarize
    from crafter_dataset.loader.summary import Summary as Summary
    from crafter_dataset.loader.summary import crafter_score as crafter_score
    from crafter_dataset.loader.table import EpisodeTable as EpisodeTable
    from crafter_dataset.loader.torch import Batch as Batch
    from crafter_dataset.loader.torch import WindowDataset as WindowDataset
    from crafter_dataset.loader.torch import WindowLoader as WindowLoader
    from crafter_dataset.loader.torch import collate as collate
    from crafter_dataset.loader.torch import normalize as normalize
    from crafter_dataset.loader.validate import ValidationReport as ValidationReport
    from crafter_dataset.loader.validate import validate as validate
    from crafter_dataset.loader.windows import Windows as Windows
    from crafter_dataset.schemas.errors import ArgumentError as ArgumentError
    from crafter_dataset.schemas.errors import CodecError as CodecError
    from crafter_dataset.schemas.errors import CorruptDataError as CorruptDataError
    from crafter_dataset.schemas.errors import CrafterDatasetError as CrafterDatasetError
    from crafter_dataset.schemas.errors import DatasetError as DatasetError
    from crafter_dataset.schemas.errors import MetadataError as MetadataError
    from crafter_dataset.schemas.errors import MissingPackageError as MissingPackageError
    from crafter_dataset.schemas.errors import NotADatasetError as NotADatasetError
    from crafter_dataset.schemas.errors import UnknownNameError as UnknownNameError
    from crafter_dataset.schemas.errors import VersionError as VersionError
    from crafter_dataset.schemas.metadata import Metadata as Metadata
    from crafter_dataset.schemas.progress import Progress as Progress
    from crafter_dataset.schemas.violations import Violation as Violation
    from crafter_dataset.viewer.plot import plot as plot
    from crafter_dataset.viewer.view import DisplayError as DisplayError
    from crafter_dataset.viewer.view import view as view

    __version__: str

_HOMES: dict[str, tuple[str, ...]] = {
    "builder.build": ("build",),
    "builder.convert": ("convert",),
    "builder.copying.combine": ("CombineError",),
    "builder.errors": ("BuildError", "PolicyError", "SettingsError", "StoppedError"),
    "builder.importing.foreign": ("ForeignError",),
    "builder.merge": ("merge",),
    "builder.policies.compiled": ("CompiledPolicy",),
    "builder.policies.open_loop": ("OpenLoopPolicy",),
    "builder.policies.protocol": ("Policy",),
    "builder.split": ("split",),
    "engine.protocol": ("EngineError",),
    "engine.seeding": ("policy_generator", "world_seed"),
    "envs": ("ENV_ID", "CrafterEnv", "CrafterVectorEnv"),
    "loader.dataset": ("Dataset", "open_dataset"),
    "loader.episode": ("Episode", "EpisodeField"),
    "loader.export.errors": ("ExportError",),
    "loader.samplers": (
        "DiamondSampler",
        "EpisodeSampler",
        "Sampler",
        "SequentialSampler",
        "TerminalSampler",
        "UniformSampler",
        "WeightedSampler",
        "by_return",
    ),
    "loader.summarize": ("summarize",),
    "loader.summary": ("Summary", "crafter_score"),
    "loader.table": ("EpisodeTable",),
    "loader.torch": ("Batch", "WindowDataset", "WindowLoader", "collate", "normalize"),
    "loader.validate": ("ValidationReport", "validate"),
    "loader.windows": ("Windows",),
    "schemas.errors": (
        "ArgumentError",
        "CodecError",
        "CorruptDataError",
        "CrafterDatasetError",
        "DatasetError",
        "MetadataError",
        "MissingPackageError",
        "NotADatasetError",
        "UnknownNameError",
        "VersionError",
    ),
    "schemas.metadata": ("Metadata",),
    "schemas.progress": ("Progress",),
    "schemas.violations": ("Violation",),
    "viewer.plot": ("plot",),
    "viewer.view": ("DisplayError", "view"),
}
"""Public names, by the module that each is in."""

_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


if not TYPE_CHECKING:  # else a checker would take any name for one of these

    def __getattr__(name: str) -> Any:
        if name == "__all__":
            return _names_there_are()
        if name == "__version__":
            from importlib.metadata import version

            return version("crafter-dataset")
        if name not in _HOME_OF:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)


def _names_there_are() -> list[str]:
    """List the public names that can be had, so without PyTorch's where that is not installed."""
    from importlib.util import find_spec

    has_torch = find_spec("torch") is not None
    return sorted(name for name, home in _HOME_OF.items() if has_torch or home != "loader.torch")


def __dir__() -> list[str]:
    own = (name for name in globals() if name.startswith("__"))
    return sorted({*own, *_names_there_are(), "__version__"})
