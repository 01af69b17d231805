"""Is a data set whole? ``rm-mm data check``."""

from rm_mm.data.check.inspection import CheckResult
from rm_mm.data.check.run import check_data

__all__ = ['CheckResult', 'check_data']
