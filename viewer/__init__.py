"""Show trajectory datasets of Crafter."""
