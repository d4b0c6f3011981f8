"""Trees of real processes, read and ended through both process tables."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from app.processes import ending, linux, pausing, portable, signals
from app.processes.identity import Identity
from app.processes.table import Table
from app.processes.tree import Tree
from tests.runner.support import PYTHON, pids_in, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="both tables can be compared on Linux only")

TAG = f"TRACKSIDE_WORKER_ID=wrk_tree_{os.getpid()}"
NAME, _, VALUE = TAG.partition("=")

# The parent, a child, a child in a session of its own, and its child; each notes its pid.
FOUR = """
import os, sys, time
def note():
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d\\n" % os.getpid())
    os.close(fd)
if os.fork() == 0:
    note()
    while True: time.sleep(60)
if os.fork() == 0:
    os.setsid()
    os.fork()
    note()
    while True: time.sleep(60)
note()
while True: time.sleep(60)
"""


@pytest.fixture(params=[linux, portable], ids=["linux", "portable"])
def table(request: pytest.FixtureRequest) -> ModuleType:
    module: ModuleType = request.param
    return module


@pytest.fixture
def four(tmp_path: Path) -> Iterator[list[int]]:
    """Four processes, the first of which is a child of this one."""
    process = subprocess.Popen(
        [*PYTHON, FOUR, str(tmp_path / "pids")], env={NAME: VALUE}, start_new_session=True
    )
    wait_until(lambda: len(pids_in(tmp_path / "pids")) == 4, "four processes")
    pids = [process.pid, *(pid for pid in pids_in(tmp_path / "pids") if pid != process.pid)]
    identities = [identity for pid in pids if (identity := linux.identify(pid))]
    yield pids
    for identity in identities:
        signals.send(identity, signal.SIGKILL, identify=linux.identify)
    process.wait(10)


def root(table: Table, pid: int) -> Identity:
    identity = table.identify(pid)
    assert identity is not None
    return identity


def test_descendants(table: Table, four: list[int]) -> None:
    assert {seen.identity.pid for seen in table.descendants([four[0]])} == set(four[1:])
    assert sorted(len(table.descendants([pid])) for pid in four) == [0, 0, 1, 3]


def test_descendants_without_the_kernels_list(four: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(linux, "_HAS_CHILDREN", False)
    assert {seen.identity.pid for seen in linux.descendants([four[0]])} == set(four[1:])


def test_tagged(table: Table, four: list[int]) -> None:
    assert {seen.identity.pid for seen in table.tagged(TAG)} == set(four)
    assert table.tagged(TAG[:-1]) == []
    assert table.tagged(TAG + "0") == []


def test_both_tables_agree_on_creation(four: list[int]) -> None:
    ours, theirs = root(linux, four[0]), root(portable, four[0])
    assert abs(linux.created_at(ours) - portable.created_at(theirs)) < 0.05


def test_what_has_ended_is_not_seen(table: Table) -> None:
    process = subprocess.Popen(["true"])
    identity = root(table, process.pid)
    wait_until(lambda: linux._stat(process.pid).state == "Z", "the zombie")  # type: ignore[union-attr]
    assert table.look(identity) is None
    assert process.pid not in {seen.identity.pid for seen in table.descendants([os.getpid()])}
    process.wait()
    assert table.identify(process.pid) is None
    assert table.look(identity) is None


def test_a_reused_pid_is_never_signalled(table: Table, four: list[int]) -> None:
    """The same pid, created at another time: as if its first owner had died."""
    earlier = replace(root(table, four[0]), created=1.0)
    assert not signals.send(earlier, signal.SIGKILL, identify=table.identify)
    assert table.look(earlier) is None
    assert Tree("NOBODY=1", roots=[earlier], table=table).members() == []
    assert table.look(root(table, four[0])) is not None


def test_another_boot_is_another_process(four: list[int]) -> None:
    assert linux.look(replace(root(linux, four[0]), boot="before")) is None


def test_members_by_root_and_by_tag(table: Table, four: list[int]) -> None:
    by_root = Tree("NOBODY=1", roots=[root(table, four[0])], table=table)
    assert {seen.identity.pid for seen in by_root.members()} == set(four)
    by_tag = Tree(TAG, table=table)
    assert by_tag.members() == []
    assert {seen.identity.pid for seen in by_tag.members(everywhere=True)} == set(four)
    assert {seen.identity.pid for seen in by_tag.members()} == set(four)  # known from now on


def test_a_tree_never_holds_whoever_asks(table: Table) -> None:
    tree = Tree("NOBODY=1", roots=[root(table, os.getpid()), root(table, os.getppid())], table=table)
    assert os.getpid() not in {seen.identity.pid for seen in tree.members()}


async def test_pause_resume_end(table: Table, four: list[int]) -> None:
    tree = Tree(TAG, roots=[root(table, four[0])], table=table)
    assert await pausing.pause(tree)
    assert {seen.state for seen in tree.members()} == {"T"}
    assert await pausing.pause(tree)
    await pausing.resume(tree)
    assert "T" not in {seen.state for seen in tree.members()}
    assert await pausing.pause(tree)
    await ending.end(tree, lambda: 0.0)
    assert tree.members(everywhere=True) == []
    assert [pid for pid in four if (identity := linux.identify(pid)) and linux.look(identity)] == []


async def test_end_waits_no_longer_than_needed(four: list[int]) -> None:
    tree = Tree(TAG, roots=[root(linux, four[0])])
    async with asyncio.timeout(5):
        await ending.end(tree, lambda: 600.0)  # SIGTERM is enough for these


async def test_end_by_the_tag_alone(table: Table, four: list[int]) -> None:
    """All that is known of what a dead runner left."""
    await ending.end(Tree(TAG, table=table), lambda: 0.0)
    assert [pid for pid in four if (identity := linux.identify(pid)) and linux.look(identity)] == []


async def test_end_of_nothing() -> None:
    await ending.end(Tree("NOBODY=1"), lambda: 600.0)


async def test_a_process_that_cannot_be_killed_is_told_of(
    four: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it is with another user's process: everything else ends, and the rest is named, once."""
    untouchable = root(linux, four[3])
    send = signals.send

    def refuse(identity: Identity, number: signal.Signals, **options: object) -> bool:
        if identity == untouchable:
            raise PermissionError
        return send(identity, number, identify=linux.identify)

    monkeypatch.setattr(signals, "send", refuse)
    monkeypatch.setattr(ending, "_STUBBORN_SECONDS", 0.1)
    told: list[list[int]] = []

    def stubborn(members: list[linux.Seen]) -> None:
        told.append([seen.identity.pid for seen in members])
        monkeypatch.undo()

    await ending.end(Tree(TAG, roots=[root(linux, four[0])]), lambda: 0.0, stubborn=stubborn)
    assert told == [[four[3]]]
    assert Tree(TAG).members(everywhere=True) == []
