"""What an agent prints: how much of it is kept, in what shape, and that printing never blocks it."""

import hashlib
from pathlib import Path

from app.runner.allowance import MAX_LOG_BYTES, MAX_WAITING_BYTES
from app.runner.lines import MAX_LINE_BYTES
from app.runner.outbox import MAX_BATCH_BYTES, MAX_BATCH_LINES
from tests.runner.conftest import Launch
from tests.runner.control_plane import ControlPlane, Worker
from tests.runner.support import PYTHON, gone, resident_kib, until


async def run(plane: ControlPlane, launch: Launch, tmp_path: Path, script: str) -> Worker:
    worker = Worker("wrk_output", [*PYTHON, script], str(tmp_path))
    launch(worker)
    exited = await plane.ended(worker, 60)
    assert (exited["reason"], exited["exitCode"]) == ("EXITED", 0)
    return worker


async def test_order_and_streams(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    script = "import sys\nfor i in range(5000): print('line', i)\nprint('bad', file=sys.stderr)\nprint('open', end='')"
    worker = await run(plane, launch, tmp_path, script)
    assert worker.log("STDOUT") == [*(f"line {i}" for i in range(5000)), "open"]
    assert worker.log("STDERR") == ["bad"]
    lines, size = worker.largest_batch
    assert lines <= MAX_BATCH_LINES
    assert size <= MAX_BATCH_BYTES


async def test_a_line_is_seen_while_the_agent_runs(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_live", ["sh", "-c", "echo first; exec sleep 60"], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.log() == ["first"], 3)
    plane.order(worker, desired="STOP")
    await plane.ended(worker)


async def test_a_prompt_is_seen_though_its_line_never_ends(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    worker = Worker("wrk_prompt", ["sh", "-c", "printf 'Go on? '; exec sleep 60"], str(tmp_path))
    launch(worker)
    await plane.until(lambda: worker.log() == ["Go on? "], 20)
    plane.order(worker, desired="STOP")
    await plane.ended(worker)
    assert worker.log("STDOUT") == ["Go on? "]


async def test_a_line_of_a_megabyte(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    worker = await run(plane, launch, tmp_path, "print('é' * 600_000); print('next')")
    *long, last = worker.log()
    assert last == "next"
    assert max(len(line.encode()) for line in long) <= MAX_LINE_BYTES
    assert all(line.startswith("… ") for line in long[1:])
    assert "".join([long[0], *(line.removeprefix("… ") for line in long[1:])]) == "é" * 600_000


async def test_what_is_no_text(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    script = r"import os; os.write(1, b'a\xff\xfe\xc3b\n\x00nul\x00\ncarriage\r\n\xe2\x82')"
    worker = await run(plane, launch, tmp_path, script)
    assert worker.log() == ["a\ufffd\ufffd\ufffdb", "nul", "carriage", "\ufffd"]


async def test_eighty_megabytes(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """More than may be kept and faster than it can be sent: what arrives is in order, what does not is counted."""
    script = "import os\nline = b'%07d ' + b'x' * 8191 + b'\\n'\nfor i in range(10240): os.write(1, line % i)"
    worker = await run(plane, launch, tmp_path, script)
    kept = worker.log()
    numbers = [int(line[:7]) for line in kept]
    assert numbers == sorted(set(numbers))
    assert sum(map(len, kept)) <= MAX_LOG_BYTES
    told = [line for line in worker.log("SYSTEM") if "dropped" in line]
    dropped = sum(int(line.split()[0]) for line in told if line[0].isdigit())
    assert len(kept) + dropped == 10240
    assert sum("The log is full" in line for line in told) <= 1


async def test_nobody_takes_the_reports(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """The server is gone while the agent prints: the agent is not held up, the oldest is kept, memory is bounded."""
    script = (
        "import os,sys,time\nprint('ready', flush=True)\nwhile not os.path.exists('go'): time.sleep(0.005)\n"
        "for i in range(40000): os.write(1, b'%06d ' % i + b'x' * 993 + b'\\n')\n"
        "open('printed', 'w')\nwhile not os.path.exists('end'): time.sleep(0.005)\nprint('later')"
    )
    worker = Worker("wrk_backlog", [*PYTHON, script], str(tmp_path))
    runner = launch(worker)
    await plane.until(lambda: worker.log() == ["ready"])
    await plane.kill()
    (tmp_path / "go").touch()
    await until((tmp_path / "printed").exists, "the agent to have printed 40 MB", 30)
    await until(lambda: (tmp_path / "wrk_backlog" / "journal.jsonl").stat().st_size > MAX_WAITING_BYTES * 0.9)
    assert resident_kib(runner) < 80_000
    assert (tmp_path / "wrk_backlog" / "journal.jsonl").stat().st_size < MAX_WAITING_BYTES * 1.2
    await plane.start()
    await plane.until(lambda: len(worker.log()) > 7000)
    (tmp_path / "end").touch()
    await plane.ended(worker)
    kept = [int(line[:6]) for line in worker.log()[1:-1]]
    assert kept == list(range(len(kept)))
    assert worker.log()[-1] == "later"
    (note,) = worker.log("SYSTEM")
    assert note.startswith(f"{40000 - len(kept)} lines")
    await gone(runner)


async def test_a_report_the_server_will_not_have(plane: ControlPlane, launch: Launch, tmp_path: Path) -> None:
    """One line it refuses does not hold back what comes after it."""
    script = (
        "import os,time\nfor word in ('one', 'poison', 'three'):\n"
        " while not os.path.exists(word): time.sleep(0.005)\n print(word, flush=True)"
    )
    worker = Worker("wrk_poison", [*PYTHON, script], str(tmp_path))
    worker.refuses = lambda report: "no poison" if "poison" in str(report.get("lines")) else None
    launch(worker)
    (tmp_path / "one").touch()
    await plane.until(lambda: worker.log() == ["one"])
    (tmp_path / "poison").touch()
    await plane.until(lambda: any("was refused" in line for line in worker.log("SYSTEM")))
    (tmp_path / "three").touch()
    await plane.ended(worker)
    assert worker.log() == ["one", "three"]


async def test_the_journal_does_not_grow_without_bound(
    plane: ControlPlane, launch: Launch, tmp_path: Path
) -> None:
    script = "import os,time\nfor i in range(400):\n os.write(1, b'%04d ' % i + b'x' * 20000 + b'\\n')\n time.sleep(0.001)"
    worker = await run(plane, launch, tmp_path, script)
    printed = hashlib.sha256("".join(line.removeprefix("… ") for line in worker.log()).encode()).hexdigest()
    assert (
        printed == hashlib.sha256("".join(f"{i:04d} " + "x" * 20000 for i in range(400)).encode()).hexdigest()
    )
    assert (tmp_path / "wrk_output" / "journal.jsonl").stat().st_size < 2_000_000  # of 8 MB
