"""On the command line the API's verbs are commands: everything it can do has one, and every suggestion names it."""

import ast
import re
from pathlib import Path

import pytest
from graphql import GraphQLObjectType, build_schema

from app.cli.wording import COMMANDS, OF_RUNNERS, in_commands, told
from app.client.errors import TracksideError
from tests.cli import examples
from tests.cli.test_documents import DOCUMENTS

ROOT = Path(__file__).parents[2]
SCHEMA = build_schema((ROOT / "schema.graphql").read_text())
PROGRAM = examples.commands()


def _mutations() -> list[str]:
    mutation = SCHEMA.mutation_type
    assert isinstance(mutation, GraphQLObjectType)
    return sorted(mutation.fields)


@pytest.mark.parametrize("verb", [verb for verb in _mutations() if verb not in OF_RUNNERS])
def test_everything_the_api_can_do_has_a_command(verb: str) -> None:
    assert COMMANDS[verb] in PROGRAM
    documents = [text for _, text in DOCUMENTS if text.lstrip().startswith("mutation")]
    assert any(re.search(rf"\b{verb}\(", text) for text in documents)


def _suggestions() -> list[str]:
    """Every text that the server may suggest, whatever is put into its gaps."""
    found = []
    for path in [
        *ROOT.glob("app/commands/*.py"),
        *ROOT.glob("app/domain/*.py"),
        *ROOT.glob("app/schema/*.py"),
    ]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "suggestion":
                found += [
                    one.value
                    for one in ast.walk(node.value)
                    if isinstance(one, ast.Constant) and isinstance(one.value, str)
                ]
    return sorted(set(found))


@pytest.mark.parametrize("words", _suggestions())
def test_no_suggestion_names_a_verb_of_the_api(words: str) -> None:
    left = re.sub(r"`trackside [a-z -]+`", "", told(words))

    assert not re.search(rf"\b({'|'.join(_mutations())})\b", left), left
    assert "taskId" not in left
    assert "mode NOW" not in left


def test_an_error_is_told_with_commands() -> None:
    error = TracksideError("X", "No: retryTask first.", suggestion="killWorker wrk_1 first.")

    said = in_commands(error)

    assert said.message == "No: `trackside tasks retry` first."
    assert said.suggestion == "`trackside workers kill` wrk_1 first."
    assert in_commands(said).message == said.message
