import pytest

from app.domain.hosts import HostStatus, Room, status_of


@pytest.mark.parametrize(
    ("present", "draining", "status"),
    [
        (True, False, HostStatus.ONLINE),
        (True, True, HostStatus.DRAINING),
        (False, False, HostStatus.OFFLINE),
        (False, True, HostStatus.OFFLINE),
    ],
)
def test_what_a_host_is_follows_from_whether_it_is_there_and_drained(
    present: bool, draining: bool, status: HostStatus
) -> None:
    assert status_of(present=present, draining=draining) is status


def test_workers_go_where_there_is_most_room() -> None:
    room = Room({"a": 1, "b": 3, "c": -2})
    assert room.total == 4
    assert [room.take() for _ in range(4)] == ["b", "b", "a", "b"]
    assert room.total == 0
    assert room.take() == "a", "a worker that somebody insists on goes where there is least too much"


def test_a_worker_goes_where_there_is_most_room_among_those_with_its_labels() -> None:
    room = Room({"a": 1, "b": 3, "c": -1}, {"a": ["gpu", "arm"], "c": ["gpu"]})
    assert [room.take(["gpu"]) for _ in range(4)] == ["a", "a", "a", "c"]
    assert room.take(["gpu", "arm"]) == "a"
    assert room.take(["gpu", "tpu"]) is None
    assert room.take() == "b"
    assert room.labels == ["arm", "gpu"]


def test_without_a_host_nothing_is_given_out() -> None:
    assert (Room({}).total, Room({}).take()) == (0, None)
