"""Words, times and columns as people read them; nothing here prints."""

import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.cells import cell_len, set_cell_size

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"))
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DIGITS: Final = 12
_GAP: Final = "  "
_WIDEST: Final = 32
_ENOUGH: Final = 30
_ID: Final = "ID"
SHORT: Final = 9
"""So much of the end of an id is hardly ever that of another."""


def printable(text: str) -> str:
    """One line without control characters: what others wrote must not steer the reader's terminal."""
    return "".join(
        character if character.isprintable() else " " if character in "\t\n\r" else "" for character in text
    )


def duration(seconds: float) -> str:
    """0.4 s, 12 s, 3 m 05 s, 2 h 10 m: two units at most."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} m {whole % 60:02} s"
    for size, unit in _UNITS[:2]:
        if whole >= size:
            smaller, name = (3_600, "h") if unit == "d" else (60, "m")
            return f"{whole // size} {unit} {whole % size // smaller:02} {name}"
    raise AssertionError("an hour or more has a unit")


def ago(instant: str | None, now: datetime) -> str:
    """`3m ago`, in one unit; a dash for what never was."""
    if instant is None:
        return "-"
    seconds = max(0, round((now - moment(instant)).total_seconds()))
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size}{unit} ago"
    return f"{seconds}s ago"


def moment(instant: str) -> datetime:
    """An instant as the API writes it."""
    return datetime.fromisoformat(instant)


def exact(instant: str | None) -> str:
    """Date and time, where the reader is; a dash for what never was."""
    return "-" if instant is None else moment(instant).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def instant(words: str, now: datetime) -> str:
    """What the API takes for `90s`, `15m`, `2h`, `3d` (that long ago), a date, or a date with a time."""
    if (ago := seconds(words)) is not None:
        return (now - timedelta(seconds=ago)).isoformat()
    return datetime.fromisoformat(words).astimezone(UTC).isoformat()


def seconds(words: str) -> int | None:
    """Of `90s`, `15m`, `2h`, `3d`; None for anything else."""
    number, unit = words[:-1], words[-1:]
    is_whole = number.isascii() and number.isdigit() and len(number) <= _DIGITS
    return int(number) * _SECONDS[unit] if is_whole and unit in _SECONDS else None


def clock(instant: str) -> str:
    """The time of day, where the reader is."""
    return moment(instant).astimezone().strftime("%H:%M:%S")


def now() -> datetime:
    return datetime.now(UTC)


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def columns(header: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None) -> list[str]:
    """Rows under a header, each column as wide as its widest cell; the last one ends where the terminal does.

    Where there is a terminal, no column but the last is wider than an id, and ids are shown by their ends where the last
    column would have no room beside whole ones.
    """
    lines = [tuple(header), *(tuple(printable(cell) for cell in row) for row in rows)]
    if width is not None:
        lines = [(*(_cut(cell, _WIDEST) for cell in line[:-1]), line[-1]) for line in lines]
        lines = _with_room(lines, width)
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(header))]
    return [_cut(_joined(line, widths), width) for line in lines]


def _with_room(lines: list[tuple[str, ...]], width: int) -> list[tuple[str, ...]]:
    header, *rows = lines
    if _ID not in header[:-1]:
        return lines
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(header))]
    left = width - sum(widths[:-1]) - len(_GAP) * (len(widths) - 1)
    if left >= min(widths[-1], _ENOUGH):
        return lines
    at = header.index(_ID)
    return [header, *((*row[:at], row[at][-SHORT:], *row[at + 1 :]) for row in rows)]


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [set_cell_size(cell, width) for cell, width in zip(cells[:-1], widths[:-1], strict=True)]
    return _GAP.join([*padded, cells[-1]]).rstrip()


def _cut(line: str, width: int | None) -> str:
    if width is None or cell_len(line) <= width:
        return line
    return f"{set_cell_size(line, width - 1)}…"


def quoted(argument: str) -> str:
    """As one word of a shell command."""
    return shlex.quote(printable(argument))
