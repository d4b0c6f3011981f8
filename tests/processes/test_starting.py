"""Starting and reaping real children, and the lock that allows one runner."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app.processes.identity import Identity
from app.processes.locks import Lock, holder
from app.processes.spawning import CannotStart, start
from app.processes.table import SYSTEM
from tests.runner.support import ROOT

ENV = dict(os.environ)


# In a process of their own: Children waits for any child, and the test run has some.
REAPING = """
import asyncio, os, sys
from app.processes.children import Children, Ending
from app.processes.spawning import start

async def main():
    children = Children()
    assert not children.reap()
    started = start(["sh", "-c", "pwd; echo error >&2; exit 5"], cwd=sys.argv[1], env=os.environ)
    other = start(["sh", "-c", "kill -9 $$"], cwd="/", env=os.environ)
    left = start(["cat", sys.argv[2]], cwd="/", env=os.environ)
    first, second = children.expect(started.identity.pid), children.expect(other.identity.pid)
    assert await first == Ending(5, None)
    assert await second == Ending(None, 9)
    assert children.reap(), "one is left"
    os.set_blocking(started.stdout, True)
    assert os.read(started.stdout, 999).decode() == sys.argv[1] + "\\n"
    assert os.read(started.stderr, 999) == b"error\\n"
    third = children.expect(left.identity.pid)
    os.close(os.open(sys.argv[2], os.O_WRONLY))
    assert await third == Ending(0, None)
    assert not children.reap()

asyncio.run(main())
"""


def test_start_and_reap(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    subprocess.run(
        [sys.executable, "-c", REAPING, str(tmp_path), str(tmp_path / "fifo")], cwd=ROOT, check=True
    )


def test_a_failed_start_leaves_no_descriptor(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    for argv in (["no-such-program"], ["\0"], []):
        with pytest.raises(CannotStart):
            start(argv, cwd="/", env=ENV)
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_the_program_is_found_in_its_own_path(tmp_path: Path) -> None:
    """Not in ours: what the assignment sets counts."""
    with pytest.raises(CannotStart, match="'sh': No such file"):
        start(["sh"], cwd="/", env={"PATH": str(tmp_path)})


def test_one_holder(tmp_path: Path) -> None:
    first = Lock.take(tmp_path / "lock")
    assert first is not None
    first.sign()
    assert holder(tmp_path / "lock") == SYSTEM.identify(os.getpid())
    assert Lock.take(tmp_path / "lock") is None
    first.close()
    second = Lock.take(tmp_path / "lock")
    assert second is not None
    second.close()


def test_a_removed_lock_is_nobodys(tmp_path: Path) -> None:
    first = Lock.take(tmp_path / "lock")
    (tmp_path / "lock").unlink()
    second = Lock.take(tmp_path / "lock")
    assert first is not None
    assert second is not None
    assert Lock.take(tmp_path / "lock") is None
    first.close()
    second.close()


def test_death_lets_go(tmp_path: Path) -> None:
    code = (
        "import sys, os; from pathlib import Path; from app.processes.locks import Lock;"
        "lock = Lock.take(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "lock")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert Lock.take(tmp_path / "lock") is None
        process.kill()
        process.wait()
    lock = Lock.take(tmp_path / "lock")
    assert lock is not None
    lock.close()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"pid": "1", "createTime": 1}', '{"pid": true, "createTime": 1}']
)
def test_an_unreadable_signature(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock").write_text(text)
    assert holder(tmp_path / "lock") is None


def test_an_identity_survives_json() -> None:
    identity = Identity(1, 2.5, "boot")
    assert Identity.from_json(identity.to_json()) == identity
