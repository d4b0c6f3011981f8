"""Ids sort by the time they were made, also within one millisecond."""

import threading

from app.store import ids


def test_ids_made_one_after_the_other_sort_that_way() -> None:
    made = [ids.new("task") for _ in range(5_000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_is_a_readable_prefix_and_a_body() -> None:
    prefix, _, body = ids.new("run").partition("_")
    assert prefix == "run"
    assert len(body) == 26
    assert set(body) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_threads_never_make_the_same_id() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend([ids.new("run") for _ in range(2_000)])

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 8_000
