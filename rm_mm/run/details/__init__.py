"""Details of a run for people to look at: figures of each class, and a few pictures."""
