"""Training logs of every format, each read in one place.

:mod:`.lines` splits a file, :mod:`.formats` turns its lines into typed entries, and three readers
answer questions: :mod:`.run` (which evaluations, how fast), :mod:`.schedule` (which learning rates
and settings) and :mod:`.scalars` (the same of a work directory of the suite).
"""
