"""Steps of a cell, and running them in child processes."""
