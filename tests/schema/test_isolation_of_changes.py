"""No mutation tells what belongs to another project from what never was, nor changes it."""

import json
from typing import Any, Final

import pytest

from app.domain.access import Role
from tests.factories import an_actor
from tests.schema.api import Api
from tests.schema.examples import EXAMPLES, sender
from tests.schema.places import of_mutations, unknown
from tests.schema.world import Dump, World

CHANGED: Final = of_mutations()
NOT_REFUSED: Final = {
    ("reportWorker", "delivered"),
    ("batchRuns", "projectId"),  # a filter: it selects nothing, which is nothing to refuse
}
"""Where an id that is not there changes nothing, and is no mistake either."""


@pytest.mark.parametrize(
    ("mutation", "path", "kind"), CHANGED, ids=[f"{one}.{'.'.join(path)}" for one, path, _ in CHANGED]
)
async def test_a_mutation_does_not_tell_hidden_from_missing_and_changes_nothing_hidden(
    world: World, theirs: World, us: Api, mutation: str, path: tuple[str, ...], kind: str
) -> None:
    api = await sender(world, mutation, us)
    inputs = [await example(world) for example in EXAMPLES[mutation]]
    input = next(one for one in inputs if holds(one, path))
    hidden = getattr(theirs, kind)
    before = rows_about(await world.dump("command"), theirs)
    answers = []
    for id in (hidden, unknown(hidden)):
        sent = {**input, "idempotencyKey": f"for-{id}"} if "idempotencyKey" in input else input
        payload = await api.attempt(mutation, replaced(sent, path, id))
        answers.append(json.dumps(payload).replace(id, "IT"))
        assert payload["userErrors"] or (mutation, path[-1]) in NOT_REFUSED
    assert answers[0] == answers[1]
    assert rows_about(await world.dump("command"), theirs) == before
    of_theirs = world.api.by(an_actor(Role.ADMIN, project_id=theirs.project))
    found = await of_theirs.query("{ commands { edges { node { actor verb status } } } }")
    assert all(edge["node"]["status"] != "REJECTED" for edge in found["commands"]["edges"])


def holds(value: Any, path: tuple[str, ...]) -> bool:
    """Whether an input gives something at this place."""
    if isinstance(value, list):
        return any(holds(one, path) for one in value)
    return not path or (path[0] in value and holds(value[path[0]], path[1:]))


def replaced(value: Any, path: tuple[str, ...], id: str) -> Any:
    if isinstance(value, list):
        return [replaced(one, path, id) for one in value] if path else [id]
    if not path:
        return id
    if path[0] not in value:
        return value
    return {**value, path[0]: replaced(value[path[0]], path[1:], id)}


def rows_about(dump: Dump, world: World) -> list[str]:
    ids = {one for one in vars(world).values() if isinstance(one, str)}
    return [row for rows in dump.values() for row in rows if any(id in row for id in ids)]


def test_every_mutation_that_takes_an_id_is_asked() -> None:
    assert {mutation for mutation, _, _ in CHANGED} <= set(EXAMPLES)
    assert len(CHANGED) > 30
