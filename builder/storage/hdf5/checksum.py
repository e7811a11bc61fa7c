"""The checksum of HDF5's own structures, which the reader needs as well."""

from __future__ import annotations

from crafter_dataset.schemas.hdf5_checksum import lookup3

__all__ = ["lookup3"]
