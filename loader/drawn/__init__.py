"""Frames that are drawn as they are read."""
