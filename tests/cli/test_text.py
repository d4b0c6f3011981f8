"""Words, times and columns."""

from datetime import UTC, datetime, timedelta

import pytest

from app.cli import text

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-1, "0.0 s"),
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (12.4, "12 s"),
        (59.6, "1 m 00 s"),
        (185, "3 m 05 s"),
        (7_800, "2 h 10 m"),
        (90_000, "1 d 01 h"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds: float, expected: str) -> None:
    assert text.duration(seconds) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-5, "0s ago"), (59, "59s ago"), (60, "1m ago"), (7_199, "1h ago"), (200_000, "2d ago")],
)
def test_how_long_ago_has_one_unit(seconds: float, expected: str) -> None:
    assert text.ago((NOON - timedelta(seconds=seconds)).isoformat(), NOON) == expected
    assert text.ago(None, NOON) == "-"


def test_instants_are_read_as_the_api_writes_them() -> None:
    assert text.moment("2026-01-01T12:00:00.250000Z") == NOON + timedelta(milliseconds=250)


def test_nothing_that_others_wrote_steers_the_terminal() -> None:
    assert text.printable("a\x1b[2Jb\x07\r\nc\td\u202e") == "a[2Jb  c d"
    assert text.printable("日本語 ✓ é") == "日本語 ✓ é"


@pytest.mark.parametrize(
    ("width", "id"), [(None, "run_0123456789abcdef"), (60, "run_0123456789abcdef"), (59, "789abcdef")]
)
def test_ids_are_shown_by_their_ends_where_the_last_column_needs_their_room(
    width: int | None, id: str
) -> None:
    row = ("run_0123456789abcdef", "ACTIVE", "a name as long as names mostly are")

    assert text.columns(("ID", "STATUS", "NAME"), [row], width=width)[1].startswith(
        f"{id}  ACTIVE  a name as long"
    )


def test_columns_stand_below_each_other_whatever_the_width_of_letters() -> None:
    assert text.columns(("ID", "NAME"), [("a", "x"), ("日本", "y")]) == ["ID    NAME", "a     x", "日本  y"]


def test_a_line_ends_where_the_terminal_does() -> None:
    lines = text.columns(("ID", "NAME"), [("a", "a name that is long")], width=12)

    assert lines == ["ID  NAME", "a   a name …"]


def test_a_newline_in_a_cell_breaks_no_line() -> None:
    assert text.columns(("NAME",), [("two\nlines",)]) == ["NAME", "two lines"]


def test_counts_agree_with_their_nouns() -> None:
    assert [text.count(number, "task") for number in (0, 1, 1_200)] == ["0 tasks", "1 task", "1,200 tasks"]


def test_a_word_for_a_shell_is_quoted_where_it_must_be() -> None:
    assert text.quoted("yes") == "yes"
    assert text.quoted("it's") == """'it'"'"'s'"""
