"""The commands that build and validate."""
