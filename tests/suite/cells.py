"""Preparing cells in a test: whatever is wrong with them is raised."""

from rm_mm.errors import Mistakes
from rm_mm.suite.cell import prepared


def prepare_cells(cells, options):
    mistakes = Mistakes()
    found = prepared.prepare_cells(cells, options, mistakes)
    mistakes.require_none()
    return found
