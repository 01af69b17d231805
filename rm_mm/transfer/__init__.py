"""From a checkpoint of any source to a verified backbone, and into a downstream network.

:mod:`rm_mm.transfer.export` describes the way of a checkpoint, :mod:`rm_mm.transfer.slot` and
:mod:`rm_mm.transfer.initializer` how a downstream network takes the result.
"""
