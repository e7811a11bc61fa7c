"""Datasets in the formats of other projects, a module a format, each with one `export`."""
