"""Data: the embedded mini set, and whether a config's data set is where it says."""
