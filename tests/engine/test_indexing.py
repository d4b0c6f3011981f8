"""The index of a project's files follows the files."""

from collections.abc import Collection
from pathlib import Path

import pytest

from app import store
from app.engine import indexing
from app.live.requests import Requests
from app.store.context_tables import ContextFileRow
from app.store.db import Tx
from tests.conftest import Clock
from tests.fleet import Fleet


@pytest.fixture
async def project(fleet: Fleet, tmp_path: Path) -> str:
    """A project with two files in a directory of its own."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "a.py").write_text("def f():\n    return 1\n")
    (root / "notes.txt").write_text("words")
    row = await fleet.db.write(store.projects.add, name="own", root=str(root))
    await fleet.db.write(store.context_files.want, [row.id])
    return row.id


async def root_of(fleet: Fleet, project: str) -> Path:
    return Path((await fleet.db.read(store.projects.get, project)).root)


async def index(fleet: Fleet, project: str) -> dict[str, ContextFileRow]:
    return await fleet.db.read(store.context_files.of_project, project)


async def test_a_project_that_is_asked_for_is_read_once(fleet: Fleet, project: str) -> None:
    assert await indexing.run_once(fleet.db) == 2
    found = await index(fleet, project)
    assert {path: (row.state, row.language) for path, row in found.items()} == {
        "a.py": ("FRESH", "python"),
        "notes.txt": ("FRESH", None),
    }
    assert found["a.py"].skeleton_tokens == 5
    assert await indexing.run_once(fleet.db) == 0


async def test_only_what_was_changed_is_read_again(fleet: Fleet, clock: Clock, project: str) -> None:
    await indexing.run_once(fleet.db)
    root = await root_of(fleet, project)
    (root / "a.py").write_text("class = 3\n")
    (root / "notes.txt").unlink()
    (root / "b.py").write_text("x = 1\n")
    clock.advance(seconds=4)
    await fleet.db.write(store.context_files.want, [project])
    assert await indexing.run_once(fleet.db) == 0, "it rests, however often it is asked for"
    clock.advance(seconds=2)
    await fleet.db.write(store.context_files.want, [project])
    assert await indexing.run_once(fleet.db) == 2
    found = await index(fleet, project)
    assert {path: row.state for path, row in found.items()} == {"a.py": "FAILED", "b.py": "FRESH"}
    assert found["a.py"].error == "It has no skeleton: line 1 is no python."
    assert found["a.py"].skeleton_tokens is None


async def test_what_readers_ask_for_is_noted_once_and_not_lost(
    fleet: Fleet, clock: Clock, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await indexing.run_once(fleet.db)
    clock.advance(seconds=10)
    requests = Requests()
    requests.add(project, project, "proj_gone")
    with monkeypatch.context() as broken:
        broken.setattr(store.context_files, "want", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await indexing.note(fleet.db, requests)
    assert await fleet.db.read(store.context_files.due, rest=indexing.REST, every=indexing.EVERY) == []
    await indexing.note(fleet.db, requests)
    due = await fleet.db.read(store.context_files.due, rest=indexing.REST, every=indexing.EVERY)
    assert [one.id for one in due] == [project]
    assert requests.take() == []


async def test_what_was_seen_to_change_is_stale_until_it_is_read(fleet: Fleet, project: str) -> None:
    await indexing.run_once(fleet.db)

    def change(tx: Tx) -> None:
        row = store.context_files.of_project(tx, project)["a.py"]
        indexing._note(tx, project, {"a.py": indexing.Seen(row.size + 1, row.modified_ns)})

    await fleet.db.write(change)
    found = await index(fleet, project)
    assert {path: row.state for path, row in found.items()} == {"a.py": "STALE"}


async def test_of_the_skeletons_that_are_kept_only_those_of_the_files_at_hand_are_looked_at(
    fleet: Fleet, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, looks = await root_of(fleet, project), []
    for number in range(6):
        (root / f"f{number}.py").write_text(f"def f{number}():\n    return 1\n")
    await fleet.db.write(
        store.context_files.keep_skeletons, {f"kept-{number}": ("def g(): ...", 5) for number in range(100)}
    )
    ask = store.context_files.skeleton_tokens

    def counted(tx: Tx, *digests: Collection[str]) -> dict[str, int]:
        found = ask(tx, *digests)
        looks.append(len(found))
        return found

    monkeypatch.setattr(store.context_files, "skeleton_tokens", counted)
    monkeypatch.setattr(indexing, "BATCH", 2)
    (root / "again.py").write_text("def f0():\n    return 1\n")
    assert await indexing.run_once(fleet.db) == 9
    assert len(looks) == 5
    assert sum(looks) == 1, "of a.py's like, read in an earlier batch"


async def test_a_file_under_another_name_has_the_skeleton_that_is_kept(
    fleet: Fleet, clock: Clock, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await indexing.run_once(fleet.db)
    root = await root_of(fleet, project)
    (root / "a.py").rename(root / "renamed.py")
    clock.advance(seconds=10)
    await fleet.db.write(store.context_files.want, [project])
    monkeypatch.setattr("app.context.files.skeleton", lambda *_: pytest.fail("made again"))
    assert await indexing.run_once(fleet.db) == 1
    assert (await index(fleet, project))["renamed.py"].skeleton_tokens == 5


async def test_projects_with_runs_that_go_on_are_looked_at_by_themselves(fleet: Fleet, clock: Clock) -> None:
    await fleet.a_run("a")
    due = await fleet.db.read(store.context_files.due, rest=indexing.REST, every=indexing.EVERY)
    assert len(due) == 1
    await fleet.db.write(store.context_files.looked, due[0].id, clock())
    assert await fleet.db.read(store.context_files.due, rest=indexing.REST, every=indexing.EVERY) == []
    clock.advance(seconds=30)
    assert len(await fleet.db.read(store.context_files.due, rest=indexing.REST, every=indexing.EVERY)) == 1


async def test_a_project_whose_directory_is_gone_has_an_empty_index(
    fleet: Fleet, clock: Clock, project: str
) -> None:
    await indexing.run_once(fleet.db)
    root = await root_of(fleet, project)
    root.rename(root.with_name("elsewhere"))
    clock.advance(seconds=10)
    await fleet.db.write(store.context_files.want, [project])
    assert await indexing.run_once(fleet.db) == 0
    assert await index(fleet, project) == {}


async def test_skeletons_that_no_file_has_are_forgotten_in_time(
    fleet: Fleet, clock: Clock, project: str
) -> None:
    await indexing.run_once(fleet.db)
    clock.advance(days=8)
    assert await indexing.prune(fleet.db) == 0, "a file has it"
    (await root_of(fleet, project) / "a.py").unlink()
    await fleet.db.write(store.context_files.want, [project])
    await indexing.run_once(fleet.db)
    assert await indexing.prune(fleet.db) == 1
