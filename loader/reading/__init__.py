"""How any container is read: files mapped into memory, chunks decoded where they are wanted."""

from __future__ import annotations
