"""The parts of a runner that need no process: the clock, the inbox's names, the launch line, the orders."""

import json
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.agents.assignments import ContextItem
from app.runner import inbox, launches, orders, template
from app.runner.active_time import ActiveTime
from app.runner.orders import Desired


def test_the_clock_runs_while_active() -> None:
    clock = ActiveTime(10.0, now=100.0)
    assert clock.left(now=104.0) == 6.0
    clock.run(False, now=105.0)
    assert clock.left(now=200.0) is None
    clock.run(False, now=201.0)
    clock.run(True, now=300.0)
    assert clock.left(now=301.0) == 4.0
    clock.run(True, now=302.0)
    assert clock.left(now=306.0) == -1.0


def test_no_limit() -> None:
    assert ActiveTime(None, now=0.0).left(now=1e9) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("notes.md", "notes.md"),
        ("Übersicht 2.md", "Übersicht 2.md"),
        ("src/main.py", "src_main.py"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        ("a\\b", "a_b"),
        (".ssh", "ssh"),
        ("..", "item-ctx_1"),
        ("", "item-ctx_1"),
        (" . ", "item-ctx_1"),
        ("a\0b\nc\x1b[2J", "a_b_c__2J"),
        ("\u202egnp.exe", "_gnp.exe"),
        ("\ud800", "_"),
        ("x" * 300 + ".md", "x" * 197 + ".md"),
        ("." * 300, "item-ctx_1"),
        ("a." + "b" * 300, "a." + "b" * 198),
    ],
)
def test_inbox_names(name: str, expected: str) -> None:
    assert inbox.file_name(ContextItem("ctx_1", name, "")) == expected


def test_inbox_writes_whole_files(tmp_path: Path) -> None:
    place = tmp_path / "inbox"
    place.mkdir()
    (place / "link.md").symlink_to(tmp_path / "elsewhere")
    inbox.write(place, ContextItem("ctx_1", "link.md", "one\ud800"))
    assert (place / "link.md").read_text() == "one?"
    assert not (place / "link.md").is_symlink()
    assert not (tmp_path / "elsewhere").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["inbox"]


GOOD = {"workerId": "wrk_1", "fence": 3, "token": "t", "directory": "/d", "serverFile": "/s.json"}


def test_a_launch() -> None:
    launch = launches.parse(json.dumps(GOOD).encode())
    assert (launch.worker_id, launch.fence, launch.place.tag) == ("wrk_1", 3, "TRACKSIDE_WORKER_ID=wrk_1")
    assert launch.give_up_seconds == 600


def test_the_address_is_read_anew(tmp_path: Path) -> None:
    server_file = tmp_path / "server.json"
    launch = launches.parse(json.dumps({**GOOD, "serverFile": str(server_file)}).encode())
    with pytest.raises(OSError, match="No such file"):
        launch.address()
    server_file.write_text('{"url": "http://127.0.0.1:1", "pid": 1}')
    assert launch.address() == "http://127.0.0.1:1"
    for broken in ("", "{", "[]", "{}", '{"url": 5}'):
        server_file.write_text(broken)
        with pytest.raises(ValueError, match=r"Expecting|names no url"):
            launch.address()


def test_an_address_that_is_given() -> None:
    launch = launches.parse(json.dumps({**GOOD, "serverFile": None, "url": "http://h:1"}).encode())
    assert launch.address() == "http://h:1"


@pytest.mark.parametrize(
    "change",
    [
        {"workerId": "a/b"},
        {"workerId": "x" * 129},
        {"workerId": None},
        {"fence": True},
        {"token": "a\0b"},
        {"directory": "d"},
        {"serverFile": "s"},
        {"giveUpSeconds": "long"},
    ],
)
def test_bad_launches(change: dict[str, Any]) -> None:
    with pytest.raises(launches.BadLaunch):
        launches.parse(json.dumps({**GOOD, **change}).encode())


def test_orders() -> None:
    assignment = {
        "runtime": "command",
        "argv": ["a"],
        "cwd": "/",
        "env": [{"name": "A", "value": "b"}],
        "prompt": None,
        "timeoutSeconds": None,
        "heartbeatSeconds": 30,
        "model": "m-1",
        "mode": None,
        "session": "ses_1",
        "sessionCostUsd": "0.25",
        "problem": None,
    }
    given = {
        "revision": 4,
        "acceptedReports": 2,
        "desired": "PAUSE",
        "graceSeconds": 10,
        "waiting": False,
        "assignment": assignment,
        "inbox": [{"id": "c", "name": "n", "content": "t"}],
        "answers": [{"request": "1", "answer": "Allow"}, {"request": "2", "answer": None}],
    }
    read = orders.from_json(given)
    assert (read.revision, read.accepted_reports, read.desired) == (4, 2, Desired.PAUSE)
    assert read.assignment is not None
    assert (read.assignment.argv, read.assignment.env, read.assignment.prompt) == (("a",), {"A": "b"}, "")
    assert (read.assignment.model, read.assignment.session) == ("m-1", "ses_1")
    assert read.assignment.session_cost == Decimal("0.25")
    assert read.inbox == (ContextItem("c", "n", "t"),)
    assert read.answers == (("1", "Allow"), ("2", None))
    assert orders.from_json({**given, "assignment": None, "inbox": []}).assignment is None
    with pytest.raises(ValueError, match="FLY"):
        orders.from_json({**given, "desired": "FLY"})


def test_complaints_come_to_an_end() -> None:
    enough = template.Enough()
    record = logging.makeLogRecord({"msg": "again"})
    assert sum(bool(enough.filter(record)) for _ in range(5_000)) == 1_000
