"""Beats that are said again and again: what ends them, and what does not."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest

from app.cli.heartbeat import _again_and_again
from app.cli.screen import Output, Screen
from app.cli.session import Session
from app.client.errors import Refused, RequestFailed, TracksideError, Unreachable
from app.domain.supervisors import SupervisorState

HEARD = {"at": "2026-01-01T12:00:00Z", "everySeconds": 30.0, "restoration": None}
DEAD = Refused([{"code": "SUPERVISOR_DEAD", "message": "It was given up."}])


class _Server:
    def __init__(self, *answers: Mapping[str, Any] | TracksideError) -> None:
        self._answers = iter(answers)

    async def mutate(self, _document: str, _said: Mapping[str, Any]) -> Mapping[str, Any]:
        answer = next(self._answers)
        if isinstance(answer, TracksideError):
            raise answer
        return answer


@pytest.mark.parametrize(
    "passing",
    [
        Unreachable("It does not answer."),
        RequestFailed("UNAVAILABLE", "The database does not answer."),
        RequestFailed("RATE_LIMITED", "Too much."),
    ],
)
def test_a_server_that_is_away_or_busy_ends_nothing_and_a_refusal_does(
    passing: TracksideError, capsys: pytest.CaptureFixture[str]
) -> None:
    server = _Server(HEARD, passing, passing, HEARD, DEAD)
    session = Session(cast(Any, server), cast(Any, None), Screen(Output.JSONL))

    with pytest.raises(Refused, match="given up"):
        asyncio.run(_again_and_again(session, {}, SupervisorState.WORKING, 0.0))

    assert len(capsys.readouterr().out.splitlines()) == 2
