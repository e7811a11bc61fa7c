"""Copies of datasets, in part, split and merged."""
