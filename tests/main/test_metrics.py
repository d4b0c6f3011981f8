"""`/metrics` of the whole application: what it looks like, what it costs, and who may read it."""

import math
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from app import store
from app.domain.access import Role
from app.live.paced import Paced
from app.store.db import Tx
from app.store.token_tables import TokenRow
from tests.main.application import CREATE_RUN, PLAN, Served, a_project, number, serving


async def text(served: Served) -> str:
    return (await served.client.get("/metrics")).text


async def test_what_is_exposed_keeps_to_the_conventions(served: Served, tmp_path: Path) -> None:
    await a_project(served, tmp_path)
    families = {family.name: family for family in text_string_to_metric_families(await text(served))}
    described = {one.name: one for one in served.application._metrics.described}
    ours = {name: family for name, family in families.items() if name.startswith("trackside_")}
    assert {name.removesuffix("_total") for name in described} == set(ours)
    for name, one in described.items():
        family = families[name.removesuffix("_total")]
        assert (family.type, family.documentation) == (one.kind, one.help)
        assert one.help.endswith("."), name
        assert (one.kind == "counter") == name.endswith("_total"), name
        assert not {"le", "quantile", "id"} & set(one.labels), name
        for sample in family.samples:
            assert set(sample.labels) - {"le"} == set(one.labels), name
    for name in ours:
        # base units, and the unit last: https://prometheus.io/docs/practices/naming/
        assert not any(word in name.split("_") for word in ("ms", "milliseconds", "percent", "kb", "mb")), (
            name
        )
    timed = [name for name in ours if "duration" in name or "lag" in name or "age" in name.split("_")]
    assert timed
    assert all(name.endswith("_seconds") for name in timed)
    assert {"process_resident_memory_bytes", "python_info"} <= set(families)
    version = families["trackside_build_info"].samples[0]
    assert version.value == 1
    assert version.labels["version"]


async def test_open_metrics_is_spoken_too(served: Served) -> None:
    answer = await served.client.get(
        "/metrics", headers={"accept": "application/openmetrics-text; version=1.0.0"}
    )
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert "trackside_runs" in {family.name for family in open_metrics(answer.text)}
    plain = await served.client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")
    assert "_created" not in plain.text


async def test_nothing_that_a_client_chooses_is_a_label(served: Served, tmp_path: Path) -> None:
    secret = "chosen-by-a-client"
    await served.client.get(f"/{secret}")
    await served.client.request("PURGE" + secret.upper().replace("-", ""), "/graphql")
    await served.ask(f"query {secret.replace('-', '_')} {{ viewer {{ name }} {secret.replace('-', '_')} }}")
    project = await a_project(served, tmp_path)
    await served.ask(CREATE_RUN, project=project, plan=PLAN, key=secret)
    await served.ask(CREATE_RUN, project=secret, plan=PLAN)
    shown = (await text(served)).lower().replace("_", "").replace("-", "")
    assert secret.replace("-", "") not in shown
    assert project.lower().replace("_", "") not in shown


async def test_two_applications_do_not_share_a_number(served: Served, tmp_path: Path) -> None:
    await a_project(served, tmp_path)
    async with serving(tmp_path / "other") as other:
        numbers = await other.numbers()
    assert number(numbers, "commands_total", verb="createProject", outcome="carried_out") is None


async def test_a_database_that_does_not_answer_takes_no_number_with_it_but_its_own(served: Served) -> None:
    async def broken() -> Any:
        raise OSError("the disk is gone")

    observed = served.application._metrics
    assert number(await served.numbers(), "runs", status="ACTIVE") == 0
    observed._counts = Paced(broken, keep=0.0)
    numbers = await served.numbers()
    assert number(numbers, "database_up") == 0
    assert number(numbers, "runs", status="ACTIVE") is None
    assert math.isnan(number(numbers, "stale_runs") or 0)
    assert number(numbers, "event_log_position") is not None


async def test_counting_is_shared_for_a_second(tmp_path: Path) -> None:
    async with serving(tmp_path / "data") as served:
        await served.numbers()
        await a_project(served, tmp_path)
        db = served.application._db
        assert db is not None
        asked = 0
        real = db.read

        async def counting(function: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal asked
            asked += function is store.counts.read
            return await real(function, *args, **kwargs)

        db.read = counting  # type: ignore[method-assign]
        for _ in range(5):
            await served.numbers()
        assert asked <= 1


# ---------------------------------------------------------------- who may read it


def add_token(tx: Tx, secret: str, role: Role, project_id: str | None) -> None:
    row = TokenRow(
        id=store.ids.new("tok"),
        name="a token",
        role=role,
        digest=store.tokens.digest(secret),
        project_id=project_id,
        created_at=tx.now,
    )
    tx.session.add(row)


async def status(served: Served, token: str | None, **headers: str) -> httpx.Response:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        return await client.get("/metrics", headers=headers)


async def test_a_token_that_reads_everything_is_needed(served: Served, tmp_path: Path) -> None:
    db = served.application._db
    assert db is not None
    project = await a_project(served, tmp_path)
    await db.write(add_token, "viewer-of-all", Role.VIEWER, None)
    await db.write(add_token, "admin-of-one", Role.ADMIN, project)
    assert (await status(served, "viewer-of-all")).status_code == 200
    assert (await status(served, "viewer-of-all", host="10.1.2.3")).status_code == 200
    for token, expected in ((None, 401), ("wrong", 401), ("admin-of-one", 403)):
        answer = await status(served, token)
        assert answer.status_code == expected
        assert "trackside_" not in answer.text


async def test_it_can_be_made_public(tmp_path: Path) -> None:
    async with serving(tmp_path / "data", metrics_public=True) as served:
        assert "trackside_runs" in (await status(served, None)).text
