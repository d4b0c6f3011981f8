import pytest

from app.domain import limits
from app.domain.errors import AppError, ErrorCode
from app.plans import read
from app.plans.text import source


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_line_end_ends_a_line(end):
    plan = read(end.join(["# Plan", "", "- [ ] one", "- [x] two"]).encode(), name="plan.md")
    assert [(task.title, task.line) for task in plan.tasks()] == [("one", 3), ("two", 4)]


def test_line_ends_may_be_mixed():
    plan = read(b"- [ ] one\r\n- [ ] two\r- [ ] three\n- [ ] four", name="plan.md")
    assert [task.line for task in plan.tasks()] == [1, 2, 3, 4]


def test_a_byte_order_mark_is_dropped():
    assert read("\ufeff# Plan\n- [ ] one".encode(), name="plan.md").title == "Plan"
    assert source("\ufefftext", name="plan.md").text == "text"


def test_bytes_that_are_not_utf8_are_refused_with_their_line(refusal):
    refused = refusal(b"# Plan\r\n- [ ] one\r- [ ] tw\xff\n")
    assert refused.message.startswith("plan.md, line 3:")
    assert "0xff" in refused.message


def test_utf16_is_refused_by_its_mark(refusal):
    assert "UTF-16" in refusal("- [ ] one".encode("utf-16")).message


def test_a_binary_file_is_refused(refusal):
    refused = refusal(b"PK\n\x03\x00\x00", name="plan.zip")
    assert "binary" in refused.message
    assert refused.details["line"] == 2


def test_half_a_surrogate_pair_is_refused(refusal):
    assert refusal("- [ ] one\n- [ ] \ud83d").details["line"] == 2


@pytest.mark.parametrize("as_bytes", [True, False])
def test_a_document_over_the_limit_is_refused_before_it_is_parsed(as_bytes):
    text = "é" * (limits.PLAN_FILE // 2) + "é"
    with pytest.raises(AppError) as refused:
        read(text.encode() if as_bytes else text, name="plan.md")
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED


def test_too_many_lines_of_markdown_are_refused():
    with pytest.raises(AppError) as refused:
        read("- a\n" * 500_001, name="plan.md")
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED


def test_too_many_tasks_are_refused(monkeypatch):
    monkeypatch.setattr(limits, "TASKS", 2_000)
    assert sum(1 for _ in read("- [ ] a\n" * limits.TASKS, name="plan.md").tasks()) == 2_000
    with pytest.raises(AppError) as refused:
        read("- [ ] a\n" * (limits.TASKS + 1), name="plan.md")
    assert refused.value.code is ErrorCode.LIMIT_EXCEEDED
    assert "2,000 tasks" in refused.value.message
