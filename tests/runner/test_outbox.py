import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.runner import outbox as module
from app.runner.allowance import Allowance
from app.runner.journal import Journal
from app.runner.outbox import MAX_BATCH_BYTES, MAX_BATCH_LINES, Outbox
from app.runner.reporter import OutboxReporter
from app.runner.reports import Kind, Report, Stream, fact


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "journal.jsonl")
    yield journal
    journal.close()


def an_outbox(journal: Journal, allowance: Allowance | None = None) -> Outbox:
    return Outbox(journal, journal.read(), allowance=allowance or Allowance())


def texts(reports: list[Report]) -> list[str]:
    return [line["text"] for report in reports for line in json.loads(report.encoded).get("lines", ())]


def drained(outbox: Outbox) -> list[Report]:
    found: list[Report] = []
    while batch := outbox.batch():
        assert sum(report.lines for report in batch) <= MAX_BATCH_LINES
        assert sum(report.size for report in batch) <= MAX_BATCH_BYTES
        found += batch
        outbox.accepted(batch[-1].n)
    return found


async def test_half_of_a_surrogate_pair_takes_nothing_else_with_it(journal: Journal) -> None:
    """An agent's JSON may hold one, and no file and no socket takes it."""
    outbox = an_outbox(journal)
    reporter = OutboxReporter(outbox)
    reporter.tool_started("1", "cat \ud83d", "ü\ude00")
    reporter.tool_ended("1", "\ud800")
    outbox.fact(Kind.EXITED, {"message": "\udfff!"})
    started, ended, exited = (json.loads(report.encoded) for report in drained(outbox))
    assert started["toolStarted"] == {"call": "1", "name": "cat ?", "inputSummary": "ü?"}
    assert (ended["toolEnded"]["error"], exited["exited"]["message"]) == ("?", "?!")
    assert [report.n for report in journal.read().reports] == [1, 2, 3]


async def test_what_an_adapter_tells_of_tools_goes_out_in_order_and_cut(journal: Journal) -> None:
    outbox = an_outbox(journal)
    reporter = OutboxReporter(outbox)
    reporter.tool_started("2", "Write")
    reporter.tool_started("1", "Read", "x" * 1_000_000)
    outbox.log(Stream.STDOUT, ["a"])
    reporter.tool_ended("1")
    reporter.tool_ended("2", "y" * 1_000_000)
    _, started, lines, ended, failed = drained(outbox)
    assert [report.kind for report in (started, lines, ended, failed)] == [
        Kind.TOOL_STARTED,
        Kind.LINES,
        Kind.TOOL_ENDED,
        Kind.TOOL_ENDED,
    ]
    assert json.loads(started.encoded)["toolStarted"]["name"] == "Read"
    assert json.loads(ended.encoded)["toolEnded"] == {"call": "1", "error": None}
    assert max(started.size, failed.size) < 1000


async def test_a_fact_closes_the_lines_before_it(journal: Journal) -> None:
    outbox = an_outbox(journal)
    outbox.log(Stream.STDOUT, ["a", "b"])
    outbox.fact(Kind.PAUSED, True)
    outbox.log(Stream.STDERR, ["c"])
    outbox.fact(Kind.RESUMED, True)
    reports = drained(outbox)
    assert [(report.n, report.kind) for report in reports] == [
        (1, Kind.LINES),
        (2, Kind.PAUSED),
        (3, Kind.LINES),
        (4, Kind.RESUMED),
    ]
    assert texts(reports) == ["a", "b", "c"]


async def test_lines_wait_a_moment_for_each_other(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LINGER_SECONDS", 0.01)
    outbox = an_outbox(journal)
    outbox.log(Stream.STDOUT, ["a"])
    assert outbox.batch() == []
    assert not outbox.empty
    outbox.log(Stream.STDOUT, ["b"])
    async with asyncio.timeout(2):
        await outbox.ready.wait()
    assert texts(outbox.batch()) == ["a", "b"]


@pytest.mark.parametrize("text", ["x", "x" * 1000, "é" * 8000, "\x01" * 16_000, "😀" * 4000])
async def test_batches_are_bounded(journal: Journal, text: str) -> None:
    outbox = an_outbox(journal, Allowance(waiting_bytes=10**9))
    outbox.log(Stream.STDOUT, [text] * 450)
    outbox.fact(Kind.EXITED, {})
    assert texts(drained(outbox)) == [text] * 450


async def test_the_oldest_is_kept_and_the_hole_is_told(journal: Journal) -> None:
    outbox = an_outbox(journal, Allowance(waiting_bytes=5000))
    outbox.log(Stream.STDOUT, [f"{i:03d}" + "x" * 97 for i in range(100)])
    outbox.fact(Kind.PAUSED, True)
    first = drained(outbox)
    kept = len(texts(first))
    assert 0 < kept < 50
    assert [text[:3] for text in texts(first)] == [f"{i:03d}" for i in range(kept)]
    outbox.log(Stream.STDOUT, ["again"])
    outbox.close_log()
    outbox.fact(Kind.EXITED, {})
    note, again = texts(drained(outbox))
    assert note.startswith(f"{100 - kept} lines")
    assert again == "again"


async def test_a_hole_at_the_end_is_told_too(journal: Journal) -> None:
    outbox = an_outbox(journal, Allowance(waiting_bytes=5000))
    outbox.log(Stream.STDOUT, ["x" * 100] * 100)
    outbox.close_log()
    outbox.fact(Kind.EXITED, {})
    assert "dropped here" in texts(drained(outbox))[-1]


async def test_a_full_log_says_so_once_and_counts_the_rest(journal: Journal) -> None:
    outbox = an_outbox(journal, Allowance(log_bytes=5000))
    outbox.log(Stream.STDOUT, ["x" * 100] * 100)
    assert outbox.full
    outbox.drop(1000, 10)
    outbox.close_log()
    outbox.fact(Kind.EXITED, {})
    found = texts(drained(outbox))
    kept = found.count("x" * 100)
    assert found[kept].startswith("The log is full")
    assert found[kept + 1].startswith(f"{100 - kept + 10} lines")
    assert len(found) == kept + 2


async def test_what_was_accepted_is_not_sent_again(journal: Journal) -> None:
    outbox = an_outbox(journal)
    for _ in range(5):
        outbox.fact(Kind.PAUSED, True)
    outbox.accepted(3)
    outbox.accepted(2)
    assert [report.n for report in outbox.batch()] == [4, 5]
    outbox.accepted(5)
    assert outbox.empty
    assert not outbox.ready.is_set()


async def test_numbers_go_on_after_what_the_server_has(journal: Journal) -> None:
    outbox = an_outbox(journal)
    outbox.accepted(7)
    outbox.fact(Kind.EXITED, {})
    assert [report.n for report in outbox.batch()] == [8]


@pytest.mark.parametrize("server_has", [0, 1, 2, 3, 5])
async def test_a_number_the_journal_lost_is_filled(journal: Journal, server_has: int) -> None:
    """The server takes numbers in unbroken order only."""
    for n in (2, 5):
        journal.add(fact(n, Kind.PAUSED, True))
    outbox = an_outbox(journal)
    outbox.synchronise(server_has)
    outbox.fact(Kind.EXITED, {})
    sent = drained(outbox)
    assert [report.n for report in sent] == list(range(server_has + 1, 7))
    assert [report.n for report in sent if report.kind is Kind.PAUSED] == [
        n for n in (2, 5) if n > server_has
    ]
    outbox.synchronise(6)
    assert outbox.empty


async def test_a_server_that_forgot_what_it_had_taken(journal: Journal) -> None:
    """Restored from a copy: the numbers it misses are filled, so that it hears the end."""
    outbox = an_outbox(journal)
    for _ in range(3):
        outbox.fact(Kind.PAUSED, True)
    outbox.accepted(3)
    outbox.synchronise(1)
    outbox.fact(Kind.EXITED, {})
    assert [report.n for report in drained(outbox)] == [2, 3, 4]


async def test_a_refused_report_is_found_and_replaced(journal: Journal) -> None:
    outbox = an_outbox(journal)
    outbox.fact(Kind.STARTED, {})
    outbox.fact(Kind.DELIVERED, ["ctx"])
    outbox.fact(Kind.EXITED, {})
    assert outbox.refused(outbox.batch(), "no")
    (started,) = outbox.batch()  # now one by one
    outbox.accepted(started.n)
    assert outbox.refused(outbox.batch()[:1], "no")
    (notice, _) = outbox.batch()
    assert (notice.n, notice.kind) == (2, Kind.LINES)
    assert not outbox.refused([notice], "no")  # nothing better to offer
    outbox.accepted(2)
    assert not outbox.refused(outbox.batch(), "no")  # how it ended is never given up


async def test_the_next_runner_finds_it_all(journal: Journal) -> None:
    outbox = an_outbox(journal)
    outbox.log(Stream.STDOUT, ["a"])
    outbox.fact(Kind.EXITED, {})
    again = an_outbox(journal)
    assert [report.encoded for report in again.batch()] == [report.encoded for report in outbox.batch()]
    assert again.ready.is_set()


async def test_what_an_agent_used_goes_out_as_the_schema_takes_it(journal: Journal) -> None:
    outbox = an_outbox(journal)
    reporter = OutboxReporter(outbox)
    reporter.used("m" * 1000, input_tokens=2**60, output_tokens=-1, cost_usd=Decimal("1E-3"))
    reporter.used("m", cache_read_tokens=7)
    for wrong in ("NaN", "Infinity", "-1", "1e30"):
        reporter.used("m", cost_usd=Decimal(wrong))
    first, second, *others = [json.loads(report.encoded)["usage"] for report in drained(outbox)]
    assert first == {
        "model": "m" * 200,
        "inputTokens": 2**53 - 1,
        "outputTokens": 0,
        "cacheReadTokens": 0,
        "cacheWriteTokens": 0,
        "costUsd": "0.0010000000",
    }
    assert (second["cacheReadTokens"], second["costUsd"]) == (7, None)
    assert [one["costUsd"] for one in others] == [None] * 4


async def test_calls_that_pile_up_are_left_out_and_counted(journal: Journal) -> None:
    """A server is away for long, and an agent calls tools in a loop."""
    outbox = an_outbox(journal)
    reporter = OutboxReporter(outbox)
    reporter.tool_started("first", "read")
    while not outbox.crowded:
        outbox.fact(Kind.PAUSED, "x" * 100_000)
    before = outbox.last
    for n in range(1000):
        reporter.tool_started(str(n), "read")
        reporter.tool_ended(str(n))
        reporter.doing(f"call {n}")
    assert outbox.last == before
    reporter.tool_ended("first")
    reporter.finish()
    outbox.fact(Kind.EXITED, {})
    told = [json.loads(report.encoded) for report in drained(outbox)][-3:]
    assert told[0]["toolEnded"]["call"] == "first"
    assert "1000 calls of tools were not told" in told[1]["lines"][0]["text"]


async def test_a_note_is_one_line_that_can_be_sent(journal: Journal) -> None:
    outbox = an_outbox(journal)
    reporter = OutboxReporter(outbox)
    reporter.noted("It refused:\n  no \ud800such session.")
    reporter.noted("x" * 1_000_000)
    outbox.fact(Kind.PAUSED, True)
    first, second = [line["text"] for line in json.loads(drained(outbox)[0].encoded)["lines"]]
    assert first == "It refused: no \ufffdsuch session."
    assert len(second) == 2_000


async def test_a_session_goes_out_as_it_is_called_or_not_at_all(journal: Journal) -> None:
    outbox = an_outbox(journal)
    reporter = OutboxReporter(outbox)
    for session in ("ses_1", "", "two\nlines", "x" * 201, "\ud800"):
        reporter.has_session(session)
    assert [json.loads(report.encoded)["session"] for report in drained(outbox)] == ["ses_1"]
