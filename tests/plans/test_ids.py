"""The ids that documents give their tasks, in the forms they are written in."""

import pytest

from app.plans.ids import Named, named


@pytest.mark.parametrize(
    ("title", "id", "rest"),
    [
        ("T012 Write", "T012", "Write"),
        ("T012a: Write", "T012a", "Write"),
        ("T090.4 Write", "T090.4", "Write"),
        ("T012[P] Write", "T012", "[P] Write"),
        ("T012\uff08写\uff09", "T012", "\uff08写\uff09"),
        ("T012、书", "T012", "书"),
        ("[T012] [P] Write", "T012", "[P] Write"),
        ("[P] T012 Write", "T012", "[P] Write"),
        ("[P] [US1] T012 Write", "T012", "[P] [US1] Write"),
        ("`T012` Write", "T012", "Write"),
        ("`T012`: Write", "T012", "Write"),
        ("~~T012 Write~~ (no)", "T012", "~~Write~~ (no)"),
        ("~~T012~~ Write", "T012", "Write"),
        ("~~T012~~", "T012", "~~T012~~"),
        ("Task 1.2: Write", "1.2", "Write"),
        ("`src/T012.py` is written", None, "`src/T012.py` is written"),
        ("`T012` and `T013` agree", "T012", "and `T013` agree"),
        ("~~Write~~ Read", None, "~~Write~~ Read"),
        ("Write T012", None, "Write T012"),
    ],
)
def test_an_id_is_taken_off_its_title(title, id, rest):
    assert named([title, "words", "more words"])[0] == Named(id, rest)
