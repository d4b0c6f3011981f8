"""What the tests of the readers share: reading a small document, and reading a refusal."""

import textwrap
from collections.abc import Callable

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
