"""Where a command's words go: its answer to standard output, everything else to standard error."""

import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from app.cli import text
from app.client.errors import TracksideError
from app.domain.errors import AppError


class Output(StrEnum):
    TEXT = "text"
    TABLE = "table"
    COMPACT = "compact"
    JSON = "json"
    JSONL = "jsonl"


FOR_PROGRAMS: Final = frozenset({Output.JSON, Output.JSONL})

_STATUS: Final = "STATUS"
_STYLES: Final = {
    **dict.fromkeys(("ACTIVE", "RUNNING", "SPAWNING", "COMPLETING", "ONLINE"), "cyan"),
    **dict.fromkeys(("COMPLETED", "SUCCEEDED", "EFFECTIVE", "ANSWERED"), "green"),
    **dict.fromkeys(("FAILED", "LOST", "REJECTED"), "red"),
    **dict.fromkeys(("WAITING_FOR_INPUT", "BLOCKED", "PAUSED", "PAUSING", "STOPPING", "OPEN"), "yellow"),
    **dict.fromkeys(("CANCELLED", "SKIPPED", "KILLED", "ARCHIVED", "EXPIRED", "DISMISSED", "OFFLINE"), "dim"),
}


class Screen:
    """Text for people, JSON for programs. Whatever is shown is taken literally, never as markup.

    `json` is true of both kinds of JSON: one document, or (`records`) a document a line.
    """

    def __init__(self, output: Output) -> None:
        self.json = output in FOR_PROGRAMS
        self.records = output is Output.JSONL
        self.compact = output is Output.COMPACT
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    @property
    def interactive(self) -> bool:
        return self.out.is_terminal and not self.json and not self.compact

    def document(self, value: Any) -> None:
        """The answer, for programs; of a list, each entry in a line of its own where records are asked for."""
        if self.records:
            for one in value if isinstance(value, list) else [value]:
                self.record(one)
            return
        self.out.file.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        self.out.file.flush()

    def record(self, value: Any) -> None:
        """One of many answers: a line of JSON."""
        self.out.file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")
        self.out.file.flush()

    def line(self, words: str, style: str = "") -> None:
        self.out.print(Text(words, style=style), soft_wrap=True)

    def raw(self, words: str, style: str = "") -> None:
        """What a worker wrote: as it is into a file, without control characters onto a terminal."""
        if self.out.is_terminal:
            self.line(text.printable(words), style)
        else:
            self.out.file.write(f"{words}\n")
            self.out.file.flush()

    def verbatim(self, words: str) -> None:
        """A text of our own, as it is."""
        self.out.file.write(words)
        self.out.file.flush()

    def note(self, words: str) -> None:
        """Beside the answer: hints and progress. Programs are spared it."""
        if not self.json and not self.compact:
            self.err.print(Text(words, style="dim"), soft_wrap=True)

    def busy(self, words: str) -> AbstractContextManager[object]:
        """Says, in a terminal, that something takes a moment."""
        return self.out.status(Text(words)) if self.interactive else nullcontext()

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        for line in self.table_lines(header, rows):
            self.out.print(line, soft_wrap=True)

    def table_lines(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[Text]:
        """A table as it is shown: as wide as the terminal, and never cut where there is none."""
        width = self.out.width if self.out.is_terminal else None
        kept = [tuple(row) for row in rows]
        first, *rest = text.columns(header, kept, width=width)
        lines = [Text(first, style="bold")]
        for line, row in zip(rest, kept, strict=True):
            shown = Text(line)
            if _STATUS in header and (style := _STYLES.get(row[header.index(_STATUS)])):
                shown.highlight_words([row[header.index(_STATUS)]], style)
            lines.append(shown)
        return lines

    def facts(self, rows: Iterable[tuple[str, str]]) -> None:
        """What is known of one thing: a word and a value a line, and nothing of what has no value."""
        kept = [(word, value) for word, value in rows if value]
        width = max((len(word) for word, _ in kept), default=0)
        for word, value in kept:
            self.line(f"  {word:<{width}}  {text.printable(value)}")

    def complain(self, error: TracksideError | AppError) -> None:
        if self.json:
            self.err.file.write(json.dumps({"error": as_json(error)}, ensure_ascii=False) + "\n")
            self.err.file.flush()
            return
        self.err.print(
            Text(f"Error [{error.code}]: ", style="bold red").append(error.message, style="not bold default"),
            soft_wrap=True,
        )
        if error.path:
            self.err.print(Text(f"  At: {'.'.join(error.path)}"), soft_wrap=True)
        if error.suggestion:
            self.err.print(Text(f"  Try: {error.suggestion}"), soft_wrap=True)


def as_json(error: TracksideError | AppError) -> dict[str, Any]:
    return {
        "code": str(error.code),
        "message": error.message,
        "suggestion": error.suggestion,
        "path": error.path,
    }


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows less, but does not stop us
    return Console(stderr=stderr, highlight=False, markup=False, emoji=False)
