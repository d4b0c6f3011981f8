"""What becomes of an error on its way out: refusals are told, bugs are logged and masked, GraphQL's own stay readable."""

import logging
import secrets
from typing import Any, Final

import strawberry
from graphql import GraphQLError, GraphQLSyntaxError
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext

from app.domain.errors import AppError
from app.domain.observation import NOBODY, Observer
from app.transport.refusals import TransportCode

log = logging.getLogger(__name__)

MOST_ERRORS: Final = 5
"""Of a document that is refused; the rest says nothing new and can be long."""

_PARSER_LIMITS: Final = {
    "Parsing aborted.": TransportCode.QUERY_TOO_COMPLEX,
    "nested too deeply. Parsing aborted.": TransportCode.QUERY_TOO_DEEP,
}


class ServedSchema(strawberry.Schema):
    """Strawberry hands every list of errors, of every kind of operation, to `process_errors` exactly once."""

    observer: Observer = NOBODY

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Replaces errors in the list itself, which is the one that is answered with."""
        if errors and not _was_running(errors[0]):
            del errors[MOST_ERRORS:]
        for index, error in enumerate(errors):
            errors[index] = told = presentable(error)
            self.observer.error(str((told.extensions or {}).get("code", "NONE")))


def presentable(error: GraphQLError) -> GraphQLError:
    cause = error.original_error
    if isinstance(cause, CannotGetOperationTypeError | InvalidOperationTypeError | MissingQueryError):
        error.extensions = {"code": TransportCode.BAD_REQUEST}
        return error
    if isinstance(cause, AppError):
        return _refusal(error, cause)
    if cause is not None and not isinstance(cause, GraphQLError) and _was_running(error):
        return _masked(error, cause)
    if "code" not in (error.extensions or {}) and not error.path:
        error.extensions = {**(error.extensions or {}), "code": _code(error)}
    return error


def internal(cause: BaseException) -> GraphQLError:
    """Logs a bug, and gives the words for a client: an id to ask about, nothing else."""
    correlation_id = secrets.token_hex(8)
    log.error("internal error %s", correlation_id, exc_info=cause)
    return GraphQLError(
        "Internal error.", extensions={"code": TransportCode.INTERNAL, "correlationId": correlation_id}
    )


def _was_running(error: GraphQLError) -> bool:
    """Whether code of ours raised it. What the parser, the rules and the coercion of variables say has nodes, no path."""
    if isinstance(error, GraphQLSyntaxError):
        return False
    return bool(error.path) or not error.nodes


def _refusal(error: GraphQLError, cause: AppError) -> GraphQLError:
    extensions: dict[str, Any] = {"code": cause.code}
    if cause.suggestion is not None:
        extensions["suggestion"] = cause.suggestion
    message = cause.message if _was_running(error) else error.message
    return _at_same_place(error, message, extensions)


def _masked(error: GraphQLError, cause: BaseException) -> GraphQLError:
    told = internal(cause)
    return _at_same_place(error, told.message, told.extensions or {})


def _at_same_place(error: GraphQLError, message: str, extensions: dict[str, Any]) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions=extensions,
    )


def _code(error: GraphQLError) -> TransportCode:
    if isinstance(error, GraphQLSyntaxError):
        found = [code for words, code in _PARSER_LIMITS.items() if error.message.endswith(words)]
        return found[-1] if found else TransportCode.GRAPHQL_PARSE_FAILED
    if error.message.startswith("Variable "):
        return TransportCode.BAD_USER_INPUT
    return TransportCode.GRAPHQL_VALIDATION_FAILED
