"""The error of exporting."""

from __future__ import annotations

from crafter_dataset.schemas.errors import CrafterDatasetError


class ExportError(CrafterDatasetError):
    """A dataset cannot be exported: the format cannot hold it, or it cannot be written."""
