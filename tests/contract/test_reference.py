"""The generated pages of docs/reference say what the code says. Write them anew: python -m tests.contract.reference --write"""

from enum import StrEnum
from typing import Any

import pytest

from app.domain import errors, limits
from app.domain.errors import Advice, ErrorCode
from app.domain.events import EventKind
from app.settings import Settings
from app.transport import refusals
from app.transport.refusals import TransportCode
from tests.contract import reference, reference_cli


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_says_what_the_code_says(name: str) -> None:
    written = (reference.FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert written == reference.PAGES[name](), "python -m tests.contract.reference --write"


@pytest.mark.parametrize(("codes", "advice"), [(ErrorCode, errors.ADVICE), (TransportCode, refusals.ADVICE)])
def test_every_code_has_advice(codes: type[StrEnum], advice: dict[Any, Advice]) -> None:
    assert list(advice) == list(codes)
    assert all(comes.endswith(".") and do.endswith(".") for comes, do in advice.values())


def test_every_limit_is_published() -> None:
    known = {name for name, value in vars(limits).items() if name.isupper() and isinstance(value, int)}
    assert set(limits.PUBLISHED) == known


def test_every_event_setting_and_command_is_named() -> None:
    pages = {name: made() for name, made in reference.PAGES.items()}
    assert all(f"\n## {kind}\n" in pages["events"] for kind in EventKind)
    assert all(f"| `TRACKSIDE_{name.upper()}` |" in pages["settings"] for name in Settings.model_fields)
    assert all(f"# {words}\n" in pages["cli"] for words in reference_cli.commands())


def test_a_setting_that_was_changed_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(limits.PUBLISHED, "NAME", ("characters", "something else"))  # type: ignore[misc]
    assert reference.published_limits() != (reference.FOLDER / "limits.md").read_text(encoding="utf-8")


def test_pages_do_not_know_the_machine_they_are_made_on(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {name: made() for name, made in reference.PAGES.items()}
    for variable, value in {"COLUMNS": "30", "HOME": "/elsewhere", "TRACKSIDE_SLOTS": "7"}.items():
        monkeypatch.setenv(variable, value)
    assert {name: made() for name, made in reference.PAGES.items()} == before
