"""Every setting of a project changes what happens, and goes back to what the server has when it is reset."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

from app import store
from app.domain.access import Role
from app.domain.project_settings import FLAGS, ProjectSettings
from app.domain.runs import Patience
from app.engine import indexing, plan_files, staleness
from app.engine.plan_files import Looks
from app.schema.project_settings import ProjectSettings as Shown
from app.store.db import Tx
from tests.factories import an_actor
from tests.schema.api import Api, input_of
from tests.schema.examples import PLAN
from tests.schema.examples.inputs import AGENT
from tests.schema.world import World

TEXT: Final = {"text": {"format": "TRACKSIDE", "content": PLAN}}


async def new_run(world: World, fields: str, **input: Any) -> Any:
    made = await world.api.do(
        "createRun", f"run {{ id {fields} }}", **{"projectId": world.project, "plan": TEXT, **input}
    )
    return made["run"]


async def guarded(world: World) -> Any:
    return (await new_run(world, "phaseGuard"))["phaseGuard"]


async def advances(world: World) -> Any:
    return (await new_run(world, "autoAdvance"))["autoAdvance"]


async def completes(world: World) -> Any:
    return (await new_run(world, "autoComplete"))["autoComplete"]


async def workers(world: World) -> Any:
    return (await new_run(world, "maxWorkers"))["maxWorkers"]


async def conflicts(world: World) -> Any:
    return (await new_run(world, "conflictPolicy"))["conflictPolicy"]


async def runs(world: World) -> Any:
    tasks = await world.fleet.tasks((await new_run(world, "status"))["id"])
    return tasks["one"].runtime


async def is_stale(world: World) -> tuple[bool, bool]:
    """Whether a run that was silent for 61 seconds is listed as stale, and announced."""
    run = (await new_run(world, "status", start=True))["id"]
    world.fleet.clock.advance(seconds=61)
    found = await world.api.query("{ runs(filter: {stale: true}) { edges { node { id } } } }")
    await staleness.run_once(world.fleet.db, Patience())
    announced = (await world.fleet.run(run)).stale_announced_at is not None
    return run in [edge["node"]["id"] for edge in found["runs"]["edges"]], announced


async def deadline(world: World) -> float | None:
    run = (await new_run(world, "status"))["id"]
    asked = await world.api.do("askQuestion", "item { id }", runId=run, question="When?")
    item = await world.fleet.item(asked["item"]["id"])
    return item.expires_at and (item.expires_at - item.created_at).total_seconds()


async def instructed(world: World) -> tuple[bool, str | None]:
    """Whether a worker is told its task's skill, and which it has."""
    tasks = [{"key": "one", "title": "Do it", "skill": "writing", "runtime": {"command": ["true"]}}]
    run = await new_run(world, "status", plan={"tasks": tasks}, start=True)
    worker = await world.fleet.worker(await world.fleet.working(run["id"], "one"))
    return "# Skill: writing" in worker.prompt, worker.skill


async def indexed(world: World) -> bool:
    """Whether a file of the project is in the index."""
    (world.root / "notes.md").write_text("Mind the gap.")
    document = "query($id: ID!) { contextState(projectId: $id) { edges { node { path } } } }"
    await world.api.query(document, id=world.project)
    world.fleet.clock.advance(seconds=31)
    await indexing.run_once(world.fleet.db)
    found = await world.api.query(document, id=world.project)
    return "notes.md" in [edge["node"]["path"] for edge in found["contextState"]["edges"]]


async def watched(world: World) -> int:
    """How often the edit of a run's plan is told."""
    (world.root / "plan.yaml").write_text(PLAN)
    run = (await new_run(world, "status", plan={"path": "plan.yaml"}))["id"]
    (world.root / "plan.yaml").write_text(PLAN + "  - key: two\n    title: Then this\n")
    await plan_files.run_once(world.fleet.db, Looks())
    found = await world.api.query(
        'query($id: ID!) { events(filter: {runIds: [$id], types: ["PlanChanged"]}) { edges { cursor } } }',
        id=run,
    )
    return len(found["events"]["edges"])


@dataclass(frozen=True)
class Proof:
    """What is seen by `look` while nothing is set, and once the setting has this value."""

    look: Callable[[World], Awaitable[Any]]
    usual: Any
    value: Any
    then: Any


TRUE: Final = {"kind": "command", "argv": ["true"]}
PROOFS: Final[dict[str, Proof]] = {
    "phase_guard": Proof(guarded, False, True, True),
    "auto_advance": Proof(advances, True, False, False),
    "auto_complete": Proof(completes, True, False, False),
    "max_workers": Proof(workers, 4, 7, 7),
    "runtime": Proof(runs, None, {"command": ["true"]}, TRUE),
    "conflict_policy": Proof(conflicts, "ASK", "ALLOW", "ALLOW"),
    "stale_after_seconds": Proof(is_stale, (False, False), 60, (True, True)),
    "question_deadline_seconds": Proof(deadline, None, 90, 90.0),
    "skills": Proof(instructed, (True, "writing"), False, (False, None)),
    "index_files": Proof(indexed, True, False, False),
    "watch_plans": Proof(watched, 1, False, 0),
}


def test_every_setting_has_a_proof_that_it_does_something() -> None:
    assert set(PROOFS) == set(FLAGS)


@pytest.mark.parametrize("name", PROOFS)
async def test_a_setting_changes_what_happens_until_it_is_reset(world: World, name: str) -> None:
    proof, camel = PROOFS[name], FLAGS[name].camel
    assert await proof.look(world) == proof.usual
    await configure(world, **{camel: proof.value})
    assert await proof.look(world) == proof.then
    await configure(world, reset=[camel])
    assert await proof.look(world) == proof.usual


async def configure(world: World, **changes: Any) -> Any:
    return await world.api.do("configureProject", projectId=world.project, **changes)


def test_the_schema_has_a_field_for_every_setting() -> None:
    names = [flag.camel for flag in FLAGS.values()]
    assert list(Shown.__annotations__) == list(FLAGS)
    settable = input_of("configureProject").fields
    assert [name for name in settable if name in names] == sorted(names, key=list(settable).index)
    assert settable.keys() - set(names) == {"projectId", "reset", "reason", "idempotencyKey"}


FLAGS_OF: Final = "query($id: ID!) { project(id: $id) { flags { name value origin default } } }"


async def flags_of(api: Api, project: str) -> dict[str, tuple[Any, str, Any]]:
    found = await api.query(FLAGS_OF, id=project)
    return {
        flag["name"]: (flag["value"], flag["origin"], flag["default"]) for flag in found["project"]["flags"]
    }


async def test_each_setting_says_where_it_comes_from(world: World) -> None:
    services = replace(world.api.services, defaults=ProjectSettings(phase_guard=True, auto_advance=False))
    api = Api(services, world.api.actor)
    await configure(world, autoAdvance=True, runtime={"command": ["true"]})
    found = await flags_of(api, world.project)
    assert found["phaseGuard"] == (True, "SERVER", True)
    assert found["autoAdvance"] == (True, "PROJECT", False)
    assert found["maxWorkers"] == (4, "DEFAULT", 4)
    assert found["runtime"] == ({"command": ["true"]}, "PROJECT", None)


async def test_an_agent_is_shown_as_it_was_given(world: World) -> None:
    await configure(world, runtime=AGENT)
    assert (await flags_of(world.api, world.project))["runtime"][0] == AGENT


async def test_what_a_run_says_itself_holds(world: World) -> None:
    await configure(world, maxWorkers=7, phaseGuard=True, runtime={"command": ["true"]})
    own = await new_run(
        world, "maxWorkers phaseGuard", maxWorkers=2, phaseGuard=False, runtime={"command": ["false"]}
    )
    assert (own["maxWorkers"], own["phaseGuard"]) == (2, False)
    assert (await world.fleet.tasks(own["id"]))["one"].runtime == {"kind": "command", "argv": ["false"]}


async def test_a_run_that_is_there_stays_as_it_is(world: World) -> None:
    run = await new_run(world, "maxWorkers")
    await configure(world, maxWorkers=7)
    assert (await world.fleet.run(run["id"])).max_workers == run["maxWorkers"]


async def test_a_change_is_told(world: World) -> None:
    await configure(world, skills=False, reset=["maxWorkers"])
    found = await world.api.query(
        '{ events(last: 5, filter: {types: ["ProjectChanged"]}) { edges { node { '
        "... on ProjectChanged { actor changedSettings project { id } } } } } }"
    )
    (told,) = [edge["node"] for edge in found["events"]["edges"]]
    assert told == {
        "actor": "operator",
        "changedSettings": ["maxWorkers", "skills"],
        "project": {"id": world.project},
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"maxWorkers": 0}, ["input", "maxWorkers"]),
        ({"maxWorkers": 1_001}, ["input", "maxWorkers"]),
        ({"staleAfterSeconds": 0}, ["input", "staleAfterSeconds"]),
        ({"runtime": {"command": ["no-such-program"]}}, ["input", "runtime", "command"]),
        ({"reset": ["colour"]}, ["input", "reset"]),
        ({"reset": ["skills"], "skills": True}, ["input", "reset"]),
    ],
)
async def test_what_cannot_be_set_is_refused_and_changes_nothing(
    world: World, changes: dict[str, Any], path: list[str]
) -> None:
    before = await world.dump("command", "event")
    refused = await world.api.refused("configureProject", projectId=world.project, **changes)
    assert (refused["code"], refused["path"]) == ("INVALID_INPUT", path)
    assert await world.dump("command", "event") == before


async def test_another_projects_settings_are_its_own(world: World, theirs: World) -> None:
    before = await flags_of(world.api, theirs.project)
    await configure(world, maxWorkers=7, skills=False)
    assert await flags_of(world.api, theirs.project) == before
    theirs_alone = world.api.by(an_actor(Role.ADMIN, project_id=theirs.project))
    refused = await theirs_alone.refused("configureProject", projectId=world.project, maxWorkers=3)
    assert refused["code"] == "NOT_FOUND"


async def test_what_a_later_version_has_stored_is_left_alone(world: World) -> None:
    def store_unknown(tx: Tx) -> None:
        store.project_flags.put(tx, world.project, "moon_phase", "full")

    await world.fleet.db.write(store_unknown)
    await configure(world, maxWorkers=7)
    assert "moonPhase" not in await flags_of(world.api, world.project)
    said = await world.fleet.db.read(store.project_flags.of_project, world.project)
    assert said == {"moon_phase": "full", "max_workers": 7}


async def test_without_skills_a_plan_may_name_any_and_a_worker_by_hand_none(world: World) -> None:
    plan = {"tasks": [{"key": "one", "title": "Do it", "skill": "of-somebody-else"}]}
    refused = await world.api.refused("createRun", projectId=world.project, plan=plan)
    assert refused["code"] == "INVALID_INPUT"
    await configure(world, skills=False)
    run = await new_run(world, "status", plan=plan, runtime={"command": ["true"]}, start=True)
    by_hand = await world.api.refused(
        "spawnWorker", runId=run["id"], skill="writing", runtime={"command": ["true"]}
    )
    assert (by_hand["code"], by_hand["path"]) == ("INVALID_INPUT", ["input", "skill"])


async def test_an_index_that_is_being_made_is_not_finished_once_it_is_turned_off(world: World) -> None:
    project = await world.fleet.db.read(store.projects.get, world.project)
    assert await indexing.look(world.fleet.db, project) > 0
    await configure(world, indexFiles=False)
    assert await indexing.look(world.fleet.db, project) == 0
    assert await world.fleet.db.read(store.context_files.of_project, world.project) == {}
