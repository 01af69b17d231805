"""rm_mm: does this way of pretraining transfer?

Importing the package is cheap and makes the whole of it known to OpenMMLab: the stack is asked to
load the registered classes as soon as it is itself imported, and not before (see
:mod:`rm_mm.compat`).
"""

from rm_mm.compat import install

__version__ = '0.1.0'

install()
