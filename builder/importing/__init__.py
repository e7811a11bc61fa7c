"""Importing: episodes of other formats as episodes of ours, with nothing invented."""

from __future__ import annotations
