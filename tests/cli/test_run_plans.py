"""Plans that other people wrote, carried out from the first task to the last, or refused with the reason."""

import json
import os
import shutil
from pathlib import Path

import pytest

from app import plans
from app.domain.errors import AppError
from tests.cli.program import Trackside

FOLDER = Path(os.environ.get("TRACKSIDE_TEST_PLANS") or Path(__file__).parents[3] / "shared" / "plans")
LONGEST = 240


def _names() -> list[object]:
    counts = FOLDER / "expected.json"
    if counts.exists():
        return list(json.loads(counts.read_text("utf-8"))["files"])
    reason = f"no plan files in {FOLDER} (TRACKSIDE_TEST_PLANS names the folder)"
    return [pytest.param("", marks=pytest.mark.skip(reason=reason))]


@pytest.mark.plans
@pytest.mark.timeout(LONGEST + 30)
@pytest.mark.parametrize("name", _names())
def test_plans_that_others_wrote_are_carried_out_or_refused(
    alone: Trackside, project: Path, name: str
) -> None:
    plan = project / name
    plan.parent.mkdir(parents=True)
    shutil.copyfile(FOLDER / name, plan)

    done = alone.start("run", name, "--command", "true", "--max-workers", "12", "--output", "json").end()

    refused, tasks = _as_read(plan, name)
    if refused is not None:
        assert (done.status, done.error["code"]) == (2, "PLAN_INVALID")
        assert done.error["message"] == refused.message
        assert refused.details.get("line") or refused.details.get("cycle")
        return
    assert done.status == 0, done.err
    run = done.json["run"]
    assert run["status"] == "COMPLETED"
    assert run["progress"]["completed"] == run["progress"]["total"] == tasks > 0


def _as_read(plan: Path, name: str) -> tuple[AppError | None, int]:
    """Why it is refused, or how many tasks it has."""
    try:
        return None, sum(1 for _ in plans.read(plan.read_bytes(), name=name).tasks())
    except AppError as refused:
        return refused, 0
