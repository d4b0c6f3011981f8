"""Documents that ask for too much are refused in linear time."""

import logging

import pytest
from graphql import get_introspection_query, parse

from app.transport import limits
from app.transport.limits import Measure
from tests.transport.serving import Served


def doubled_spreads(levels: int) -> str:
    """Each fragment spreads the next one twice: written out, twice as much at every level."""
    body = " ".join(f"fragment f{n} on Query{{...f{n + 1} ...f{n + 1}}}" for n in range(levels))
    return f"query{{...f0}} {body} fragment f{levels} on Query{{hello}}"


def doubled_fields(levels: int) -> str:
    body = " ".join(
        f"fragment f{n} on Query{{a:me{{...f{n + 1}}} b:me{{...f{n + 1}}}}}" for n in range(levels)
    )
    return f"query{{...f0}} {body} fragment f{levels} on Query{{hello}}"


def chained(levels: int) -> str:
    body = " ".join(f"fragment f{n} on Query{{...f{n + 1}}}" for n in range(levels))
    return f"query{{...f0}} {body} fragment f{levels} on Query{{hello}}"


class Forgetful(Measure):
    """The flaw: walks a fragment again at every spread, as Strawberry's own limiters do."""

    def _fragment(self, name: str, level: int) -> limits.Cost:
        return self._definition(self._fragments[name], level)


@pytest.mark.parametrize("levels", [10, 20, 40])
def test_doubled_fragments_are_walked_once(levels: int) -> None:
    for text in (doubled_spreads(levels), doubled_fields(levels)):
        measure = Measure(parse(text))
        measure.refusal()
        assert measure.visited <= 5 * levels + 5


def test_the_flaw_of_walking_again_is_caught() -> None:
    measure = Forgetful(parse(doubled_spreads(10)))
    measure.refusal()
    assert measure.visited > 1000


DOCUMENTS: list[tuple[str, str | None]] = [
    ("{" + "me{" * 11 + "hello" + "}" * 12, None),
    ("{" + "me{" * 12 + "hello" + "}" * 13, "QUERY_TOO_DEEP"),
    ("{" + "me{" * 3000 + "hello" + "}" * 3001, "QUERY_TOO_DEEP"),
    ("{" + "... on Query{" * 100 + "hello" + "}" * 101, "QUERY_TOO_DEEP"),
    (chained(200), "QUERY_TOO_DEEP"),
    ("{" + " ".join(f"a{n}:hello" for n in range(30)) + "}", None),
    ("{" + " ".join(f"a{n}:hello" for n in range(31)) + "}", "QUERY_TOO_COMPLEX"),
    ("{" + "hello " * 1001 + "}", "QUERY_TOO_COMPLEX"),
    (doubled_spreads(12), "QUERY_TOO_COMPLEX"),
    (doubled_spreads(100), "QUERY_TOO_DEEP"),
    (doubled_fields(9), "QUERY_TOO_COMPLEX"),
    ("{hello " + "@include(if: true)" * 21 + "}", "QUERY_TOO_COMPLEX"),
    ("query a{hello} " + " ".join(f"query q{n}{{hello}}" for n in range(4)), None),
    ("query a{hello} " + " ".join(f"query q{n}{{hello}}" for n in range(5)), "QUERY_TOO_COMPLEX"),
    ("{hello}" + " " * 40_000, "QUERY_TOO_COMPLEX"),
    ("{hello}" + "#\n" * 2_001, "QUERY_TOO_COMPLEX"),
    ("{hello(number: " + "[" * 3000 + "]" * 3000 + ")}", "QUERY_TOO_DEEP"),
    ("{...a} fragment a on Query{...b} fragment b on Query{...a}", "GRAPHQL_VALIDATION_FAILED"),
    (get_introspection_query(descriptions=True, input_value_deprecation=True), None),
]


async def test_limits(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    for query, code in DOCUMENTS:
        body = {"operationName": "a"} if query.startswith("query a") else {}
        answer = await served.ask(query, **body)
        if code is None:
            assert "errors" not in answer.json(), query[:80]
        else:
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["extensions"]["code"] == code, query[:80]
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_thousand_fields_and_not_one_more() -> None:
    assert Measure(parse("{" + "hello " * limits.FIELDS + "}")).refusal() is None
    assert Measure(parse("{" + "hello " * (limits.FIELDS + 1) + "}")).refusal() is not None


async def test_a_document_is_validated_once(served: Served) -> None:
    await served.ask("{hello again: hello}")
    before = limits.judged.cache_info()
    for _ in range(5):
        await served.ask("{hello again: hello}")
    after = limits.judged.cache_info()
    assert (after.hits - before.hits, after.misses - before.misses) == (5, 0)


def test_what_kind_of_operation_is_asked_for() -> None:
    both = "query a{hello} subscription b{ticks{cursor}}"
    assert str(limits.operation_type(both, "b")) == "OperationType.SUBSCRIPTION"
    assert str(limits.operation_type(both, "a")) == "OperationType.QUERY"
    assert limits.operation_type(both, None) is None
    assert limits.operation_type("{", None) is None
