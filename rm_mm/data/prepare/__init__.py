"""Lay a data set out from its official archives, or a small version of it."""
