"""A run on the screen while it goes on: a live picture in a terminal, plain lines anywhere else."""

from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Final, Protocol, Self

from rich.cells import set_cell_size
from rich.console import Group
from rich.live import Live
from rich.text import Text

from app.cli import text
from app.cli.run_board import Board, Fact
from app.cli.screen import Screen

_BAR: Final = 24
_SHORT_BAR: Final = 10
"""In a terminal of less than 80 columns: what stands behind it says more."""
_LONGEST: Final = 8
"""Tasks at work that are shown; the rest are counted."""
_INDENT: Final = "    "


class Display(Protocol):
    """A context manager; `tick` is called a few times a second."""

    def tell(self, fact: Fact, last_words: Sequence[str] = ()) -> None: ...

    def tick(self, board: Board, now: datetime) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def display_for(screen: Screen) -> Display:
    if screen.json:
        return Silence()
    return Picture(screen) if screen.interactive else Lines(screen)


class Silence:
    """For programs: they get one document at the end."""

    def tell(self, fact: Fact, last_words: Sequence[str] = ()) -> None:
        pass

    def tick(self, board: Board, now: datetime) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


class Lines(Silence):
    """One line for each fact, and nothing twice."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen

    def tell(self, fact: Fact, last_words: Sequence[str] = ()) -> None:
        for line, style in told(fact, last_words):
            self._screen.line(line, style)


class Picture:
    """Facts scroll by above what is at work now."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._live = Live(console=screen.out, auto_refresh=False, transient=True)

    def tell(self, fact: Fact, last_words: Sequence[str] = ()) -> None:
        if fact.passing:
            return
        for line, style in told(fact, last_words):
            self._live.console.print(Text(line, style=style), soft_wrap=True)

    def tick(self, board: Board, now: datetime) -> None:
        width = self._screen.out.width
        lines = [
            Text(set_cell_size(line, width).rstrip(), style=style)
            for line, style in picture(board, now, width)
        ]
        self._live.update(Group(*lines), refresh=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.update(Text(""), refresh=True)
        self._live.stop()


def told(fact: Fact, last_words: Sequence[str]) -> list[tuple[str, str]]:
    """A fact as lines with their styles."""
    lines = [(fact.words, fact.style)]
    lines += [(f"{_INDENT}{detail}", "") for detail in fact.details]
    lines += [(f"{_INDENT}| {text.printable(line)}", "dim") for line in last_words]
    return lines


def picture(board: Board, now: datetime, width: int = 80) -> list[tuple[str, str]]:
    """What is at work, what waits, and how far it all is."""
    lines = [("", "")]
    at_work = sorted(board.doing.values(), key=lambda one: one.since)
    for doing in at_work[:_LONGEST]:
        since = text.duration(max(0.0, (now - doing.since).total_seconds()))
        activity = f"  {doing.activity}" if doing.activity else ""
        lines.append((f"▶ {text.printable(f'{doing.key}  {doing.title}')}  {since}{activity}", "cyan"))
    if len(at_work) > _LONGEST:
        lines.append((f"  and {len(at_work) - _LONGEST} more", "cyan"))
    for question in board.questions.values():
        left = ""
        if question.expires_at is not None:
            left = f"  {text.duration(max(0.0, (question.expires_at - now).total_seconds()))} left"
        lines.append((text.printable(f"? {question.title}{left}"), "yellow"))
    lines.append((_summary(board, now, bar=_BAR if width >= 80 else _SHORT_BAR), "bold"))
    return lines


def _summary(board: Board, now: datetime, *, bar: int) -> str:
    total = board.progress.get("total", 0)
    completed = board.progress.get("completed", 0)
    filled = bar * completed // total if total else 0
    words = [f"{'━' * filled}{'─' * (bar - filled)} {completed}/{total}"]
    if failed := board.progress.get("failed", 0):
        words.append(f"{failed} failed")
    if resting := len(board.resting):
        words.append(f"{resting} to be tried again")
    if board.began is not None:
        words.append(text.duration(max(0.0, (now - board.began).total_seconds())))
    if board.phase is not None and len(board.phases) > 1:
        number = list(board.phases).index(board.phase) + 1 if board.phase in board.phases else 1
        words.append(f"phase {number} of {len(board.phases)}")
    if board.status not in ("ACTIVE", "CREATED"):
        words.append(board.status)
    return "  ".join(words)
