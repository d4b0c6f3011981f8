"""What the tests of the readers share: reading a small document, and reading a refusal."""

import os
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.domain.errors import AppError, ErrorCode
from app.domain.plans import Plan
from app.plans import read


@pytest.fixture
def markdown() -> Callable[[str], Plan]:
    def read_markdown(text: str) -> Plan:
        return read(textwrap.dedent(text), name="plan.md")

    return read_markdown


@pytest.fixture
def yaml() -> Callable[[str], Plan]:
    def read_yaml(text: str) -> Plan:
        return read(textwrap.dedent(text), name="plan.yaml")

    return read_yaml


@pytest.fixture
def refusal() -> Callable[..., AppError]:
    """Read something that is no plan and return what was said."""

    def read_refused(text: str | bytes, name: str = "plan.md") -> AppError:
        with pytest.raises(AppError) as refused:
            read(textwrap.dedent(text) if isinstance(text, str) else text, name=name)
        assert refused.value.code is ErrorCode.PLAN_INVALID
        assert refused.value.suggestion
        return refused.value

    return read_refused


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The real plans as they are read now, whichever tests were run."""
    folder = Path(os.environ.get("TRACKSIDE_TEST_PLANS") or Path(__file__).parents[3] / "shared" / "plans")
    files = sorted(file for end in ("md", "json") for file in folder.glob(f"*/*.{end}"))
    if not files:
        return
    terminalreporter.section("plans as they are read")
    terminalreporter.line(
        f"{'file':<40} {'format':<12} {'tasks':>6} {'phases':>7} {'edges':>6} {'warnings':>9}"
    )
    for file in files:
        name = file.relative_to(folder).as_posix()
        for line in _row(name, file.read_bytes()):
            terminalreporter.line(line)


def _row(name: str, content: bytes) -> Iterator[str]:
    try:
        plan = read(content, name=name)
    except AppError as refused:
        yield f"{name:<40} refused: {refused.message.removeprefix(name)[:100]}"
        return
    tasks = list(plan.tasks())
    edges = sum(len(task.depends_on) for task in tasks)
    yield f"{name:<40} {plan.format:<12} {len(tasks):>6} {len(plan.phases):>7} {edges:>6} {len(plan.warnings):>9}"
