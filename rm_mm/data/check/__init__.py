"""Check that a data set is complete: ``rm-mm data check``."""

from rm_mm.data.check.datasets import check_data
from rm_mm.data.check.inspection import CheckRequest, CheckResult

__all__ = ['CheckRequest', 'CheckResult', 'check_data']
