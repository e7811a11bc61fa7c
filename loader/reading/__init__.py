"""What all containers share: files mapped into memory, chunks decoded where they are wanted."""

from __future__ import annotations
