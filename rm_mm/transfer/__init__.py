"""Turn a checkpoint from any source into a verified backbone, and fill downstream networks with it.

:mod:`rm_mm.transfer.export` lists the steps of an export. :mod:`rm_mm.transfer.slot` edits a
downstream config, and :mod:`rm_mm.transfer.initializer` loads the backbone into its network.
"""
