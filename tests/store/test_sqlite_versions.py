import pytest

from app.store.sqlite_versions import warning


@pytest.mark.parametrize("version", [(3, 40, 1), (3, 51, 2)])
def test_a_version_with_a_known_defect_is_warned_of(version: tuple[int, ...]) -> None:
    words = warning(version)
    assert words is not None
    assert ".".join(map(str, version)) in words


@pytest.mark.parametrize("version", [(3, 51, 3), (3, 52, 0)])
def test_a_good_version_is_not(version: tuple[int, ...]) -> None:
    assert warning(version) is None
