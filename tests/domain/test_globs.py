"""Whether two lists of globs mean the same files, against a look at every short path there is."""

import fnmatch
import itertools
import re
import time
from collections.abc import Sequence
from functools import cache
from random import Random

import pytest

from app.domain import globs
from app.domain.globs import FILES, overlap

MEET = [
    ("src/**/*.py", "src/api/*.py"),
    ("src/**", "src/a.py"),
    ("src/**", "src"),
    ("src", "src/api/main.py"),
    ("src/", "src/api/main.py"),
    ("src/*", "src/api/main.py"),  # `api` is below `src`, and what is in it with it
    ("**/*.md", "docs"),
    ("**", "anything/at/all"),
    (".", "a"),
    ("", "a"),
    ("./src//a.py", "src/a.py"),
    ("src/../lib/a.py", "lib/a.py"),
    ("src/*/../a.py", "src/a.py"),
    ("/src/a.py", "src/a.py"),
    ("SRC/A.py", "src/a.PY"),
    ("src/[A-F].py", "src/c.py"),
    ("src/[!x].py", "src/y.py"),
    ("src/{api,web}/*.ts", "src/web/app.ts"),
    ("{a,b{c,d}}.py", "bd.py"),
    ("{a,b/c}/x.py", "b/c/x.py"),
    ("v1.2", "v1.2/notes.txt"),  # it looks like a file, but the other knows better
    ("*.d", "conf.d/local"),
    ("src/a?c.py", "src/abc.py"),
    ("Caf\u00e9.md", "cafe\u0301.md"),
    ("a[b", "a[b"),
    ("{x}", "{x}"),
]
MISS = [
    ("a/*.py", "a/*.ts"),
    ("a/*.py", "b/*.py"),
    ("a/*.py", "a/b/c.py"),
    ("**/*.md", "src/app.py"),
    ("**/*.py", "Makefile"),
    ("src/api/**", "src/web/**"),
    ("src", "src2/a.py"),
    ("src/a.py", "src/b.py"),
    ("*/*.py", "setup.py"),
    ("src/[!x].py", "src/x.py"),
    ("src/{api,web}/*.ts", "src/cli/app.ts"),
    ("tests/**/test_*.py", "tests/**/conftest.py"),
    ("../shared/a.py", "shared/a.py"),
    ("a??.py", "ab.py"),
    ("[a].py", "b.py"),
]


@pytest.mark.parametrize(("one", "other"), MEET)
def test_these_mean_the_same_files(one: str, other: str) -> None:
    assert overlap([one], [other]) == (one, other)
    assert overlap([other], [one]) == (other, one)


@pytest.mark.parametrize(("one", "other"), MISS)
def test_these_do_not(one: str, other: str) -> None:
    assert overlap([one], [other]) is None
    assert overlap([other], [one]) is None


def test_the_first_two_globs_that_meet_are_told() -> None:
    assert overlap(["docs/**", "src/*.py"], ["a", "src/x.py", "b"]) == ("src/*.py", "src/x.py")
    assert overlap([], ["**"]) is None


# ---------------------------------------------------------------- against every path

NAMES = ["".join(letters) for size in range(1, 5) for letters in itertools.product("ab.", repeat=size)]
PARTS = [
    "a",
    "b",
    "ab",
    "*",
    "?",
    "a*",
    "*b",
    "*a*",
    "[ab]",
    "[!a]",
    "[!ab]?",
    "a.b",
    "*.b",
    "?.?",
    "**",
    "a.*",
]


def a_path(random: Random, parts: Sequence[str] = PARTS) -> list[str]:
    return random.choices(parts, k=random.randint(1, 3))


@cache
def names_of(part: str) -> frozenset[str]:
    fits = re.compile(fnmatch.translate(part)).match
    return frozenset(name for name in NAMES if fits(name))


def unfolded(pattern: list[str]) -> list[list[tuple[str, bool]]]:
    """With 0 to 3 names in the place of each `**`; True for those."""
    choices = [
        [[("*", True)] * size for size in range(4)] if part == "**" else [[(part, False)]] for part in pattern
    ]
    return [list(itertools.chain(*chosen)) for chosen in itertools.product(*choices)]


def brute(one: list[str], other: list[str]) -> bool:
    return any(fixed_meet(a, b) for a in unfolded(one) for b in unfolded(other))


def fixed_meet(one: list[tuple[str, bool]], other: list[tuple[str, bool]]) -> bool:
    short, long = sorted((one, other), key=len)
    if not all(names_of(a) & names_of(b) for (a, _), (b, _) in zip(short, long, strict=False)):
        return False
    if len(short) == len(long) or not short:
        return True
    (last, deep), (theirs, their_deep) = short[-1], long[len(short) - 1]
    is_file = "." in last[1:-1] or last in FILES
    called_a_folder = not their_deep and not set(theirs) & set("*?[")
    return deep or not is_file or called_a_folder


@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_a_look_at_every_path_says(seed: int) -> None:
    random = Random(seed)
    for _ in range(1_000):
        one, other = a_path(random), a_path(random)
        a, b = "/".join(one), "/".join(other)
        assert (overlap([a], [b]) is not None) == brute(one, other), (a, b)
        assert (overlap([b], [a]) is not None) == brute(one, other), (b, a)


CHOICES = {"{a,b}": ["a", "b"], "{a,{b,*}}": ["a", "b", "*"], "x{,a}": ["x", "xa"]}


def test_braces_are_each_of_their_choices() -> None:
    random = Random(1)
    for _ in range(500):
        braced, b = a_path(random, [*CHOICES, "a", "*"]), "/".join(a_path(random))
        each = [
            "/".join(chosen) for chosen in itertools.product(*[CHOICES.get(part, [part]) for part in braced])
        ]
        assert (overlap(["/".join(braced)], [b]) is None) == (overlap(each, [b]) is None), (braced, b)


# ---------------------------------------------------------------- what it costs


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (["*a" * 2_000], ["*b" * 2_000]),
        (["*a" * 120 + "x"], ["*b" * 120 + "y"]),
        (["/".join(["**", "a"] * 60) + "/x.y"], ["/".join(["**", "b"] * 60) + "/x.z"]),
        (["{a,b}" * 40], ["{c,d}" * 40]),
        (["{" * 500], ["{,}" * 150]),
        ([f"d{n}/*a*b*c*.py" for n in range(1_000)], [f"e{n}/*b*a*.ts" for n in range(1_000)]),
    ],
)
def test_nobody_can_make_it_dear(one: list[str], other: list[str]) -> None:
    began = time.process_time()
    overlap(one, other)
    assert (
        time.process_time() - began < 5
    )  # it takes a tenth of a second; what grows without bound takes for ever


def test_what_would_cost_too_much_to_tell_may_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = ["x/*a*b*c.py"], ["x/*c*b*a.ts"]
    assert overlap(one, other) is None
    globs._overlap.cache_clear()
    monkeypatch.setattr(globs._Effort.__init__, "__defaults__", (3,))
    assert overlap(one, other) == (one[0], other[0])
    globs._overlap.cache_clear()


def test_thousands_of_plain_paths_are_told_apart() -> None:
    one, other = ([f"src/{side}/f{n}.py" for n in range(1_000)] for side in "ab")
    assert overlap(one, other) is None
    assert overlap(one, [*other, "src/a/f999.py"]) == ("src/a/f999.py", "src/a/f999.py")
