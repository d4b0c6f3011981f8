"""Commands that list: pages, filters, tables, and the list anew whenever something has happened."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Annotated, Any, Concatenate, Final, ParamSpec

import typer
from rich.console import Group
from rich.live import Live
from rich.text import Text

from app.cli import text
from app.cli.exit_codes import ExitCode
from app.cli.paging import Node, pages
from app.cli.screen import Screen
from app.cli.session import Session, described, server_command
from app.client.errors import TracksideError

P = ParamSpec("P")

CURSOR = "query { cursor }"
CHANGES = """
subscription ($filter: EventFilter, $after: Cursor!) { events(filter: $filter, after: $after) { cursor } }
"""
_GATHER_SECONDS: Final = 0.2
"""Events come in bursts: one look at the list answers all of a burst."""
_REDRAW_SECONDS: Final = 5.0
"""In a terminal `3m ago` grows older without an event; nothing is asked of the server for it."""

LIMIT: Final = 20
Limit = Annotated[int, typer.Option("-n", "--limit", min=1, help="How many at most.")]
All = Annotated[bool, typer.Option("--all", help="Every one there is, however many.")]
Watch = Annotated[
    bool, typer.Option("--watch", "-w", help="Show the list again whenever something happens, until Ctrl-C.")
]


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed, and how. `events` says which events may have changed it: all, where it is None."""

    document: str
    path: Sequence[str]
    header: Sequence[str]
    row: Callable[[Node], Sequence[str]]
    none: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    events: Mapping[str, Any] | None = None
    page: int = 100
    hint: str | None = None
    compact: Callable[[Node], Sequence[str]] | None = None
    """What is told of an entry where there is room for a short line only; the whole row where this is left out."""


@dataclass(slots=True)
class Found:
    """Entries, and whether there are more of them."""

    entries: list[Node] = field(default_factory=list)
    more: bool = False


def list_command(function: Callable[Concatenate[Session, P], Awaitable[Listing]]) -> Callable[..., None]:
    """A command that lists what `function` says; --limit, --all and --watch are added to its options."""

    async def command(
        session: Session, /, *, limit: int, every: bool, watch: bool, **arguments: Any
    ) -> ExitCode:
        listing = await function(session, **arguments)  # type: ignore[call-arg]
        most = None if every else limit
        if watch:
            await _watch(session, listing, most)
        else:
            await _list(session, listing, most)
        return ExitCode.COMPLETED

    own = list(inspect.signature(function).parameters.values())
    options = [
        described("limit", Limit, LIMIT),
        described("every", All, False),
        described("watch", Watch, False),
    ]
    command.__name__, command.__doc__ = function.__name__, function.__doc__
    command.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [*(one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own), *options]
    )
    return server_command(command)


async def _list(session: Session, listing: Listing, most: int | None) -> None:
    if not session.screen.records:
        with session.screen.busy("Reading …"):
            found = await _fetched(session, listing, most)
        show(session.screen, listing, found)
        return
    async with aclosing(_pages(session, listing, most)) as read:
        async for entries, _ in read:  # so that a long list begins at once and is never held whole
            session.screen.document(entries)


async def _fetched(session: Session, listing: Listing, most: int | None) -> Found:
    found = Found()
    async with aclosing(_pages(session, listing, most)) as read:
        async for entries, found.more in read:
            found.entries += entries
    return found


def _pages(session: Session, listing: Listing, most: int | None) -> Any:
    return pages(
        session.client, listing.document, *listing.path, most=most, page=listing.page, **listing.variables
    )


def show(screen: Screen, listing: Listing, found: Found) -> None:
    """The answer; what belongs beside it goes to standard error."""
    if screen.json:
        screen.document(found.entries)
    elif screen.compact:
        for one in found.entries:
            screen.line(text.printable(" ".join((listing.compact or listing.row)(one))))
    elif not found.entries:
        screen.line(listing.none)
    else:
        screen.table(listing.header, [listing.row(one) for one in found.entries])
        if found.more:
            screen.note(f"There are more than these {len(found.entries):,}: --limit or --all shows them.")
        if listing.hint is not None:
            screen.note(listing.hint)


# ---------------------------------------------------------------- again and again


async def _watch(session: Session, listing: Listing, most: int | None) -> None:
    """Until Ctrl-C, which ends it as it is meant to end."""
    changed = asyncio.Event()
    after = (await session.client.query(CURSOR))["cursor"]
    listening = asyncio.create_task(_listen(session, listing, after, changed))
    view = (
        _Picture(session.screen, listing) if session.screen.interactive else _Prints(session.screen, listing)
    )
    try:
        with view.opened():
            while True:
                changed.clear()
                view.show(await _fetched(session, listing, most))
                while not await _happened(changed, listening):
                    view.again()
                await asyncio.sleep(_GATHER_SECONDS)
    except asyncio.CancelledError:
        return
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


async def _listen(session: Session, listing: Listing, after: str, changed: asyncio.Event) -> None:
    stream = session.line().follow(
        CHANGES, {"filter": listing.events}, after=after, cursor=lambda data: str(data["events"]["cursor"])
    )
    async with aclosing(stream):
        async for _ in stream:
            changed.set()
    raise TracksideError("FAILED", "The server ended the subscription.")


async def _happened(changed: asyncio.Event, listening: "asyncio.Task[None]") -> bool:
    """Whether something has, before the picture has to be drawn again anyway."""
    waiting = asyncio.create_task(changed.wait())
    try:
        done, _ = await asyncio.wait(
            {waiting, listening}, timeout=_REDRAW_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if listening in done:
            await listening
        return waiting in done
    finally:
        waiting.cancel()


class _Prints:
    """The whole list after each change; as records, only the entries that are new or have changed."""

    def __init__(self, screen: Screen, listing: Listing) -> None:
        self._screen = screen
        self._listing = listing
        self._known: dict[str, Node] = {}
        self._before: list[Node] | None = None

    def opened(self) -> AbstractContextManager[object]:
        return nullcontext()

    def show(self, found: Found) -> None:
        if found.entries == self._before:
            return
        if self._screen.records:
            self._screen.document([one for one in found.entries if self._known.get(one["id"]) != one])
            self._known = {one["id"]: one for one in found.entries}
        else:
            if self._before is not None and not self._screen.json:
                self._screen.line("")
            show(self._screen, self._listing, found)
        self._before = found.entries

    def again(self) -> None:
        pass


class _Picture:
    """The list in a terminal, drawn over itself."""

    def __init__(self, screen: Screen, listing: Listing) -> None:
        self._screen = screen
        self._listing = listing
        self._found = Found()
        self._live = Live(console=screen.out, auto_refresh=False)

    @contextmanager
    def opened(self) -> Iterator[None]:
        with self._live:
            yield

    def show(self, found: Found) -> None:
        self._found = found
        self.again()

    def again(self) -> None:
        self._live.update(Group(*self._lines()), refresh=True)

    def _lines(self) -> list[Text]:
        if not self._found.entries:
            return [Text(self._listing.none)]
        rows = [self._listing.row(one) for one in self._found.entries]
        lines = self._screen.table_lines(self._listing.header, rows)
        room = max(2, self._screen.out.height - 2)
        if len(lines) > room:
            return [*lines[:room], Text(f"and {text.count(len(lines) - room, 'more line')}", style="dim")]
        return lines
