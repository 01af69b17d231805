"""Method x task x seed: plan the cells, run what is missing, keep one record a cell."""
