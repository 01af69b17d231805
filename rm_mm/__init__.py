"""rm_mm: does this way of pretraining transfer?

``import rm_mm`` is cheap. It registers the classes of the package with OpenMMLab, once that is
itself imported (:mod:`rm_mm.compat`), and offers the Python API, each part of which is imported at
first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rm_mm.compat import extend_stack

if TYPE_CHECKING:
    from rm_mm.pretrain import RecursiveMix, RecursiveMixLoss
    from rm_mm.records import Record, RecordSet, read_records
    from rm_mm.reporting import Report, ReportRequest, report
    from rm_mm.run.requests import TestRequest, TrainRequest, TrainResult
    from rm_mm.run.testing import test
    from rm_mm.run.training import train
    from rm_mm.suite.execution import (
        SuitePlan,
        SuiteResult,
        plan_suite,
        run_suite,
        run_transfer,
    )
    from rm_mm.suite.requests import SlurmRequest, SuiteRequest, TransferRequest
    from rm_mm.transfer.export import ExportRequest, export, verify
    from rm_mm.transfer.manifest import Manifest

__version__ = '0.1.0'

#: The Python API: names by the module that defines them.
_API = {
    'rm_mm.pretrain': ('RecursiveMix', 'RecursiveMixLoss'),
    'rm_mm.records': ('Record', 'RecordSet', 'read_records'),
    'rm_mm.reporting': ('Report', 'ReportRequest', 'report'),
    'rm_mm.run.requests': ('TestRequest', 'TrainRequest', 'TrainResult'),
    'rm_mm.run.testing': ('test',),
    'rm_mm.run.training': ('train',),
    'rm_mm.suite.execution': (
        'SuitePlan', 'SuiteResult', 'plan_suite', 'run_suite', 'run_transfer',
    ),
    'rm_mm.suite.requests': ('SlurmRequest', 'SuiteRequest', 'TransferRequest'),
    'rm_mm.transfer.export': ('ExportRequest', 'export', 'verify'),
    'rm_mm.transfer.manifest': ('Manifest',),
}  # fmt: skip
_MODULES = {name: module for module, names in _API.items() for name in names}

__all__ = [
    'ExportRequest',
    'Manifest',
    'Record',
    'RecordSet',
    'RecursiveMix',
    'RecursiveMixLoss',
    'Report',
    'ReportRequest',
    'SlurmRequest',
    'SuitePlan',
    'SuiteRequest',
    'SuiteResult',
    'TestRequest',
    'TrainRequest',
    'TrainResult',
    'TransferRequest',
    'export',
    'plan_suite',
    'read_records',
    'report',
    'run_suite',
    'run_transfer',
    'test',
    'train',
    'verify',
]


def __getattr__(name: str) -> Any:
    """Import a part of the Python API at first use."""
    if name not in _MODULES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


extend_stack()
