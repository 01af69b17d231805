"""Training logs that were made elsewhere, as rows of the table.

A file goes line by line (:mod:`.lines`) to the reader of its format (:mod:`.formats`), which fills
a :class:`.curve.LoggedRun`; that is matched with a recipe (:mod:`.identify`) and becomes a record
(:mod:`.rows`). No more than the evaluations is held, so that a log may be of any size.
"""
