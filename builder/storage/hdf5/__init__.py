"""An HDF5 file that is only ever appended to, but for the 48 bytes at its start.

libhdf5 changes a file's structures in place, so a process that is killed, or a
machine that loses power, can leave a file that no longer opens. Here a commit
appends what is new (chunks, the right edges of the chunk indices, object
headers), makes it durable, and then replaces the superblock, which says where
the root lies and where the file ends. Whoever opens the file finds the state
before or the one after, and what a reader has once found is never changed.

Source of the structures: HDF5 File Format Specification Version 3.0.
"""

from __future__ import annotations
