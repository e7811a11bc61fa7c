"""Exact Crafter, by either of two engines: compiled, and the crafter package itself."""
