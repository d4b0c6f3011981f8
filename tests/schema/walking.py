"""Reads everything that one caller can come by, from every root field on, by the schema alone."""

import json
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    is_required_argument,
)

from tests.schema.api import Api, graphql_schema
from tests.schema.places import GETTERS, KINDS, Unknown
from tests.schema.world import World

DEEPEST: Final = 6
_BETWEEN: Final = "__of__"
"""Fields of several types in one selection need names of their own: `key__of__Task`."""

Field = tuple[str, str]


@dataclass
class Walk:
    """`answers` by what was asked, `reached` the fields that gave something."""

    api: Api
    start: World
    answers: dict[str, str] = field(default_factory=dict)
    reached: set[Field] = field(default_factory=set)
    _known: set[str] = field(default_factory=set)
    _waiting: list[tuple[str, str]] = field(default_factory=list)

    async def everything(self) -> "Walk":
        query = graphql_schema().query_type
        assert query is not None
        for name in query.fields:
            await self._ask(name, f"{{ __typename {self._call(query, name, ())} }}")
        while self._waiting:
            kind, id = self._waiting.pop()
            found = graphql_schema().type_map[kind]
            await self._ask(
                id, f'{{ node(id: "{id}") {{ ... on {kind} {self._selection(found, (), whole=True)} }} }}'
            )
        return self

    @property
    def text(self) -> str:
        return json.dumps(self.answers)

    async def _ask(self, what: str, document: str) -> None:
        result = await self.api.answer(document)
        errors = [(error.message, error.extensions) for error in result.errors or []]
        self._note(result.data)
        self.answers[what] = json.dumps([result.data, errors], default=str)

    def _note(self, data: Any) -> None:
        if isinstance(data, list):
            for one in data:
                self._note(one)
        if not isinstance(data, dict):
            return
        kind = data.get("__typename")
        if data.keys() == {"__typename", "id"} and data["id"] not in self._known:
            self._known.add(data["id"])
            self._waiting.append((data["__typename"], data["id"]))
        for name, one in data.items():
            if kind is not None and one not in (None, []):
                self.reached.add((kind, name.partition(_BETWEEN)[0]))
            self._note(one)

    # ------------------------------------------------------------------ what is asked

    def _selection(self, type_: GraphQLNamedType, above: tuple[str, ...], *, whole: bool = False) -> str:
        if not isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            return ""
        if is_node(type_) and not whole:
            return "{ __typename id }"  # asked for by its id, later
        if isinstance(type_, GraphQLInterfaceType):
            possible = graphql_schema().get_possible_types(type_)
            parts = [f"... on {one.name} {self._selection(one, above)}" for one in possible]
            return f"{{ __typename {' '.join(parts)} }}"
        if type_.name in above or len(above) >= DEEPEST:
            return "{ __typename }"
        parts = [self._call(type_, name, (*above, type_.name)) for name in type_.fields]
        return f"{{ __typename {' '.join(parts)} }}"

    def _call(self, type_: GraphQLObjectType, name: str, above: tuple[str, ...]) -> str:
        field = type_.fields[name]
        arguments = [
            f"{argument}: {self._argument(type_.name, name, argument)}"
            for argument, one in field.args.items()
            if is_required_argument(one)
        ]
        call = f"{name}({', '.join(arguments)})" if arguments else name
        alias = f"{name}{_BETWEEN}{type_.name}: " if name != "id" else ""
        return f"{alias}{call} {self._selection(get_named_type(field.type), above)}"

    def _argument(self, type_name: str, field: str, argument: str) -> str:
        kind = GETTERS.get(field) if argument == "id" else KINDS.get(argument)
        if field in ("node", "nodes"):
            kind = "task"
        if kind is None:
            raise Unknown(
                f"{type_name}.{field} needs {argument!r}, which this walk does not know how to give"
            )
        id = json.dumps(getattr(self.start, kind))
        return f"[{id}]" if argument == "ids" else id


def is_node(type_: GraphQLObjectType | GraphQLInterfaceType) -> bool:
    return type_.name == "Node" or any(one.name == "Node" for one in type_.interfaces)


def links() -> set[Field]:
    """Every field that leads to an object, of every type that can be read."""
    query = graphql_schema().query_type
    assert query is not None
    waiting: list[Any] = [query]
    seen, found = {"Query"}, set()
    while waiting:
        type_ = waiting.pop()
        possible = (
            graphql_schema().get_possible_types(type_) if isinstance(type_, GraphQLInterfaceType) else []
        )
        targets = list(possible)
        if isinstance(type_, GraphQLObjectType):
            for name, field in type_.fields.items():
                target = get_named_type(field.type)
                if isinstance(target, GraphQLObjectType | GraphQLInterfaceType):
                    found.add((type_.name, name))
                    targets.append(target)
        for target in targets:
            if target.name not in seen:
                seen.add(target.name)
                waiting.append(target)
    return found
