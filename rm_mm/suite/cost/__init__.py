"""What a plan costs: GPU-hours, wall time and disk."""
