"""Lay a data set out from its official archives, or make a subset of it."""

from rm_mm.data.prepare.datasets import prepare_data
from rm_mm.data.prepare.preparation import PrepareRequest, PrepareResult

__all__ = ['PrepareRequest', 'PrepareResult', 'prepare_data']
