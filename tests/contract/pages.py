"""How a page of the manual is written that is made from the code."""

import textwrap
from collections.abc import Iterable
from typing import Final

WIDTH: Final = 120
HOW: Final = "<!-- Made by `python -m tests.contract.reference --write`; a test compares it. -->"


def table(head: tuple[str, ...], rows: Iterable[Iterable[object]]) -> list[str]:
    """A Markdown table, and an empty line after it."""
    written = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    return [
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
        *(f"| {' | '.join(row)} |".replace("|  |", "| |").replace("|  |", "| |") for row in written),
        "",
    ]


def page(title: str, *parts: str | list[str]) -> str:
    written = [f"# {title}", "", HOW, ""]
    for part in parts:
        written += [*_wrapped(part), ""] if isinstance(part, str) else part
    return "\n".join(written)


def _wrapped(text: str) -> list[str]:
    return (
        [text]
        if text.startswith("#")
        else textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    )
