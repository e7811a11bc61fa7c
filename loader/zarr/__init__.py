"""Zarr groups as containers: read directly from their files, or through zarr-python."""
