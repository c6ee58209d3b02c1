"""Tables from numbers; nothing is counted here."""

from collections.abc import Mapping


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """A row a system, a column a measure, as plain text."""
    columns = list(next(iter(rows.values()))) if rows else []
    width = max([len(name) for name in rows], default=0)
    widths = {column: max(11, len(column) + 2) for column in columns}
    lines = [" " * width + "".join(f"{column:>{widths[column]}}" for column in columns)]
    lines += [
        f"{name:<{width}}" + "".join(f"{values[column]:>{widths[column]}.4f}" for column in columns)
        for name, values in rows.items()
    ]
    return "\n".join(lines)
