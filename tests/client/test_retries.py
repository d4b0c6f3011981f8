"""How long a client rests, and how often it asks again."""

import pytest

from app.client.errors import TracksideError
from app.client.retries import DEFAULT, BackOff, retries


@pytest.mark.parametrize(("failures", "full"), [(1, 0.1), (2, 0.2), (3, 0.4), (7, 5.0), (1000, 5.0)])
def test_rests_double_up_to_a_limit_and_half_of_each_is_chance(failures: int, full: float) -> None:
    back_off = BackOff(first=0.1, limit=5.0)

    assert back_off.delay(failures, chance=lambda: 0.0) == pytest.approx(full / 2)
    assert back_off.delay(failures, chance=lambda: 1.0) == pytest.approx(full)


def test_rests_differ_from_client_to_client() -> None:
    assert len({BackOff().delay(3) for _ in range(20)}) > 1


@pytest.mark.parametrize(("text", "expected"), [("0", 0), (" 7 ", 7), ("", DEFAULT), ("100", 100)])
def test_the_environment_says_how_often(text: str, expected: int) -> None:
    assert retries({"TRACKSIDE_RETRIES": text}) == expected
    assert retries({}) == DEFAULT == 5


@pytest.mark.parametrize("text", ["-1", "many", "101", "1.5", "²"])
def test_anything_else_is_refused_with_a_way_out(text: str) -> None:
    with pytest.raises(TracksideError) as refused:
        retries({"TRACKSIDE_RETRIES": text})

    assert refused.value.code == "INVALID_INPUT"
    assert refused.value.suggestion
