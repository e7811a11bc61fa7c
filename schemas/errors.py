"""What can be wrong with a dataset, as exceptions whose message is one clear line."""

from __future__ import annotations


class DatasetError(Exception):
    """Base of every error about a dataset; its text is one line for the user."""


class NotADatasetError(DatasetError):
    """The path is missing, or holds something that is no Crafter dataset."""


class VersionError(DatasetError):
    """The dataset was written to a version of the format that this software cannot read."""


class MetadataError(DatasetError):
    """The dataset's metadata breaks the format."""


class CorruptDataError(DatasetError):
    """Stored bytes are missing, cut short, or fail their checksum."""


class CodecError(DatasetError):
    """A codec's name or level is not one the format allows."""

    exit_code = 2
