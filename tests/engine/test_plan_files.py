"""A plan file that is edited while its run is open is announced once per change, also by the next server."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any

import pytest

from app import commands
from app.commands.runs import PlanSource
from app.domain.events import EventKind
from app.engine import plan_files
from app.engine.plan_files import Looks
from app.live.hub import Hub
from app.live.log import Tail
from tests.factories import COMMAND, a_plan
from tests.fleet import Fleet

SOON = 10


def hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def a_run(fleet: Fleet, root: Path, *, path: str = "plan.md", text: str = "one") -> str:
    project = await fleet.do(commands.projects.create, name=root.name, root=str(root))
    made = await fleet.do(
        commands.runs.create,
        project_id=project.refs["project"],
        plan=a_plan("a"),
        source=PlanSource(path, "MARKDOWN", hash_of(text), text),
        runtime=COMMAND,
        start=True,
    )
    return str(made.refs["run"])


async def told(fleet: Fleet) -> list[tuple[str, str, str]]:
    events = await fleet.events(EventKind.PLAN_CHANGED)
    return [(event.data["path"], event.data["old"], event.data["new"]) for event in events]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "plan.md").write_text("one")
    return tmp_path.resolve()


async def test_each_change_is_announced_once(fleet: Fleet, root: Path) -> None:
    await a_run(fleet, root)
    looks = Looks()
    assert await plan_files.run_once(fleet.db, looks) == 0
    (root / "plan.md").write_text("two")
    assert await plan_files.run_once(fleet.db, looks) == 1
    assert await plan_files.run_once(fleet.db, looks) == 0
    (root / "plan.md").write_text("three")
    assert await plan_files.run_once(fleet.db, looks) == 1
    (root / "plan.md").write_text("one")
    assert await plan_files.run_once(fleet.db, looks) == 1
    one, two, three = map(hash_of, ("one", "two", "three"))
    assert await told(fleet) == [("plan.md", one, two), ("plan.md", two, three), ("plan.md", three, one)]


async def test_a_server_that_comes_later_tells_what_happened_meanwhile_and_nothing_twice(
    fleet: Fleet, root: Path
) -> None:
    await a_run(fleet, root)
    (root / "plan.md").write_text("two")
    assert await plan_files.run_once(fleet.db, Looks()) == 1
    assert await plan_files.run_once(fleet.db, Looks()) == 0
    (root / "plan.md").write_text("one")
    assert await plan_files.run_once(fleet.db, Looks()) == 1
    assert await plan_files.run_once(fleet.db, Looks()) == 0


async def test_what_was_imported_is_no_news(fleet: Fleet, root: Path) -> None:
    run_id = await a_run(fleet, root)
    looks = Looks()
    (root / "plan.md").write_text("two")
    await plan_files.run_once(fleet.db, looks)
    await fleet.do(commands.plans.import_plan, **importing(run_id, "one", "two"))
    assert await plan_files.run_once(fleet.db, looks) == 0
    await fleet.do(commands.plans.import_plan, **importing(run_id, "two", "from elsewhere"))
    assert await plan_files.run_once(fleet.db, looks) == 1
    assert (await told(fleet))[-1] == ("plan.md", hash_of("from elsewhere"), hash_of("two"))


def importing(run_id: str, old: str, new: str) -> dict[str, Any]:
    source = PlanSource("plan.md", "MARKDOWN", hash_of(new), new)
    return {
        "run_id": run_id,
        "old": a_plan("a"),
        "old_hash": hash_of(old),
        "new": a_plan("a"),
        "source": source,
    }


async def test_two_runs_of_one_file_are_told_each(fleet: Fleet, root: Path) -> None:
    await a_run(fleet, root)
    await a_run(fleet, root, text="an older one")
    assert await plan_files.run_once(fleet.db, Looks()) == 1
    (root / "plan.md").write_text("two")
    assert await plan_files.run_once(fleet.db, Looks()) == 2


async def test_runs_that_are_over_are_left_alone(fleet: Fleet, root: Path) -> None:
    run_id = await a_run(fleet, root)
    looks = Looks()
    await fleet.finish(run_id, "a")
    (root / "plan.md").write_text("two")
    assert await plan_files.run_once(fleet.db, looks) == 0


async def test_a_file_that_is_gone_or_none_is_nothing_to_tell(
    fleet: Fleet, root: Path, tmp_path: Path
) -> None:
    await a_run(fleet, root)
    looks = Looks()
    (root / "plan.md").unlink()
    assert await plan_files.run_once(fleet.db, looks) == 0
    (root / "plan.md").mkdir()
    assert await plan_files.run_once(fleet.db, looks) == 0
    (root / "plan.md").rmdir()
    outside = tmp_path.parent / f"{tmp_path.name}-outside.md"
    outside.write_text("secret")
    (root / "plan.md").symlink_to(outside)
    assert await plan_files.run_once(fleet.db, looks) == 0
    (root / "plan.md").unlink()
    (root / "plan.md").write_text("one")
    assert await plan_files.run_once(fleet.db, looks) == 0


# ---------------------------------------------------------------- as it happens


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is told within a test was told because the file changed, not because time has passed."""
    monkeypatch.setattr(plan_files, "LONGEST_REST", SOON * 10)


async def until(tail: Tail, fleet: Fleet, count: int) -> None:
    only = plan_files.Filter(kinds=frozenset({EventKind.PLAN_CHANGED}))
    async with asyncio.timeout(SOON):
        seen = 0
        while len(await told(fleet)) < count:
            seen = await tail.changed(only, seen)


@pytest.mark.usefixtures("patient")
async def test_an_edit_is_told_when_it_happens_however_the_file_is_written(
    own_sqlite_db: Any, clock: Any, root: Path
) -> None:
    fleet = Fleet(own_sqlite_db, clock)
    hub = Hub("memory://")
    fleet.db.on_commit = hub.wake
    async with hub, Tail(fleet.db, hub, poll=SOON * 10) as tail:
        following = asyncio.create_task(plan_files.follow(fleet.db, tail, lambda: True))
        await a_run(fleet, root)  # it is watched although it came later
        (root / "plan.md").write_text("two")
        await until(tail, fleet, 1)
        (root / "new").write_text("three")
        (root / "new").rename(root / "plan.md")
        await until(tail, fleet, 2)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert [new for _, _, new in await told(fleet)] == [hash_of("two"), hash_of("three")]


@pytest.mark.usefixtures("patient")
async def test_a_server_that_does_not_lead_watches_nothing(
    own_sqlite_db: Any, clock: Any, root: Path
) -> None:
    fleet = Fleet(own_sqlite_db, clock)
    async with Hub("memory://") as hub, Tail(fleet.db, hub, poll=0.01) as tail:
        await a_run(fleet, root)
        (root / "plan.md").write_text("two")
        asked = asyncio.Event()

        def leads() -> bool:
            asked.set()
            return False

        following = asyncio.create_task(plan_files.follow(fleet.db, tail, leads))
        await asked.wait()
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    assert await told(fleet) == []
