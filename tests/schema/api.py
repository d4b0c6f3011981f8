"""Speaks GraphQL to the schema as one caller: text in, data out, nothing between."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from graphql import GraphQLError, GraphQLInputObjectType, GraphQLNonNull, GraphQLSchema
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.types import ExecutionResult

from app.domain.access import Actor
from app.schema import CONFIG, TYPES, Mutation, Query, Subscription
from app.schema.context import Context, Services
from app.transport.errors import ServedSchema

WORDS = (
    "__typename code message path suggestion ... on DagCycleError { cycle } "
    "... on PhaseGuardRequired { deliverables { key status } item { id kind } } ... on ValidationFailed { missing } "
    "... on VersionConflict { expected actual currentPhase } ... on AlreadyAnsweredError { item { id answer } }"
)


@cache
def served_schema() -> ServedSchema:
    return ServedSchema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=TYPES,
        config=CONFIG,
        extensions=[ParserCache, ValidationCache],  # most of the time would go into these
    )


def graphql_schema() -> GraphQLSchema:
    """The same as graphql-core sees it."""
    return served_schema()._schema


def input_of(mutation: str) -> GraphQLInputObjectType:
    """The type of a mutation's one input."""
    found = mutation_type().fields[mutation].args["input"].type
    assert isinstance(found, GraphQLNonNull)
    assert isinstance(found.of_type, GraphQLInputObjectType)
    return found.of_type


def mutation_type() -> Any:
    return graphql_schema().mutation_type


def has_command(mutation: str) -> bool:
    """Whether the mutation leaves a record in the audit trail: what runners send does not."""
    return "command" in mutation_type().fields[mutation].type.fields


class Failed(AssertionError):
    """An answer with errors where none were expected, or with a bug's masked error."""


@dataclass(frozen=True)
class Api:
    services: Services
    actor: Actor

    def by(self, actor: Actor) -> "Api":
        return Api(self.services, actor)

    async def answer(self, document: str, **variables: Any) -> ExecutionResult:
        """Whatever comes back. A bug's masked error is never an answer."""
        result = await served_schema().execute(
            document, variable_values=variables, context_value=Context(self.services, self.actor)
        )
        for error in result.errors or ():
            refuse_bug(error, document)
        return result

    async def query(self, document: str, **variables: Any) -> dict[str, Any]:
        """Data, all of it."""
        result = await self.answer(document, **variables)
        if result.errors:
            raise Failed(f"{document}\n{variables}\n{result.errors}")
        assert result.data is not None
        return result.data

    async def error(self, document: str, **variables: Any) -> dict[str, Any]:
        """The one GraphQL error of an operation that has to be refused: its message and its extensions."""
        result = await self.answer(document, **variables)
        if not result.errors or len(result.errors) != 1:
            raise Failed(f"not refused with one error: {result}")
        return {"message": result.errors[0].message, **(result.errors[0].extensions or {})}

    async def attempt(
        self, mutation: str, input: dict[str, Any], answer: str = "__typename", /
    ) -> dict[str, Any]:
        """The payload of one mutation, refusals included."""
        document = (
            f"mutation($input: {input_of(mutation).name}!) "
            f"{{ {mutation}(input: $input) {{ {answer} userErrors {{ {WORDS} }} }} }}"
        )
        payload: dict[str, Any] = (await self.query(document, input=input))[mutation]
        return payload

    async def do(self, mutation: str, answer: str = "__typename", /, **input: Any) -> dict[str, Any]:
        """A mutation that must not be refused."""
        payload = await self.attempt(mutation, input, answer)
        if payload["userErrors"]:
            raise Failed(f"{mutation}: {payload['userErrors']}")
        return payload

    async def refused(self, mutation: str, /, **input: Any) -> dict[str, Any]:
        """The one userError of a mutation that has to be refused."""
        payload = await self.attempt(mutation, input)
        if len(payload["userErrors"]) != 1:
            raise Failed(f"{mutation} was not refused: {payload}")
        error: dict[str, Any] = payload["userErrors"][0]
        return error

    async def follow(self, document: str, **variables: Any) -> AsyncIterator[dict[str, Any]]:
        """What a subscription sends; `Refused` where it is refused."""
        stream = await served_schema().subscribe(
            document, variable_values=variables, context_value=Context(self.services, self.actor)
        )
        try:
            async for result in stream:
                for error in result.errors or ():
                    refuse_bug(error, document)
                    raise Refused((error.extensions or {})["code"])
                assert result.data is not None
                yield result.data
        finally:
            await stream.aclose()


class Refused(Exception):
    """A subscription ended with an error of this code."""


def refuse_bug(error: GraphQLError, document: str) -> None:
    code = (error.extensions or {}).get("code")
    if code is None or code == "INTERNAL":
        raise Failed(f"{document}\n{error.message} {error.extensions}") from error.original_error
