"""What is meant by a part of an id or a name."""

import pytest

from app.cli.references import Named, match
from app.client.errors import TracksideError

NIGHTLY = Named("run_01aaaaaaaa1111", "Nightly")
OTHER = Named("run_01aaaaaaaa2222", "Nightly build")
LATE = Named("run_01bbbbbbbb1133", "run_01aaaaaaaa2222")
RUNS = [NIGHTLY, OTHER, LATE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run_01aaaaaaaa1111", NIGHTLY),
        ("1111", NIGHTLY),
        ("a2222", OTHER),
        ("run_01b", LATE),
        ("Nightly", NIGHTLY),
        ("Nightly build", OTHER),
        ("run_01aaaaaaaa2222", OTHER),
    ],
)
def test_an_id_a_unique_end_or_beginning_of_it_or_a_name_is_enough(text: str, expected: Named) -> None:
    assert match(text, RUNS, "run") == expected


@pytest.mark.parametrize("text", ["", "Night", "nightly", "9999", "111"])
def test_what_fits_nothing_is_nothing(text: str) -> None:
    assert match(text, RUNS, "run") is None


def test_what_fits_several_is_refused_with_their_ids() -> None:
    with pytest.raises(TracksideError) as refused:
        match("run_01a", RUNS, "run")

    assert refused.value.code == "AMBIGUOUS"
    assert NIGHTLY.id in refused.value.message
    assert OTHER.id in refused.value.message
    assert LATE.id not in refused.value.message


def test_of_many_only_some_are_named() -> None:
    with pytest.raises(TracksideError, match="and 15 more"):
        match("same", [Named(f"run_{number}", "same") for number in range(20)], "run")
