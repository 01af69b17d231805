"""Reports: records and logs in, tables, verdicts and a page out."""

from rm_mm.reporting.request import Report, ReportRequest, report

__all__ = ['Report', 'ReportRequest', 'report']
