"""Crafter's worlds as pictures, and what was seen of them; NumPy only."""
