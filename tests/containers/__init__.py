"""What every container of a dataset must do, and what only one of them does."""
