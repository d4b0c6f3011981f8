"""Hosts, as people and programs see them."""

from tests.cli.program import Trackside


def test_hosts_are_listed_drained_and_resumed(trackside: Trackside) -> None:
    (host,) = trackside("hosts", "list", "--output", "json").json
    assert (host["status"], host["running"]) == ("ONLINE", 0)
    head, line = trackside("hosts", "list").lines
    assert head.split() == ["ID", "NAME", "STATUS", "RUNNING", "SEEN", "LABELS"]
    assert line.split()[:3] == [host["id"], host["name"], "ONLINE"]

    drained = trackside("hosts", "drain", host["name"], "--reason", "a test")
    assert drained.out == f"{host['name']} is DRAINING\n"
    resumed = trackside("hosts", "resume", host["id"][-8:], "--output", "json").json
    assert (resumed["host"]["status"], resumed["command"]["status"]) == ("ONLINE", "EFFECTIVE")

    unknown = trackside("hosts", "drain", "nobody")
    assert unknown.status == 2
    assert "There is no host 'nobody'" in unknown.err
