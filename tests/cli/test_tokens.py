"""`trackside tokens` and `trackside projects`: as tables and as JSON."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.cli.tokens import when
from app.client.errors import TracksideError
from tests.cli.program import Trackside
from tests.e2e.served import Served

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def test_a_directory_that_is_not_known_can_be_made_known(
    trackside: Trackside, server: Served, project: Path
) -> None:
    for text, suggestion in ((".", "trackside projects create ."), ("nothing", "trackside projects list")):
        refused = trackside("projects", "show", text, "--output", "json")
        assert refused.error["code"] == "NOT_FOUND"
        assert refused.error["suggestion"] == suggestion


def test_a_token_is_made_used_and_revoked(trackside: Trackside, server: Served, project: Path) -> None:
    made = trackside("projects", "create", "--name", "Mine", "--output", "json").json["project"]
    assert made["root"] == str(project)
    (listed,) = [
        one for one in trackside("projects", "list", "--output", "json").json if one["id"] == made["id"]
    ]
    assert (listed["name"], listed["runs"]["totalCount"]) == ("Mine", 0)
    assert made["id"] in trackside("projects", "list").out
    assert trackside("projects", "create", "--name", "Again").out.startswith("proj_")

    created = trackside(
        "tokens", "create", "ci", "--project", made["id"], "--expires", "30d", "--output", "json"
    ).json
    assert (created["token"]["role"], created["token"]["project"]["name"]) == ("VIEWER", "Mine")
    narrow = {"TRACKSIDE_TOKEN": created["secret"], "TRACKSIDE_URL": server.url}
    seen = trackside("projects", "list", "--output", "json", env=narrow).json
    assert [one["id"] for one in seen] == [made["id"]]
    refused = trackside("tokens", "list", "--output", "json", env=narrow)
    assert (refused.status, refused.error["code"]) == (2, "FORBIDDEN")

    secret = trackside("tokens", "create", "operator of the tests", "--role", "operator").out.strip()
    assert secret.startswith("trk_")
    table = trackside("tokens", "list")
    (line,) = [one for one in table.lines if "operator of the tests" in one]
    assert line.split()[0].startswith("tok_")
    assert re.split(r"\s{2,}", line)[1:4] == ["operator of the tests", "OPERATOR", "everything"]
    assert secret not in table.out

    done = trackside("tokens", "revoke", "operator of the tests", "--reason", "over")
    assert done.out.startswith("Revoked: operator of the tests (tok_")
    done = trackside("tokens", "revoke", created["token"]["id"], "--output", "json")
    assert done.json["token"]["revokedAt"]
    assert trackside("runs", "list", env=narrow).status != 0
    assert "operator of the tests" not in trackside("tokens", "list").out
    every = {one["name"]: one for one in trackside("tokens", "list", "--all", "--output", "json").json}
    assert every["operator of the tests"]["revokedAt"]
    assert trackside("tokens", "revoke", "nobody's").status == 2


def test_a_token_ends_after_a_span_or_at_an_instant() -> None:
    assert when("90m", NOW) == datetime(2030, 1, 1, 1, 30, tzinfo=UTC)
    assert when("2w", NOW) == datetime(2030, 1, 15, tzinfo=UTC)
    assert when("2031-01-01T00:00:00Z", NOW) == datetime(2031, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("wanted", ["", "soon", "5", "2031-01-01T00:00:00", "999999w"])
def test_what_is_no_time_is_refused(wanted: str) -> None:
    with pytest.raises(TracksideError) as refused:
        when(wanted, NOW)
    assert refused.value.code == "INVALID_INPUT"
