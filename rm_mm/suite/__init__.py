"""Methods x tasks x seeds: plan the cells, run what is missing, keep one record per cell.

1. ``requests``: a call is a frozen value, checked when it is built (``SuiteRequest``).
2. ``plan``: a preset and the call's custom entries make a ``Study``, which is planned as a list of
   ``Cell``: one run of one config, after the pretraining whose backbone it takes.
3. ``cell``: a ``PreparedCell`` is a cell with its resolved config. What would stop it is found now,
   before anything runs; cells that have a record are done. ``cost`` estimates the others.
4. ``launch``: runs the remaining cells in child processes, in this process, or as Slurm jobs.
5. ``steps``: a running cell is a few ``Step``: train, export, test. A step is a request and a log.
6. ``cell.result``: what the steps left becomes the record of the cell. Reports read only records.

``execution`` puts these together; ``options`` chooses what the call leaves open.
"""
