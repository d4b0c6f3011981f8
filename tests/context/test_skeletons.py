"""Signatures without bodies, in every language that has them."""

import pytest

from app.context import LANGUAGES, NoSkeleton, language_of, skeleton

SAMPLES = {
    "a.py": (
        'import os\n\n\nclass A(B):\n    """Doc."""\n\n    size: int = 3\n\n    @property\n    def f(self, é: int = 1) -> str:\n'
        '        """Says it.\n\n        At length.\n        """\n        x = 1\n        return str(x)\n\n    async def g(self):\n'
        "        def inner():\n            pass\n\n        return inner\n\n\nh = lambda x: x + 1\n",
        'import os\n\n\nclass A(B):\n    """Doc."""\n\n    size: int = 3\n\n    @property\n    def f(self, é: int = 1) -> str:\n'
        '        """Says it.\n\n        At length.\n        """\n        ...\n\n    async def g(self):\n        ...\n\n\nh = lambda x: x + 1\n',
    ),
    "a.ts": (
        "export function f<T>(a: T): T { return a; }\nclass A { constructor(readonly y: string) { this.x = 2; } "
        "get z(): number { return 1; } }\nconst g = async (x: number) => { await x; };\ninterface I { a(): void }\n",
        "export function f<T>(a: T): T { … }\nclass A { constructor(readonly y: string) { … } "
        "get z(): number { … } }\nconst g = async (x: number) => { … };\ninterface I { a(): void }\n",
    ),
    "a.tsx": (
        "const C: FC<P> = ({ a }) => { return <b>{a}</b>; };\nconst D = () => <b />;\n",
        "const C: FC<P> = ({ a }) => { … };\nconst D = () => <b />;\n",
    ),
    "a.jsx": (
        "export const f = (a) =>\n  a\n    .map(b)\n    .join();\nmodule.exports = { m() { return 1; } };\n",
        "export const f = (a) =>\n  …;\nmodule.exports = { m() { … } };\n",
    ),
    "a.go": (
        "package a\n\n// F does.\nfunc F(a int) (int, error) {\n\treturn 1, nil\n}\n\nfunc (s *S) M() { go func() { x() }() }\n\n"
        "type I interface{ M() }\n",
        "package a\n\n// F does.\nfunc F(a int) (int, error) { … }\n\nfunc (s *S) M() { … }\n\ntype I interface{ M() }\n",
    ),
    "a.rs": (
        "/// Doc.\npub fn f<T>(a: T) -> u8 where T: Y { 1 }\nimpl A for B { fn m(&self) { g(|x| { x }) } }\n"
        "trait T { fn d(&self) -> u8 { 1 } fn e(&self); }\nstruct S { a: u8 }\n",
        "/// Doc.\npub fn f<T>(a: T) -> u8 where T: Y { … }\nimpl A for B { fn m(&self) { … } }\n"
        "trait T { fn d(&self) -> u8 { … } fn e(&self); }\nstruct S { a: u8 }\n",
    ),
    "A.java": (
        "/** Doc. */\nclass A<T> extends B {\n  A(int y) { this.x = y; }\n  @Override int m() throws E { return 1; }\n"
        "  interface N { void k(); default void l() { } }\n  record R(int a) { R { check(a); } }\n}\n",
        "/** Doc. */\nclass A<T> extends B {\n  A(int y) { … }\n  @Override int m() throws E { … }\n"
        "  interface N { void k(); default void l() { … } }\n  record R(int a) { R { … } }\n}\n",
    ),
    "a.c": ("static int f(int a) { return a; }\nint g(void);\n", "static int f(int a) { … }\nint g(void);\n"),
    "a.cpp": (
        "namespace n { class A : B { public: A(int x) : x_(x) { y(); } int m() const override { return 1; } }; }\n",
        "namespace n { class A : B { public: A(int x) : x_(x) { … } int m() const override { … } }; }\n",
    ),
    "a.cs": (
        "class A { public A(int x) { X = x; } public int Y { get { return 1; } } int Z() => 3; void Q() { void l() { } } }\n",
        "class A { public A(int x) { … } public int Y { get { … } } int Z() => 3; void Q() { … } }\n",
    ),
    "a.rb": (
        "class A < B\n  def f(a)\n    a + 1\n  end\n\n  def self.g = 3\nend\n",
        "class A < B\n  def f(a)\n    …\n  end\n\n  def self.g = 3\nend\n",
    ),
    "a.php": (
        "<?php\nclass B { public function f(int $a): int { return $a; } }\nfunction g() { $x = function () { }; }\n",
        "<?php\nclass B { public function f(int $a): int { … } }\nfunction g() { … }\n",
    ),
    "a.scala": (
        "object A { def f(a: Int): Int = { a + 1 }; def g = 3 }\n",
        "object A { def f(a: Int): Int = { … }; def g = 3 }\n",
    ),
    "a.swift": (
        "class A {\n  init(x: Int) { y = x }\n  func f(a: Int) -> Int { return a }\n}\n",
        "class A {\n  init(x: Int) { … }\n  func f(a: Int) -> Int { … }\n}\n",
    ),
}


@pytest.mark.parametrize("path", SAMPLES)
def test_bodies_go_and_everything_else_stays(path: str) -> None:
    text, wanted = SAMPLES[path]
    language = language_of(path)
    assert language is not None
    assert skeleton(text, language) == wanted


def test_every_language_has_a_sample() -> None:
    assert {language_of(path) for path in SAMPLES} == set(LANGUAGES)


def test_a_file_without_functions_stays_as_it_is() -> None:
    language = language_of("a.py")
    assert language is not None
    assert skeleton("X = 1\n# é\n", language) == "X = 1\n# é\n"
    assert skeleton("", language) == ""


def test_what_cannot_be_parsed_has_no_skeleton_and_says_where() -> None:
    language = language_of("a.py")
    assert language is not None
    with pytest.raises(NoSkeleton, match="line 4") as refused:
        skeleton("x = 1\n\ndef f(a):\n  return 1 +\n\nclass = 3\n", language)
    assert refused.value.line == 4


def test_brackets_as_deep_as_a_file_can_hold_end_nothing() -> None:
    language = language_of("a.js")
    assert language is not None
    deep = "(" * 100_000
    with pytest.raises(NoSkeleton):
        skeleton(deep, language)


@pytest.mark.parametrize(
    ("path", "name"), [("x/a.PY", "python"), ("a.d.ts", "typescript"), ("a", None), ("a.md", None)]
)
def test_a_language_is_told_by_the_name(path: str, name: str | None) -> None:
    found = language_of(path)
    assert (found.name if found is not None else None) == name
