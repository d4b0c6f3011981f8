"""What a document may ask for, measured in one linear walk before anything expensive looks at it.

Strawberry's own depth and alias limiters walk every spread of a fragment again: 900 bytes block a server for seconds.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
)
from strawberry.extensions import ParserCache, SchemaExtension
from strawberry.schema.schema import validate_document
from strawberry.types.graphql import OperationType
from strawberry.utils.operation import get_operation_type

from app.transport.refusals import TransportCode

CHARACTERS: Final = 32_000
TOKENS: Final = 2_000
OPERATIONS: Final = 5
DEPTH: Final = 12
NESTING: Final = 60
ALIASES: Final = 30
FIELDS: Final = 1_000
DIRECTIVES: Final = 20

PARSE_OPTIONS: Final[dict[str, Any]] = {
    "max_source_length": CHARACTERS,
    "max_tokens": TOKENS,  # counts comments as well
}
CACHED: Final = 256


@dataclass(slots=True)
class Cost:
    """What a selection comes to, with fragments written out. Nothing inside introspection counts as depth."""

    depth: int = 0
    nesting: int = 0  # of braces: fields, and fragments inside each other
    aliases: int = 0
    fields: int = 0
    directives: int = 0

    def add(self, other: "Cost") -> None:
        # beyond its limit a number's size is of no interest, and doubled fragments make astronomic ones
        self.depth = max(self.depth, other.depth)
        self.nesting = max(self.nesting, other.nesting)
        self.aliases = min(self.aliases + other.aliases, ALIASES + 1)
        self.fields = min(self.fields + other.fields, FIELDS + 1)
        self.directives = min(self.directives + other.directives, DIRECTIVES + 1)

    def refusal(self) -> GraphQLError | None:
        for number, limit, code, what in (
            (self.depth, DEPTH, TransportCode.QUERY_TOO_DEEP, "levels of fields"),
            (self.nesting, NESTING, TransportCode.QUERY_TOO_DEEP, "levels of fields and fragments"),
            (self.aliases, ALIASES, TransportCode.QUERY_TOO_COMPLEX, "aliases"),
            (self.fields, FIELDS, TransportCode.QUERY_TOO_COMPLEX, "fields with its fragments written out"),
            (self.directives, DIRECTIVES, TransportCode.QUERY_TOO_COMPLEX, "directives"),
        ):
            if number > limit:
                return too_much(code, limit, what)
        return None


def too_much(code: TransportCode, limit: int, what: str) -> GraphQLError:
    return GraphQLError(
        f"A document may have {limit:,} {what}.",
        extensions={"code": code, "suggestion": "Ask for less at a time, in several operations."},
    )


class Measure:
    """Walks a document; each fragment once, however often it is spread. `visited` counts the nodes looked at."""

    def __init__(self, document: DocumentNode) -> None:
        self.visited = 0
        self.operations = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, Cost] = {}

    def refusal(self) -> GraphQLError | None:
        if len(self.operations) > OPERATIONS:
            return too_much(TransportCode.QUERY_TOO_COMPLEX, OPERATIONS, "operations")
        for operation in self.operations:
            refused = self._definition(operation, 1).refusal()
            if refused is not None:
                return refused
        for name in self._fragments.keys() - self._known.keys():
            # used by nobody, which a standard rule will say; it may be a part of introspection
            refused = replace(self._fragment(name, 1), depth=0).refusal()
            if refused is not None:
                return refused
        return None

    def _definition(self, node: OperationDefinitionNode | FragmentDefinitionNode, level: int) -> Cost:
        cost = Cost(directives=len(node.directives or ()))
        cost.add(self._selections(node.selection_set, level))
        return cost

    def _fragment(self, name: str, level: int) -> Cost:
        if name not in self._known:
            self._known[name] = Cost()  # a circle ends here; a standard rule refuses it
            if name in self._fragments:
                self._known[name] = self._definition(self._fragments[name], level)
        return self._known[name]

    def _selections(self, node: SelectionSetNode | None, level: int) -> Cost:
        total = Cost()
        if node is None or level > NESTING:  # refused for its nesting, so the rest of it need not be known
            total.nesting = 0 if node is None else level
            return total
        for selection in node.selections:
            self.visited += 1
            total.add(Cost(directives=len(selection.directives or ())))
            total.add(self._selection(selection, level + 1))
        total.nesting += 1
        return total

    def _selection(self, node: SelectionNode, level: int) -> Cost:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value, level)
        if isinstance(node, FieldNode):
            cost = self._selections(node.selection_set, level)
            cost.depth = 1 if node.name.value.startswith("__") else cost.depth + 1
            cost.add(Cost(fields=1, aliases=1 if node.alias else 0))
            return cost
        assert isinstance(node, InlineFragmentNode)
        return self._selections(node.selection_set, level)


@lru_cache(maxsize=CACHED)
def judged(
    schema: GraphQLSchema, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
) -> list[GraphQLError]:
    """What is wrong with a document. The limits come first: some of the standard rules are quadratic."""
    refused = Measure(document).refusal()
    return [refused] if refused is not None else validate_document(schema, document, rules)


class CachedParsing(ParserCache):
    """Parses a text once, within the limits of the parser.

    A hook that fails ends a subscription without a word, so a bad text is left to the regular parser to report.
    """

    def __init__(self) -> None:
        super().__init__(CACHED)

    def on_operation(self) -> Iterator[None]:
        self.execution_context.parse_options.update(PARSE_OPTIONS)  # type: ignore[typeddict-item]
        yield

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        with suppress(GraphQLError):
            context.graphql_document = self.cached_parse_document(context.query, **context.parse_options)
        yield


class LimitedValidation(SchemaExtension):
    """Measures and validates a document once. Stands for Strawberry's ValidationCache, with one look-up for both."""

    def on_validate(self) -> Iterator[None]:
        context = self.execution_context
        if context.graphql_document is not None:
            context.pre_execution_errors = judged(
                context.schema._schema, context.graphql_document, context.validation_rules
            )
        yield


EXTENSIONS: Final[Sequence[type[SchemaExtension]]] = (CachedParsing, LimitedValidation)


def operation_type(query: str, name: str | None) -> OperationType | None:
    """What kind of operation a document asks for; None where it cannot be told. Costs nothing: parsing is cached."""
    try:
        document: DocumentNode = CachedParsing().cached_parse_document(query, **PARSE_OPTIONS)
        if name is None and len(Measure(document).operations) > 1:
            return None
        return get_operation_type(document, name)
    except (GraphQLError, RuntimeError):
        return None


def mutations_in(query: str, name: str | None) -> int:
    """How many mutations an operation asks for, fragments written out; 0 where it is of another kind, or cannot be told."""
    if operation_type(query, name) is not OperationType.MUTATION:
        return 0
    document: DocumentNode = CachedParsing().cached_parse_document(query, **PARSE_OPTIONS)
    for one in Measure(document).operations:
        if name is None or (one.name is not None and one.name.value == name):
            return Roots(document).count(one.selection_set)
    return 0


class Roots:
    """Counts the fields of a selection itself; each fragment is looked at once, however often it is spread."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, int] = {}

    def count(self, node: SelectionSetNode) -> int:
        total = 0
        for selection in node.selections:
            if isinstance(selection, FieldNode):
                total += 1
            elif isinstance(selection, InlineFragmentNode):
                total += self.count(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._fragment(selection.name.value)
        return min(total, FIELDS + 1)

    def _fragment(self, name: str) -> int:
        if name not in self._known:
            self._known[name] = 0  # a circle ends here
            if name in self._fragments:
                self._known[name] = self.count(self._fragments[name].selection_set)
        return self._known[name]
