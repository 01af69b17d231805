"""Exact resume: an interrupted and resumed training ends with the bits of an uninterrupted one.

No random generator is carried over. Each sample and each iteration seeds the generators anew, from
the seed of the run and its own position in the run (:mod:`.loader`). State that a position does not
determine is written into each checkpoint (:mod:`.state`), atomically (:mod:`.checkpoints`).
"""
