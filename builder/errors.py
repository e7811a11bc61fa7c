"""Why a dataset cannot be written."""

from __future__ import annotations

from crafter_dataset.schemas.errors import ArgumentError, CrafterDatasetError


class BuildError(CrafterDatasetError):
    """A build or a copy cannot start or go on; what is committed stays readable."""


class StoppedError(CrafterDatasetError):
    """The caller has stopped an export, which leaves nothing behind."""


class SettingsError(ArgumentError):
    """A setting is out of its range, or does not fit the dataset to go on with."""


class PolicyError(ArgumentError):
    """A policy cannot be found, or does not take its arguments."""
