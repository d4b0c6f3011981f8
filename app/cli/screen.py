"""Where a command's words go: its answer to standard output, everything else to standard error."""

import io
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.text import Text

from app.cli import text
from app.client.errors import TracksideError
from app.domain.errors import AppError


class Output(StrEnum):
    TEXT = "text"
    JSON = "json"


class Screen:
    """Text for people, or one JSON document for programs. Whatever is shown is taken literally, never as markup."""

    def __init__(self, output: Output) -> None:
        self.json = output is Output.JSON
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

    @property
    def interactive(self) -> bool:
        return self.out.is_terminal and not self.json

    def document(self, value: Any) -> None:
        """The answer, for programs."""
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

    def note(self, words: str) -> None:
        """Beside the answer: hints and progress. Programs are spared it."""
        if not self.json:
            self.err.print(Text(words, style="dim"), soft_wrap=True)

    def busy(self, words: str) -> AbstractContextManager[object]:
        """Says, in a terminal, that something takes a moment."""
        return self.out.status(Text(words)) if self.interactive else nullcontext()

    def table(self, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        width = self.out.width if self.out.is_terminal else None
        first, *rest = text.columns(header, rows, width=width)
        self.line(first, style="bold")
        for line in rest:
            self.line(line)

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
