import random

import pytest

from app.runner.lines import CONTINUED, MAX_LINE_BYTES, LineCutter


def cut(*chunks: bytes) -> list[str]:
    cutter = LineCutter()
    return [line for chunk in chunks for line in cutter.feed(chunk)] + cutter.finish()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([b""], []),
        ([b"\n"], [""]),
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a", b"b\nc"], ["ab", "c"]),
        ([b"a\r\nb\rc\r\n"], ["a", "b\rc"]),
        ([b"\xe2\x82", b"\xac\n"], ["€"]),
        ([b"\xe2\x82\n\xac"], ["\ufffd", "\ufffd"]),
        ([b"x\x00y\n"], ["xy"]),
        (["a\u2028b\x0bc\n".encode()], ["a\u2028b\x0bc"]),
    ],
)
def test_short_lines(chunks: list[bytes], expected: list[str]) -> None:
    assert cut(*chunks) == expected


@pytest.mark.parametrize(
    "character", [b"a", "é".encode(), "€".encode(), "😀".encode(), b"\xff", b"\x00", b"\r"]
)
@pytest.mark.parametrize("size", [16_379, 16_380, 16_381, 16_384, 16_385, 50_000])
@pytest.mark.parametrize("chunk", [1000, 65_536])
def test_long_lines(character: bytes, size: int, chunk: int) -> None:
    data = b"first\n" + character * (size // len(character)) + b"\nlast\n"
    first, *middle, last = cut(*(data[i : i + chunk] for i in range(0, len(data), chunk)))
    assert (first, last) == ("first", "last")
    assert all(len(line.encode()) <= MAX_LINE_BYTES for line in middle)
    assert all(line.startswith(CONTINUED) for line in middle[1:])
    assert not middle[0].startswith(CONTINUED)
    whole = middle[0] + "".join(line.removeprefix(CONTINUED) for line in middle[1:])
    text = (character * (size // len(character))).decode("utf-8", "replace").replace("\0", "")
    assert whole == (text.removesuffix("\r") if len(middle) == 1 else whole)
    assert len(text) - len(middle) <= len(whole) <= len(text)


def test_however_it_is_chopped_it_reads_the_same() -> None:
    chance = random.Random(7)
    data = b"".join(
        chance.choice([b"\n", b"abc", "é😀".encode(), b"\xff", b"x" * 9000, b"\r\n", b"\x00"])
        for _ in range(3000)
    )
    whole = cut(data)
    for _ in range(5):
        chunks, rest = [], data
        while rest:
            n = chance.randint(1, 30_000)
            chunks.append(rest[:n])
            rest = rest[n:]
        assert cut(*chunks) == whole


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"Password: ", b"secret\nnext\n", ["Password: ", "… secret", "next"]),
        (b"a\nworking", b"\nb\n", ["a", "working", "b"]),
        ("10 €".encode()[:-1], "10 €".encode()[-1:] + b"!\n", ["10 ", "… €!"]),
        (b"half\r", b"\nnext", ["half", "next"]),
        (b"a\n", b"b\n", ["a", "b"]),
        (b"\xe2\x82", b"\xac\n", ["€"]),
        (b"bad\xff", b"\n", ["bad\ufffd"]),
    ],
)
def test_a_line_may_be_shown_before_its_end_has_come(
    before: bytes, after: bytes, expected: list[str]
) -> None:
    cutter = LineCutter()

    assert cutter.feed(before) + cutter.show() + cutter.feed(after) + cutter.finish() == expected


def test_nothing_is_shown_twice() -> None:
    cutter = LineCutter()
    cutter.feed(b"one")

    assert cutter.waits
    assert (cutter.show(), cutter.show(), cutter.waits) == (["one"], [], False)
    assert cutter.finish() == []
