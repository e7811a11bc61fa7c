"""A dataset that is read into memory once, and shared by processes."""
