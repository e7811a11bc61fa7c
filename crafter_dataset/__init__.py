"""Trajectory datasets of Crafter: built, stored, loaded, validated and shown."""
