"""What the command line says of the phases of a new run."""

from pathlib import Path

import pytest

from app.cli.run_phases import phase_inputs
from app.client.errors import TracksideError
from tests.cli.program import Trackside, task, write_plan


def test_phases_come_in_the_order_in_which_they_are_named() -> None:
    assert phase_inputs(
        ["count:Counting", "tell"],
        ["count:report", "tell:letter:A letter", "count:list"],
        ["count:min=2", "tell:NAMED=a, b", "end:none"],
        ["tell"],
    ) == [
        {
            "key": "count",
            "title": "Counting",
            "deliverables": [{"key": "report"}, {"key": "list"}],
            "gate": {"taskRequirement": "MIN", "minimum": 2},
        },
        {
            "key": "tell",
            "deliverables": [{"key": "letter", "title": "A letter"}],
            "gate": {"taskRequirement": "NAMED", "tasks": ["a", "b"]},
            "guard": True,
        },
        {"key": "end", "gate": {"taskRequirement": "NONE"}},
    ]
    assert phase_inputs(None, None, None, None) is None


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--phase", ":Title"),
        ("--deliverable", "count"),
        ("--deliverable", "count:"),
        ("--guard", ""),
        *(
            ("--gate", f"count:{what}")
            for what in ("", "SOME", "MIN", "MIN=", "MIN=two", "NAMED=", "NAMED=,", "ALL=1")
        ),
    ],
)
def test_what_says_nothing_is_refused_before_anything_is_sent(option: str, words: str) -> None:
    given = {"--phase": 0, "--deliverable": 1, "--gate": 2, "--guard": 3}
    options: list[list[str] | None] = [None] * 4
    options[given[option]] = [words]

    with pytest.raises(TracksideError) as refused:
        phase_inputs(*options)

    assert refused.value.code == "INVALID_INPUT"
    assert option in refused.value.message
    assert refused.value.suggestion


def test_a_run_has_the_gates_it_was_given_and_tells_what_they_wait_for(
    trackside: Trackside, project: Path
) -> None:
    plan = write_plan(project, "Orchard", task("a"), task("b"))
    (phase,) = trackside("plan", "show", plan, "--output", "json").json["phases"]
    key = phase["key"]
    given = ("--phase", f"{key}:Counting", "--deliverable", f"{key}:report", "--gate", f"{key}:MIN=1")
    made = trackside(
        "runs", "create", plan, *given, "--guard", key, "--no-auto-complete", "--start", "--output", "json"
    )
    assert made.status == 0, made
    run = made.json["run"]["id"]

    told = trackside("runs", "show", run, "--verbose")

    for words in (
        "Counting  [ACTIVE]",
        "gate: 1 of its tasks; somebody has to confirm",
        "missing: deliverable 'report'",
        "○ owes report  report  [PENDING]",
        "BLOCKED, the control plane",
        "waits to be completed",
    ):
        assert words in told.out, told.out
    trackside("deliverables", "complete", run, key, "report", "--evidence", "report.md")
    shown = trackside("runs", "show", run, "--verbose", "--output", "json").json
    (owed,) = shown["phases"][0]["deliverables"]
    assert (owed["status"], owed["evidence"]) == ("COMPLETED", "report.md")
    assert (shown["supervisor"]["alive"], shown["workers"]) == (True, [])
    monitored = trackside("events", "list", "--run", run).out
    assert monitored.count("deliverable report") == 1
    changes = trackside("events", "list", "--run", run, "--type", "DeliverableChanged").out
    assert "deliverable report of" in changes
