"""Roles, and who may do what."""

import pytest

from app.domain.access import ASKING, OPERATORS, READERS, RUNNERS, STEERING, Role
from app.domain.errors import AppError, ErrorCode, not_found
from tests.factories import an_actor


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("allowed", [OPERATORS, STEERING, ASKING, READERS, RUNNERS])
def test_a_role_may_what_is_listed_for_it_and_is_told_who_may_otherwise(
    role: Role, allowed: frozenset[Role]
) -> None:
    actor = an_actor(role)
    if role in allowed:
        actor.require(allowed)
        return
    with pytest.raises(AppError) as refused:
        actor.require(allowed)
    assert refused.value.code is ErrorCode.FORBIDDEN
    assert all(one in (refused.value.suggestion or "") for one in allowed)


def test_a_runner_reads_nothing_and_an_agent_steers_nothing() -> None:
    assert Role.RUNNER not in READERS | STEERING | ASKING
    assert Role.WORKER not in STEERING
    assert Role.VIEWER not in ASKING


def test_what_is_hidden_is_told_in_the_words_for_what_is_missing() -> None:
    error = not_found("run", "run_1")
    assert (error.code, error.message) == (ErrorCode.NOT_FOUND, "There is no run 'run_1'.")
