"""From a preset or study to the cells that have to run."""
