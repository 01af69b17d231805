"""Data sets: embedded images, loading, checks, preparation from archives, and packs."""
