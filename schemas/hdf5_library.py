"""Load h5py so that no variable of the environment keeps it from that."""

from __future__ import annotations

from crafter_dataset.schemas.variables import HDF5, hidden

with hidden(*HDF5):
    import h5py

__all__ = ["h5py"]
