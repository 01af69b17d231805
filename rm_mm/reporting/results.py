"""Records arranged as a table: rows are methods, columns are tasks, each cell has a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rm_mm.names import METHODS, SETTINGS, TASKS
from rm_mm.records import Record
from rm_mm.reporting.verdict import TableCell, Verdict, judge_cells

#: Heading and decimals of each metric: one more than the paper prints.
HEADINGS = {
    'top1_percent': ('top-1 %', 3),
    'box_ap_percent': ('box AP %', 2),
    'mask_ap_percent': ('mask AP %', 2),
    'map_percent': ('mAP %', 2),
    'miou_percent': ('mIoU %', 3),
}
ABSENT = '-'


@dataclass(frozen=True)
class Column:
    """One metric of one task.

    Attributes:
        task: Kind of the task.
        name: Its configuration, such as ``atss_r50_coco``.
        heading: Unique heading for readers.
        digits: Decimals of its figures.
    """

    task: str
    name: str
    heading: str
    digits: int


@dataclass(frozen=True)
class ResultRow:
    """One method in one or several settings, such as ``paper, controlled``; a cell per column."""

    setting: str
    method: str
    cells: list[TableCell]
    verdicts: list[Verdict]


@dataclass(frozen=True)
class Results:
    """Arranged and judged records.

    Attributes:
        columns: In the order of the tasks.
        rows: In the order of settings and methods.
        published: Whether the paper has a figure for any cell.
        judged: Whether there are verdicts.
    """

    columns: list[Column]
    rows: list[ResultRow]
    published: bool
    judged: bool

    @property
    def settings(self) -> list[str]:
        """The settings of the rows, in their order."""
        return list(dict.fromkeys(row.setting for row in self.rows))

    def cells_of(self, column: Column) -> list[tuple[str, str, TableCell, Verdict]]:
        """Method, setting, cell and verdict of each row in one column."""
        index = self.columns.index(column)
        return [
            (row.method, row.setting, row.cells[index], row.verdicts[index]) for row in self.rows
        ]


def arrange(records: Sequence[Record]) -> Results:
    """Arrange and judge all records of a report."""
    columns = _columns(records)
    lines = _lines(records)
    cells = [
        TableCell(
            [record for record in here if record.method == method],
            [] if method == 'baseline' else [r for r in here if r.method == 'baseline'],
        )
        for _, method, block in lines
        for here in ([r for r in block if _key(r) == column] for column in columns)
    ]
    published = any(cell.published is not None for cell in cells)
    judged = published or len({record.seed for record in records}) > 1
    verdicts = judge_cells(cells) if judged else [Verdict()] * len(cells)
    rows = []
    for number, (setting, method, _) in enumerate(lines):
        part = slice(number * len(columns), (number + 1) * len(columns))
        rows.append(ResultRow(setting, method, cells[part], verdicts[part]))
    return Results(list(columns.values()), rows, published, judged)


def _lines(records: Sequence[Record]) -> list[tuple[str, str, list[Record]]]:
    """Setting and method of each row, with all records of the setting."""
    found = []
    for setting, block in blocks(records):
        present = {record.method for record in block}
        order = [*(m for m in METHODS if m in present), *sorted(present - set(METHODS))]
        found += [(setting, method, block) for method in order]
    return found


def blocks(records: Sequence[Record]) -> list[tuple[str, list[Record]]]:
    """Records by setting, in the order of the settings.

    A run whose backbone is the same in both settings belongs to both. A setting in which some
    method has a run of its own gets a block with all its rows. Rows that are the same in several
    settings appear once, marked with all of them.
    """
    own = {record.settings[0] for record in records if len(record.settings) == 1}
    found = [
        (setting, [record for record in records if setting in record.settings])
        for setting in (*SETTINGS, *sorted(own - set(SETTINGS)))
        if setting in own
    ]
    shared = [record for record in records if not own & set(record.settings)]
    marks = dict.fromkeys(', '.join(record.settings) for record in shared)
    return found + [
        (mark or ABSENT, [record for record in shared if ', '.join(record.settings) == mark])
        for mark in marks
    ]


def _key(record: Record) -> tuple[str, str, str]:
    return record.task, record.column, record.metric


def _columns(records: Sequence[Record]) -> dict[tuple[str, str, str], Column]:
    """Columns by key. Headings include the configuration's name if a task has several."""
    keys = dict.fromkeys(map(_key, records))
    order = sorted(keys, key=lambda key: (TASKS.index(key[0]), *key[1:]))
    names: dict[str, set[str]] = {}
    for task, name, _ in order:
        names.setdefault(task, set()).add(name)
    found = {}
    for task, name, metric in order:
        heading, digits = HEADINGS.get(metric, (metric, 2))
        heading = heading if len(names[task]) == 1 else f'{name} {heading}'
        found[task, name, metric] = Column(task, name, heading, digits)
    return found
