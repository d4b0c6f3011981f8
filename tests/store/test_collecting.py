"""The collector rests while anybody asks for it, and works again afterwards whatever happened."""

import gc

import pytest

from app.store.collecting import uncollected


def test_it_rests_until_the_last_has_ended() -> None:
    assert gc.isenabled()
    with uncollected():
        with uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_failure_does_not_leave_it_resting() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        _ = 1 / 0
    assert gc.isenabled()
