"""The schema keeps what it was agreed to offer at least: whatever works against the agreement works against the program."""

import os
from pathlib import Path

import pytest
from graphql import GraphQLSchema, build_schema
from graphql.utilities import find_breaking_changes

from app.schema import sdl

AGREED = Path(
    os.environ.get("TRACKSIDE_TEST_CONTRACT")
    or Path(__file__).parents[3] / "shared" / "design" / "contract.graphql"
)

pytestmark = pytest.mark.skipif(
    not AGREED.is_file() and not os.environ.get("TRACKSIDE_TEST_REQUIRE_ALL"),
    reason="the agreement is not here: TRACKSIDE_TEST_CONTRACT says where it is",
)


def broken(schema: GraphQLSchema) -> list[str]:
    agreed = build_schema(AGREED.read_text(encoding="utf-8"))
    return [change.description for change in find_breaking_changes(agreed, schema)]


def test_nothing_that_was_agreed_is_missing_or_other() -> None:
    assert broken(build_schema(sdl.text())) == []


@pytest.mark.parametrize(
    ("ours", "flawed"),
    [
        ("  conflictPolicy: ConflictPolicy!\n", "  conflictPolicy: ConflictPolicy\n"),
        ("  budgetUsd: Decimal\n", "  budgetUsd: Float\n"),
        ("  BUDGET_EXCEEDED\n", "  SPENT\n"),
    ],
)
def test_less_than_that_is_noticed(ours: str, flawed: str) -> None:
    text = sdl.text()
    assert ours in text
    assert broken(build_schema(text.replace(ours, flawed))) != []
