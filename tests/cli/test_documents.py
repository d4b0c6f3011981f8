"""Every GraphQL document of the command line, against the committed schema."""

import importlib
import pkgutil
from pathlib import Path

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    parse,
    validate,
)

import app.cli

ROOT = Path(__file__).parents[2]


def _documents() -> list[tuple[str, str]]:
    found = []
    for module in pkgutil.iter_modules(app.cli.__path__):
        constants = vars(importlib.import_module(f"app.cli.{module.name}"))
        for name, value in constants.items():
            words = value.split(maxsplit=1) if name.isupper() and isinstance(value, str) else []
            if words and words[0] in ("query", "mutation", "subscription"):
                found.append((f"{module.name}.{name}", value))
    return sorted(found)


DOCUMENTS = _documents()


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


def test_they_are_found() -> None:
    assert {"runs.LIST", "run_verbs.PAUSE", "execution.FOLLOW", "answer.ANSWER", "owner.STOP"} <= {
        name for name, _ in DOCUMENTS
    }


@pytest.mark.parametrize(("name", "document"), DOCUMENTS, ids=[name for name, _ in DOCUMENTS])
def test_it_fits_the_schema(schema: GraphQLSchema, name: str, document: str) -> None:
    assert validate(schema, parse(document)) == []


MUTATIONS = [(name, text) for name, text in DOCUMENTS if text.split(maxsplit=1)[0] == "mutation"]


@pytest.mark.parametrize(("name", "document"), MUTATIONS, ids=[name for name, _ in MUTATIONS])
def test_a_mutation_asks_for_everything_a_refusal_says(name: str, document: str) -> None:
    (mutation,) = _fields(parse(document))
    refusals = next(one for one in _selected(mutation) if one.name.value == "userErrors")

    assert {one.name.value for one in _selected(refusals)} >= {"code", "message", "path", "suggestion"}


def _fields(document: DocumentNode) -> list[FieldNode]:
    (operation,) = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return [one for one in operation.selection_set.selections if isinstance(one, FieldNode)]


def _selected(field: FieldNode) -> list[FieldNode]:
    assert field.selection_set is not None
    return [one for one in field.selection_set.selections if isinstance(one, FieldNode)]
