"""Training logs as rows of a table: which recipe each belongs to, its record, and its seed."""
