"""Ways to store a dataset and to read windows of it: ours, and others as fast as they allow."""

from __future__ import annotations

from benchmarks.peers.base import Peer, Reader
from benchmarks.peers.hdf5 import HDF5
from benchmarks.peers.lance_table import LanceTable
from benchmarks.peers.minari_dataset import Minari
from benchmarks.peers.ours import DecodeLimit, Ours, OursDrawn, OursInHdf5
from benchmarks.peers.raw_memory_map import RawMemoryMap
from benchmarks.peers.torch_episodes import TorchEpisodes
from benchmarks.peers.zarr_python import ZarrPython

__all__ = ["PEERS", "Peer", "Reader"]

PEERS: tuple[Peer, ...] = (
    DecodeLimit(),
    Ours(1),
    Ours(2),
    OursDrawn(1),
    OursDrawn(2),
    OursInHdf5("zstd:1"),
    OursInHdf5("gzip:3"),
    ZarrPython(),
    HDF5("gzip", 4),
    HDF5("lzf"),
    LanceTable("PNG"),
    LanceTable("zstd"),
    Minari("hdf5"),
    Minari("arrow"),
    TorchEpisodes(),
    RawMemoryMap(),
)
