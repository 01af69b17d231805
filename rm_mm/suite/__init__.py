"""Methods x tasks x seeds: plan the cells, run what is missing, keep one record per cell."""
