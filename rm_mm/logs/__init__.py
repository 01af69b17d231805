"""Training logs of every format, each read in one place.

:mod:`.lines` splits a file and :mod:`.formats` turns its lines into typed entries. From these,
:mod:`.logged_run` collects evaluations and pace, :mod:`.recipe_log` learning rates and settings.
:mod:`.scalars` reads mmengine's logs in a work directory of the suite.
"""
