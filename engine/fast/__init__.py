"""Crafter compiled with numba, to be read side by side with the crafter package."""
