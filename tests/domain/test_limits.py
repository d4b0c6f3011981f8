"""Each published limit at its edge, and text that no database or terminal should get to see."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.domain import limits
from app.domain.errors import AppError, ErrorCode

Check = Callable[..., Any]
CONTROLS = ["\0", "\x07", "\x1b", "\x7f", "\x85", "\x9b", "\ud800", "\udfff"]
LINE_ENDS = ["\n", "\r", "\t"]


def refusal(check: Check, *arguments: Any, **named: Any) -> AppError:
    with pytest.raises(AppError) as refused:
        check(*arguments, **named)
    return refused.value


@pytest.mark.parametrize(
    ("check", "limit"),
    [(limits.name, limits.NAME), (limits.key, limits.KEY), (limits.text, limits.TEXT)],
)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(check: Check, limit: int) -> None:
    assert check("x" * limit) == "x" * limit
    refused = refusal(check, "x" * (limit + 1), "input", "name")
    assert refused.code is ErrorCode.LIMIT_EXCEEDED
    assert refused.path == ["input", "name"]
    assert f"{limit:,}" in refused.message


def test_a_limit_can_be_given() -> None:
    assert limits.name("12345", limit=5) == "12345"
    assert refusal(limits.name, "123456", limit=5).code is ErrorCode.LIMIT_EXCEEDED
    assert refusal(limits.text, "123456", limit=5).code is ErrorCode.LIMIT_EXCEEDED


@pytest.mark.parametrize("character", CONTROLS + LINE_ENDS)
def test_a_name_holds_no_control_characters(character: str) -> None:
    assert refusal(limits.name, f"a{character}b", "input").code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize("character", CONTROLS)
def test_a_text_holds_no_control_characters(character: str) -> None:
    assert refusal(limits.text, f"a{character}b", "input").code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize("character", LINE_ENDS)
def test_a_text_may_have_lines_and_tabs(character: str) -> None:
    assert limits.text(f"a{character}b") == f"a{character}b"


@pytest.mark.parametrize("empty", ["", " ", "\u00a0", "\u3000 "])
def test_a_name_is_not_empty(empty: str) -> None:
    assert refusal(limits.name, empty).code is ErrorCode.INVALID_INPUT


def test_a_name_is_kept_in_one_normal_form() -> None:
    assert limits.name("  Cafe\u0301 ") == "Caf\u00e9"


def test_what_a_program_says_is_kept_but_for_what_no_database_keeps() -> None:
    for text in ("", "plain", "\x1b[31m\t", "\u202e\U0001f600", "a\r\n"):
        assert limits.storable(text) == text
    assert limits.storable("a\0b\ud800c\udfff") == "a\ufffdb\ufffdc\ufffd"
    assert limits.storable("\ud83d\ude00") == "\U0001f600"  # two halves that belong together


def test_a_number_lies_between_its_edges() -> None:
    assert [limits.number(value, least=1, most=3) for value in (1, 2, 3)] == [1, 2, 3]
    for value in (0, 4, -1, 2**80):
        assert refusal(limits.number, value, "input", least=1, most=3).code is ErrorCode.INVALID_INPUT


def test_a_list_may_be_as_long_as_its_limit_and_no_longer() -> None:
    limits.count(range(3), 3)
    assert refusal(limits.count, range(4), 3, "input").code is ErrorCode.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    "argv",
    [
        [],
        [""],
        ["", "x"],
        [" "],
        ["make\n"],
        ["make", "a\0b"],
        ["make", "\ud800"],
        ["\ud800"],
        ["make", "x" * (limits.ARGUMENT + 1)],
        ["x"] * (limits.ARGUMENTS + 1),
    ],
)
def test_a_command_that_cannot_be_started_is_refused(argv: list[str]) -> None:
    assert refusal(limits.argv, argv, "input").code in (ErrorCode.INVALID_INPUT, ErrorCode.LIMIT_EXCEEDED)


def test_a_command_is_taken_as_it_is() -> None:
    argv = ["/usr/bin/env", "", "a b; rm -rf ~", "line\nline", "x" * limits.ARGUMENT]
    assert limits.argv(argv) == argv
    assert len(limits.argv(["x"] * limits.ARGUMENTS)) == limits.ARGUMENTS


@pytest.mark.parametrize(
    "variable",
    [
        "",
        "1A",
        "A-B",
        "A=B",
        "A\n",
        "Ä",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "BASH_ENV",
        "ENV",
        "PYTHONSTARTUP",
        "TRACKSIDE_TOKEN",
        "TRACKSIDE_",
    ],
)
def test_a_variable_that_is_none_or_that_is_not_the_callers_is_refused(variable: str) -> None:
    assert refusal(limits.environment, [(variable, "x")], "input").code is ErrorCode.INVALID_INPUT


@pytest.mark.parametrize("value", ["\0", "x" * (limits.ARGUMENT + 1), "\ud800"])
def test_a_value_that_no_process_can_be_given_is_refused(value: str) -> None:
    assert refusal(limits.environment, [("A", value)], "input").code is ErrorCode.INVALID_INPUT


def test_variables_are_counted_and_taken() -> None:
    values = [(f"V{number}", "a\nb") for number in range(limits.ENVIRONMENT)]
    assert limits.environment(values) == dict(values)
    assert refusal(limits.environment, [*values, ("ONE_MORE", "")]).code is ErrorCode.LIMIT_EXCEEDED


def test_a_deadline_counts_from_now() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert limits.later(now, None) is None
    assert limits.later(now, 90) == now + timedelta(seconds=90)
