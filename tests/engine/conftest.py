import pytest

from app.store.db import Database
from tests.conftest import Clock
from tests.engine.recording import RecordingDispatch
from tests.fleet import Fleet


@pytest.fixture
def dispatch() -> RecordingDispatch:
    return RecordingDispatch()


@pytest.fixture
def sqlite_fleet(own_sqlite_db: Database, clock: Clock) -> Fleet:
    return Fleet(own_sqlite_db, clock)
