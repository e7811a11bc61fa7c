"""Copying: episodes of datasets of ours into another one, as the bytes they are stored in."""

from __future__ import annotations
