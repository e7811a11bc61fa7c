"""Reliability, measured: what survives kills, power loss, damage, malice and bad disks."""
