"""The commands `view-dataset` and `plot-dataset`."""
