"""From a checkpoint of any source to a verified backbone, and into a downstream network."""
