"""The pages in docs/states show the tables that the program obeys.

TRACKSIDE_TEST_WRITE=1 writes the pages anew instead of comparing them.
"""

import os
from pathlib import Path
from typing import Any

import pytest

from app.domain import diagrams
from app.domain.machines import Machine

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "states"


@pytest.mark.parametrize("name", diagrams.PAGES)
def test_a_page_shows_the_machine_as_it_is(name: str) -> None:
    page = FOLDER / f"{name}.md"
    if os.environ.get("TRACKSIDE_TEST_WRITE") == "1":
        page.write_text(diagrams.page(name), encoding="utf-8")
    assert page.read_text(encoding="utf-8") == diagrams.page(name), (
        "write it anew with TRACKSIDE_TEST_WRITE=1"
    )


def test_there_are_no_other_pages() -> None:
    assert {page.name for page in FOLDER.iterdir()} == {f"{name}.md" for name in diagrams.PAGES}


@pytest.mark.parametrize(("name", "machine"), diagrams.PAGES.items())
def test_a_diagram_has_every_move_once(name: str, machine: Machine[Any, Any]) -> None:
    page = diagrams.page(name)
    for (origin, move), target in machine.moves.items():
        words = str(move).lower().replace("_", " ")
        assert page.count(f"    {origin} --> {target}: {words}\n") == 1
        assert page.count(f"| `{origin}` | {words} | `{target}` |\n") == 1
    assert page.count(" --> [*]\n") == sum(machine.is_final(state) for state in type(machine.start))
    assert page.count("|\n") == len(machine.moves) + 2


def test_a_table_that_was_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = diagrams.PAGES["phases"]
    changed = Machine(machine.noun, machine.start, dict(list(machine.moves.items())[:-1]))
    monkeypatch.setitem(diagrams.PAGES, "phases", changed)
    assert diagrams.page("phases") != (FOLDER / "phases.md").read_text(encoding="utf-8")
