"""The contract: field names, shapes, dtypes, metadata, digests, validation.

All that the other packages agree on. It imports no simulator, no torch and no
viewer.
"""

from __future__ import annotations

from crafter_dataset.schemas.container import ArrayInfo, Container
from crafter_dataset.schemas.entries import ATTRIBUTE, PROVENANCE
from crafter_dataset.schemas.errors import (
    CodecError,
    CorruptDataError,
    DatasetError,
    MetadataError,
    NotADatasetError,
    VersionError,
)
from crafter_dataset.schemas.layout import (
    CUT,
    END_REASONS,
    FIELDS,
    FORMAT_VERSION,
    FRAME_FIELDS,
    OPTIONAL_FIELDS,
    TABLE_FIELDS,
    TERMINATED,
    TIME_LIMIT,
    Field,
)
from crafter_dataset.schemas.metadata import Metadata
from crafter_dataset.schemas.validation import find_violations
from crafter_dataset.schemas.violations import Violation

__all__ = [
    "ATTRIBUTE",
    "CUT",
    "END_REASONS",
    "FIELDS",
    "FORMAT_VERSION",
    "FRAME_FIELDS",
    "OPTIONAL_FIELDS",
    "PROVENANCE",
    "TABLE_FIELDS",
    "TERMINATED",
    "TIME_LIMIT",
    "ArrayInfo",
    "CodecError",
    "Container",
    "CorruptDataError",
    "DatasetError",
    "Field",
    "Metadata",
    "MetadataError",
    "NotADatasetError",
    "VersionError",
    "Violation",
    "find_violations",
]
