"""One cell: its config, what would stop it, its steps and its record."""
