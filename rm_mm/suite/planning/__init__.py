"""What a call asks for: its preset, its cells, what would stop them, and what they cost."""
