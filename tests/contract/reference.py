"""Writes the pages of `docs/reference` that are made from the code: `python -m tests.contract.reference --write`."""

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from graphql import GraphQLObjectType, GraphQLSchema, build_schema

from app.domain import errors, limits
from app.domain.errors import Advice
from app.domain.events import EventKind
from app.plans import outliner
from app.runner import allowance, lines
from app.schema import sdl
from app.transport import (
    bodies,
    connection,
    handler,
    identity,
    limits as documents,
    messages,
    refusals,
    sockets,
    strict_json,
    view,
)
from app.web.metrics import Metrics
from tests.contract import reference_cli, reference_settings
from tests.contract.pages import page, table

FOLDER: Final = Path(__file__).resolve().parents[2] / "docs" / "reference"


# ---------------------------------------------------------------- events


def schema() -> GraphQLSchema:
    return build_schema(sdl.text())


def events() -> str:
    known = schema()
    common = known.type_map["Event"].fields  # type: ignore[attr-defined]
    parts: list[str | list[str]] = [
        "What the log tells: one GraphQL type each, all of them `Event`s. `events` gives them as a query and as a subscription; "
        "its filter takes these names as `types`. The own fields of an event say what was true when it happened; the "
        "objects it links to are as they are when they are asked for.",
        "Every event has:",
        table(("field", "type", "what it says"), _fields(common)),
        table(
            ("event", "when"),
            ((f"[`{kind}`](#{kind.lower()})", _type(known, kind).description) for kind in EventKind),
        ),
    ]
    for kind in EventKind:
        own = {name: field for name, field in _type(known, kind).fields.items() if name not in common}
        parts += [
            f"## {kind}",
            str(_type(known, kind).description),
            table(("field", "type", "what it says"), _fields(own)),
        ]
    return page("Events", *parts)


def _type(known: GraphQLSchema, kind: EventKind) -> GraphQLObjectType:
    found = known.type_map[kind]
    assert isinstance(found, GraphQLObjectType)
    return found


def _fields(fields: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    return ((f"`{name}`", f"`{field.type}`", field.description) for name, field in fields.items())


# ---------------------------------------------------------------- errors


def error_codes() -> str:
    head = ("code", "comes when", "what to do")
    return page(
        "Errors",
        "A refusal says `code`, for programs, `message`, for people, and where it can `suggestion`, what to do instead, and "
        "`path`, where in the input. Programs switch on the code; the words may change.",
        "## Refusals",
        "Mutations answer with them as `userErrors`, typed: `GenericError`, or a type with more to say (`VersionConflict`, "
        "`DagCycleError`, `AlreadyAnsweredError`). Nothing was done, and the request is kept in the audit trail as `REJECTED`. "
        "Queries and subscriptions have them in `errors[].extensions`.",
        table(head, _advice(errors.ADVICE)),
        "## Of the transport",
        "What is refused before, or instead of, running an operation: in `errors[].extensions.code`, with this HTTP status where "
        "one is named. Otherwise the status is 400 for what was not executed, where the client accepts "
        "`application/graphql-response+json`, and 200.",
        table(head, _advice(refusals.ADVICE)),
        "## How a socket is closed",
        table(("code", "means", "what to do"), _closes()),
        "The command line has a few codes of its own: see [exit statuses](exit-codes.md).",
    )


def _advice(advice: Mapping[Any, Advice]) -> Iterable[tuple[str, str, str]]:
    return ((f"`{code}`", comes, do) for code, (comes, do) in advice.items())


def _closes() -> list[tuple[int, str, str]]:
    return [
        (handler.GOING_AWAY, "the server is going away", "connect again, and go on from the last cursor"),
        (handler.INTERNAL_ERROR, "something broke; the server's log has it", "connect again"),
        (handler.BAD_MESSAGE, "a message is not what the protocol allows", "correct the client"),
        (handler.UNAUTHORIZED, "an operation came before `connection_ack`", "wait for it"),
        (
            handler.FORBIDDEN,
            "there is no good token",
            "send one in the header, or as `token` in `connection_init`",
        ),
        (4408, f"no `connection_init` came in {view.INIT_SECONDS:g} seconds", "send it first"),
        (4409, "an operation with this id is still going on", "use an id of its own for each"),
        (
            handler.SLOW_CONSUMER,
            "nothing was read for too long; the reason names the cursor where it is known",
            "connect again from the last cursor, and read faster or ask for less",
        ),
        (handler.TOKEN_EXPIRED, "the token was revoked, or is past its time", "connect with another one"),
        (
            handler.TOO_MANY,
            "too many `ping`s, sockets, or tokens that are no good; or a second `connection_init`",
            "send less, or wait",
        ),
    ]


# ---------------------------------------------------------------- limits


def published_limits() -> str:
    head = ("limit", "unit", "holds for")
    domain = [(getattr(limits, name), unit, words) for name, (unit, words) in limits.PUBLISHED.items()]
    return page(
        "Limits",
        "What is over a limit is refused with `LIMIT_EXCEEDED`, and nothing of it is done; numbers outside their range are "
        "refused with `INVALID_INPUT`. The limits are the same for every caller and cannot be set.",
        "## What a request may say",
        table(head, _rows([*domain, (outliner.MAX_LINES, "lines", "a Markdown plan")])),
        "## What a GraphQL document may ask for",
        "Fragments are counted as often as they are spread.",
        table(head, _rows(_documents())),
        "## What is taken over HTTP and WebSocket",
        table(head, _rows(_transport())),
        "How long an operation may take, how many sockets may be open, and how often a token or an address may ask are "
        "[settings](settings.md).",
        "## What is kept of a worker's output",
        "What is dropped is counted, and said in the log in its place.",
        table(head, _rows(_output())),
    )


def _rows(rows: Iterable[tuple[float, str, str]]) -> Iterable[tuple[str, str, str]]:
    return (
        (f"{number:,}" if isinstance(number, int) else f"{number:g}", unit, words)
        for number, unit, words in rows
    )


def _documents() -> list[tuple[float, str, str]]:
    return [
        (documents.CHARACTERS, "characters", "the document"),
        (documents.TOKENS, "tokens", "the document, comments included"),
        (documents.OPERATIONS, "operations", "the document"),
        (documents.DEPTH, "levels", "fields inside each other; introspection does not count"),
        (documents.NESTING, "levels", "fields and fragments inside each other"),
        (documents.ALIASES, "aliases", "an operation"),
        (documents.FIELDS, "fields", "an operation"),
        (documents.DIRECTIVES, "directives", "an operation"),
    ]


def _transport() -> list[tuple[float, str, str]]:
    return [
        (bodies.BODY_BYTES, "bytes", "the body of a request"),
        (bodies.BODY_SECONDS, "seconds", "until the body is there"),
        (bodies.STALL_SECONDS, "seconds", "between two parts of the body"),
        (strict_json.DEPTH, "levels", "JSON, in a body or a message"),
        (512, "characters", "a token"),
        (connection.MESSAGE_BYTES, "bytes", "a message on a socket"),
        (connection.RUNNER_MESSAGE_BYTES, "bytes", "a message on a runner's socket"),
        (messages.ID_LENGTH, "characters", "the id of an operation on a socket"),
        (view.INIT_SECONDS, "seconds", "until `connection_init` is there"),
        (handler.PING_BURST, "pings", f"at once; {handler.PINGS_PER_SECOND:g} a second after that"),
        (identity.KEEP_SECONDS, "seconds", "a request with a token that was revoked may still work"),
        (sockets.RECHECK_SECONDS, "seconds", "a socket with a token that was revoked stays open"),
    ]


def _output() -> list[tuple[float, str, str]]:
    return [
        (lines.MAX_LINE_BYTES, "bytes", "a line; a longer one goes on in lines that begin with `… `"),
        (allowance.MAX_LOG_BYTES, "bytes", "the log of a worker; what follows is dropped"),
        (
            allowance.MAX_WAITING_BYTES,
            "bytes",
            "output that waits while there is no server; the newest is dropped",
        ),
    ]


# ---------------------------------------------------------------- metrics


def metrics() -> str:
    rows = [
        (f"`{one.name}`", one.kind, ", ".join(f"`{label}`" for label in one.labels), one.help)
        for one in Metrics().described
    ]
    return page(
        "Metrics",
        "What `GET /metrics` says, in the text format of Prometheus, or as OpenMetrics for whoever accepts that. Times are in "
        "seconds, sizes in bytes. The numbers are those of the instance that answers, from its start; `trackside_runs`, "
        "`trackside_stale_runs`, `trackside_tasks`, `trackside_workers` and `trackside_attention_…` are of the database, the same on every "
        "instance of one, and up to a second old.",
        "No id, and nothing that a client chooses, is a label: what is asked for by an unknown path or method is told as `other`.",
        table(("metric", "type", "labels", "what it says"), rows),
        "Beside these there is what the Prometheus client for Python tells of every process: `process_…` (processor, memory, open "
        "files, start), `python_gc_…` and `python_info`. How to have them read: [deploy](../howto/deploy.md#watch).",
    )


# ---------------------------------------------------------------- all of them

PAGES: Final[dict[str, Callable[[], str]]] = {
    "events": events,
    "errors": error_codes,
    "limits": published_limits,
    "settings": reference_settings.settings,
    "project-settings": reference_settings.project_settings,
    "metrics": metrics,
    "cli": lambda: page("The command line", *reference_cli.parts()),
}


def write() -> None:
    for name, made in PAGES.items():
        (FOLDER / f"{name}.md").write_text(made(), encoding="utf-8")


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("python -m tests.contract.reference --write")
    write()
