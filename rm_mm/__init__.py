"""rm_mm: does this way of pretraining transfer?

Importing the package is cheap. It arranges for OpenMMLab to load the registered classes as soon as
OpenMMLab itself is imported, and not before (see :mod:`rm_mm.compat`).
"""

from rm_mm.compat import extend_stack

__version__ = '0.1.0'

extend_stack()
