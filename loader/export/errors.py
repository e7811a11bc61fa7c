"""Why a dataset cannot be exported."""

from __future__ import annotations

from crafter_dataset.schemas.errors import CrafterDatasetError


class ExportError(CrafterDatasetError):
    """What the format cannot hold."""
