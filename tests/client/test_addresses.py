"""Which addresses are taken, and which of them are one and the same server."""

import pytest

from app.client.addresses import graphql_url, is_loopback, same_server
from app.client.errors import TracksideError


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8642", "http://127.0.0.1:8642/graphql"),
        ("https://trackside.example/", "https://trackside.example/graphql"),
        ("https://example.org/fleet/graphql", "https://example.org/fleet/graphql"),
        ("http://[::1]:1", "http://[::1]:1/graphql"),
    ],
)
def test_no_path_means_graphql(url: str, expected: str) -> None:
    assert graphql_url(url) == expected


@pytest.mark.parametrize(
    "url",
    ["", "8642", "localhost:8642", "ftp://host", "http://", "http://host:0", "http://host:99999", "http://["],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(TracksideError) as refused:
        graphql_url(url)

    assert refused.value.code == "INVALID_INPUT"
    assert refused.value.suggestion


@pytest.mark.parametrize("url", ["http://me:secret@host", "http://host?token=secret"])
def test_a_secret_in_an_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(TracksideError) as refused:
        graphql_url(url)

    assert "secret" not in f"{refused.value}{refused.value.suggestion}"


def test_the_names_of_the_loopback_interface_are_one() -> None:
    assert same_server("http://localhost:1/", "http://127.0.0.1:1")
    assert same_server("http://[::1]:1", "http://localhost:1/graphql")
    assert same_server("https://host", "https://host:443")


@pytest.mark.parametrize(
    "other", ["http://127.0.0.1:2", "https://127.0.0.1:1", "http://127.0.0.1.example:1", "nonsense"]
)
def test_another_port_scheme_or_host_is_another_server(other: str) -> None:
    assert not same_server("http://127.0.0.1:1", other)
    assert not same_server(other, "http://127.0.0.1:1")


def test_only_the_loopback_interface_is_this_machine_for_certain() -> None:
    assert is_loopback("http://localhost:1")
    assert not is_loopback("http://localhost.example:1")
