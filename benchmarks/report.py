"""The one table, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from benchmarks.measure import Row

# Everything is shown to three figures: the runs differ by more than the fourth.
_FIGURES = 3


def figure(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    text = f"{value:.{_FIGURES}g}"
    return text if "e" not in text else f"{value:.0f}"


def table(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    """In Markdown, so that it can stand in the README as it is."""
    columns = list(dict.fromkeys(name for row in rows for name in row.figures))
    lines = [", ".join(f"{key}: {value}" for key, value in machine.items()), ""]
    lines += ["| work | | " + " | ".join(columns) + " |", "| --- | --- |" + " ---: |" * len(columns)]
    lines += [
        f"| {row.name.strip()} | {row.unit} | {' | '.join(_cell(row, name) for name in columns)} |" for row in rows
    ]
    return "\n".join([*lines, "", *_shortfalls(rows)])


def _cell(row: Row, name: str) -> str:
    if name not in row.figures:
        return ""
    value = figure(row.figures[name])
    return value if name == "sockcli" else f"{value} (×{row.ratio(name):.2f})"


def _shortfalls(rows: Sequence[Row]) -> list[str]:
    return [
        f"short of its target: {row.name}, {name}: ×{row.ratio(name):.2f} of ×{least:.2f}"
        for row in rows
        for name, least in row.targets.items()
        if name in row.figures and row.ratio(name) < least
    ]


def as_json(rows: Sequence[Row], machine: Mapping[str, str]) -> str:
    results = [
        {
            "name": row.name.strip(),
            "unit": row.unit,
            "figures": row.figures,
            "ratios": {name: row.ratio(name) for name in row.figures if name != "sockcli"},
            "targets": row.targets,
        }
        for row in rows
    ]
    return json.dumps({"machine": dict(machine), "results": results}, indent=2, ensure_ascii=False)
