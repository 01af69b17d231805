"""Write docs/record.schema.json from the model of a record in rm_mm/records.py."""

from __future__ import annotations

from pathlib import Path

from rm_mm.files import write_json
from rm_mm.records import record_schema

if __name__ == '__main__':
    write_json(Path(__file__).resolve().parents[1] / 'docs' / 'record.schema.json', record_schema())
