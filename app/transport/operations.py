"""Each GraphQL operation is timed, and has an id that the lines of the log about it carry."""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.types.execution import ExecutionResult, PreExecutionError

from app.domain.observation import Answer, Observer
from app.transport.limits import operation_type


@dataclass(slots=True)
class Ending:
    """How an operation has ended; cancelled until it says otherwise."""

    outcome: Answer = "cancelled"

    def with_result(self, result: ExecutionResult) -> ExecutionResult:
        if isinstance(result, PreExecutionError):
            self.outcome = "refused"
        else:
            self.outcome = "errors" if result.errors else "complete"
        return result


@contextmanager
def observed(observer: Observer, query: str, name: str | None) -> Iterator[Ending]:
    began, ending = time.perf_counter(), Ending()
    try:
        yield ending
    except (asyncio.CancelledError, WebSocketDisconnected):
        ending.outcome = "cancelled"
        raise
    except Exception:
        ending.outcome = "errors"
        raise
    finally:
        kind = operation_type(query, name)
        observer.operation(
            kind.value if kind is not None else "unknown", ending.outcome, time.perf_counter() - began
        )


def new_request_id() -> str:
    return secrets.token_hex(8)
