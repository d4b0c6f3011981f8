"""Every place in the served schema where a caller names something by its id, found by walking the schema."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from graphql import (
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    get_named_type,
    get_nullable_type,
)

from tests.schema.api import graphql_schema, input_of, mutation_type
from tests.schema.world import World

KINDS: Final = {
    "projectId": "project",
    "runId": "run",
    "runIds": "run",
    "taskId": "task",
    "taskIds": "task",
    "pendingTaskIds": "task",
    "workerId": "worker",
    "workerIds": "worker",
    "itemId": "item",
    "subtaskId": "subtask",
    "tokenId": "token",
    "delivered": "context",
}
"""What an argument or input field of this name is the id of; the name of a `World`'s own."""

OF_NO_PROJECT: Final = {("hostId",)}
"""Ids that are the same for everybody: machines belong to no project."""

GETTERS: Final = {"project": "project", "run": "run", "task": "task", "worker": "worker"}
"""What the argument `id` of this field is the id of. `node` and `nodes` take every kind there is."""

NODES: Final = (
    "project",
    "run",
    "task",
    "phase",
    "worker",
    "item",
    "command",
    "token",
)
"""Kinds that `node` finds."""

PARENTS: Final = {"Project": "project", "Run": "run", "Task": "task", "Worker": "worker"}
"""How an object is come by whose fields take ids."""


@dataclass(frozen=True)
class Place:
    """A field of a type, its argument, and where in that argument an id stands; what the id is of."""

    type: str
    field: str
    argument: str
    path: tuple[str, ...]
    kind: str

    def __str__(self) -> str:
        return ".".join([self.type, self.field, self.argument, *self.path, f"[{self.kind}]"])


class Unknown(AssertionError):
    """The schema has something that these tests do not know how to reach."""


def of_type(name: str) -> list[Place]:
    """The places in the arguments of one object type's fields."""
    found = []
    for field_name, field in _fields(name).items():
        for argument_name, argument in field.args.items():
            for path in paths(argument.type):
                kinds = _kinds(field_name, path[-1] if path else argument_name)
                found += [Place(name, field_name, argument_name, path, kind) for kind in kinds]
    return found


def readable() -> list[Place]:
    """In queries: of the root, and of every object that can be read."""
    found = of_type("Query")
    for name, kind in graphql_schema().type_map.items():
        if not isinstance(kind, GraphQLObjectType) or name.startswith("__"):
            continue
        if name in ("Query", "Mutation", "Subscription"):
            continue
        places = of_type(name)
        if places and name not in PARENTS:
            raise Unknown(f"fields of {name} take ids; say in PARENTS how such an object is come by")
        found += places
    return found


def of_mutations() -> list[tuple[str, tuple[str, ...], str]]:
    """Mutation, where in its input an id stands, and what it is the id of."""
    return [
        (mutation, path, kind)
        for mutation in mutation_type().fields
        for path in paths(input_of(mutation))
        for kind in _kinds(mutation, path[-1])
    ]


def paths(type_: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    named = get_named_type(type_)
    if named.name == "ID":
        if path[-1:] not in OF_NO_PROJECT:
            yield path
    elif isinstance(named, GraphQLInputObjectType):
        for name, field in named.fields.items():
            yield from paths(field.type, (*path, name))


def _kinds(field: str, name: str) -> tuple[str, ...]:
    if name in ("id", "ids") and field in ("node", "nodes"):
        return NODES
    kind = GETTERS.get(field) if name == "id" else KINDS.get(name)
    if kind is None:
        raise Unknown(f"{field} takes the id {name!r}; say in KINDS or GETTERS what it is the id of")
    return (kind,)


def value(place: Place, id: str) -> Any:
    """A value of the argument that holds nothing but this id."""
    return _nested(_fields(place.type)[place.field].args[place.argument].type, place.path, id)


def _nested(type_: Any, path: tuple[str, ...], id: str) -> Any:
    type_ = get_nullable_type(type_)
    if isinstance(type_, GraphQLList):
        return [_nested(type_.of_type, path, id)]
    if not path:
        return id
    return {path[0]: _nested(type_.fields[path[0]].type, path[1:], id)}


def document(place: Place, parent: World) -> str:
    """Asks at this place for `$it`, and for enough to tell something from nothing."""
    field = _fields(place.type)[place.field]
    call = f"{place.field}({place.argument}: $it) {selected(field.type)}"
    if place.type in PARENTS:
        id = getattr(parent, PARENTS[place.type])
        call = f'node(id: "{id}") {{ ... on {place.type} {{ {call} }} }}'
    return f"query($it: {field.args[place.argument].type}) {{ {call} }}"


def selected(type_: Any) -> str:
    """Ids, and whether there is anything at all."""
    named = get_named_type(type_)
    if not isinstance(named, GraphQLObjectType | GraphQLInterfaceType):
        return ""
    if "edges" not in named.fields:
        return "{ __typename id }" if "id" in named.fields else "{ __typename }"
    node = get_named_type(get_named_type(named.fields["edges"].type).fields["node"].type)
    count = " totalCount" if "totalCount" in named.fields else ""
    return (
        f"{{ edges {{ node {selected(node)} }} pageInfo {{ hasNextPage hasPreviousPage endCursor }}{count} }}"
    )


def _fields(type_name: str) -> dict[str, Any]:
    fields: dict[str, Any] = graphql_schema().type_map[type_name].fields  # type: ignore[attr-defined]
    return fields


def unknown(id: str) -> str:
    """An id that never was."""
    return f"{id[:-4]}zzzz"
