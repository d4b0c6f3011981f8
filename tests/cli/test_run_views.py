"""What is said of a phase beside its tasks."""

from typing import Any

import pytest

from app.cli.run_views import agreed

PLAIN: dict[str, Any] = {
    "status": "ACTIVE",
    "guard": False,
    "confirmedBy": None,
    "gate": {"taskRequirement": "ALL", "minimum": None, "tasks": None},
    "deliverables": [],
    "readiness": {"ready": False, "missing": ["task 'a', which is READY"]},
}
PAPER = {"key": "paper", "title": "The paper", "required": True, "status": "PENDING"}


def test_nothing_is_said_where_its_tasks_say_it_all() -> None:
    assert agreed(PLAIN) == []


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            {"gate": {"taskRequirement": "NONE", "minimum": None, "tasks": None}},
            "none of its tasks have to be done",
        ),
        ({"gate": {"taskRequirement": "MIN", "minimum": 2, "tasks": None}}, "2 of its tasks have to be done"),
        (
            {"gate": {"taskRequirement": "NAMED", "minimum": None, "tasks": ["a", "b"]}},
            "has to be done: a, b",
        ),
        ({"deliverables": [PAPER, {**PAPER, "key": "x", "required": False}]}, "owes paper"),
        ({"guard": True}, "somebody has to confirm"),
        ({"guard": True, "deliverables": [PAPER]}, "owes paper; somebody has to confirm"),
        ({"guard": True, "confirmedBy": "olga"}, "confirmed by olga"),
    ],
)
def test_how_it_is_left_is_said(more: dict[str, Any], expected: str) -> None:
    assert agreed({**PLAIN, **more}) == [expected, "waits for task 'a', which is READY"]
    assert agreed({**PLAIN, **more, "status": "PENDING"}) == [expected]


def test_much_that_is_missing_is_counted() -> None:
    missing = [f"deliverable '{n}'" for n in range(1_007)]
    (_, waits) = agreed({**PLAIN, "guard": True, "readiness": {"ready": False, "missing": missing}})
    assert waits == f"waits for {', '.join(missing[:5])} and 1,002 more"
