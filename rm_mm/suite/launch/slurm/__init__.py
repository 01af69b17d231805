"""``--cluster slurm``: cells as jobs that outlive the call that submitted them."""
