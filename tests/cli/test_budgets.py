"""Budgets from the command line: set, looked at, asked about, raised."""

from pathlib import Path

import pytest

from app.cli.amounts import budgeted, limit, new_budget
from app.cli.exit_codes import ExitCode
from app.client.errors import TracksideError
from tests.cli.program import Trackside, task, write_plan
from tests.e2e.served import Served


def test_a_run_without_money_asks_and_goes_on_when_it_gets_some(
    trackside: Trackside, server: Served, project: Path
) -> None:
    name = f"Poor {project.parent.name}"
    plan = write_plan(project, name, task("a", "true", budgetUsd=2), task("b", "true"))
    waiting = trackside.start("run", plan, "--url", server.url, "--budget", "0", "--wait")
    waiting.until_said("is used up")
    (item,) = trackside("attention", "list", "--kind", "BUDGET", "--run", name, "--output", "json").json
    assert item["title"] == f"The budget of run {name!r} is used up: raise it?"
    shown = trackside("runs", "show", name)
    assert "  budget: $0 of $0 spent, used up" in shown.lines
    assert "such as 10; with 'no limit'; or with 'stop'" in trackside("attention", "show", item["id"]).out

    refused = trackside("workers", "spawn", name, "--command", "true", "--budget", "0.50")
    assert (refused.status, "BUDGET_EXCEEDED" in refused.err) == (2, True)
    assert "`trackside runs configure`" in refused.err
    again = trackside("runs", "resume", name)
    assert "`trackside attention list --kind BUDGET`" in again.err

    assert "does not fit" in trackside("answer", item["id"], "much").err
    assert trackside("tasks", "edit", f"{name}/b", "--budget", "1.25").status == 0
    assert "$0 of $1.25 spent, $1.25 free" in trackside("tasks", "show", f"{name}/b").out
    assert trackside("tasks", "edit", f"{name}/b", "--budget", "none").status == 0
    assert trackside("answer", item["id"], "20.50").status == 0
    assert waiting.end().status == 0
    run = trackside("runs", "show", name, "--output", "json").json
    assert run["budget"] == {
        "limitUsd": "20.5",
        "spentUsd": "0",
        "reservedUsd": "0",
        "freeUsd": "20.5",
        "state": "WITHIN",
    }


def test_a_run_that_nobody_waits_for_ends_with_its_money(
    trackside: Trackside, server: Served, project: Path
) -> None:
    name = f"Alone {project.parent.name}"
    plan = write_plan(project, name, task("a", "true"), budgetUsd=0)
    done = trackside("run", plan, "--url", server.url)
    assert done.status == ExitCode.WAITING
    assert f"? The budget of run {name!r} is used up: raise it?" in done.out
    assert "  budget      none" in trackside("runs", "configure", name, "--budget", "none").lines


@pytest.mark.parametrize(("words", "sent"), [("20", "20"), ("$2.50", "2.50"), (" 0 ", "0"), (None, None)])
def test_a_budget_is_an_amount(words: str | None, sent: str | None) -> None:
    assert new_budget(words) == sent
    assert limit(words) == ({} if words is None else {"budgetUsd": sent})


@pytest.mark.parametrize("words", ["", "none", "1e3", "-1", "2,50", "20 USD", "NaN"])
def test_what_is_no_amount_is_refused(words: str) -> None:
    with pytest.raises(TracksideError, match="no amount of US dollars"):
        new_budget(words)


def test_no_budget_is_null() -> None:
    assert limit("None") == {"budgetUsd": None}


def test_words_for_how_a_budget_stands() -> None:
    budget = {"limitUsd": "10", "spentUsd": "8.5", "reservedUsd": "1", "freeUsd": "0.5", "state": "WARNING"}
    assert budgeted(budget) == "$8.50 of $10 spent, $1 reserved, $0.50 free"
    assert budgeted(None) == ""
