"""Pictures of a whole dataset, with matplotlib: where agents went, what they saw and achieved."""
