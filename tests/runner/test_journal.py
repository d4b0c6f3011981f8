import json
import os
from pathlib import Path

import pytest

from app.processes.identity import Identity
from app.runner import reports
from app.runner.journal import Journal, Past
from app.runner.reports import Kind, Reason

AGENT = Identity(4711, 12.5, "boot")


def fill(journal: Journal) -> None:
    journal.read()
    journal.starting()
    journal.started(AGENT)
    journal.add(reports.fact(1, Kind.STARTED, {"pid": 4711, "createTime": 1.0}))
    journal.add(reports.lines(2, [reports.line(reports.Stream.STDOUT, 'ü\n\u2028"', "now")]))
    journal.add(reports.fact(3, Kind.EXITED, {"reason": Reason.EXITED, "exitCode": 0}))


def read(path: Path) -> Past:
    journal = Journal(path)
    try:
        return journal.read()
    finally:
        journal.close()


def test_nothing(tmp_path: Path) -> None:
    assert read(tmp_path / "journal.jsonl") == Past()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    fill(journal)
    journal.close()
    past = read(tmp_path / "journal.jsonl")
    assert (past.starting, past.agent, past.exited, past.last) == (True, AGENT, True, 3)
    assert [(report.n, report.kind, report.lines) for report in past.reports] == [
        (1, Kind.STARTED, 0),
        (2, Kind.LINES, 1),
        (3, Kind.EXITED, 0),
    ]
    assert json.loads(past.reports[1].encoded)["lines"][0]["text"] == 'ü\n\u2028"'


def test_torn_anywhere(tmp_path: Path) -> None:
    """Cut after every byte: what was whole before the cut is still there, and nothing else is."""
    journal = Journal(tmp_path / "journal.jsonl")
    fill(journal)
    journal.close()
    data = (tmp_path / "journal.jsonl").read_bytes()
    torn = tmp_path / "torn.jsonl"
    records = set(data.split(b"\n"))
    for end in range(len(data) + 1):
        torn.write_bytes(data[:end])
        whole = [line for line in data[:end].split(b"\n") if line in records and b'"report"' in line]
        assert [report.n for report in read(torn).reports] == list(range(1, len(whole) + 1))


def test_writing_goes_on_behind_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"starting":true}\n{"report":{"n":1,"at":"2026')
    journal = Journal(path)
    journal.read()
    journal.add(reports.fact(1, Kind.PAUSED, True))
    journal.close()
    assert [report.kind for report in read(path).reports] == [Kind.PAUSED]


def test_compacting_keeps_what_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    journal.read()
    journal.starting()
    journal.started(AGENT)
    text = reports.line(reports.Stream.STDOUT, "x" * 10_000, "now")
    for n in range(1, 201):
        journal.add(reports.lines(n, [text]))
    size = path.stat().st_size
    pending = [reports.lines(200, [text])]
    journal.accepted(200, pending, live=pending[0].size)
    assert path.stat().st_size < size / 50
    journal.add(reports.fact(201, Kind.EXITED, {"reason": Reason.EXITED}))
    past = read(path)
    assert (past.starting, past.agent, past.exited, past.last) == (True, AGENT, True, 201)
    assert [report.n for report in past.reports] == [200, 201]
    journal.accepted(201, [], live=-10_000_000)
    journal.close()
    past = read(path)
    assert (past.starting, past.exited, past.last, past.reports) == (True, True, 201, [])
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_full_disk_costs_the_line_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.read()
    write = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:10]))
    journal.add(reports.fact(1, Kind.PAUSED, True))
    with pytest.raises(OSError, match="No space"):
        journal.starting()  # an agent that could not be found again is not started
    monkeypatch.undo()
    journal.add(reports.fact(2, Kind.RESUMED, True))
    journal.close()
    past = read(tmp_path / "journal.jsonl")
    assert (past.starting, [report.n for report in past.reports]) == (False, [2])
