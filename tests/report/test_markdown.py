from __future__ import annotations

import html

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from report_samples import HALF, HOSTILE

from harness.report.inline import visible
from harness.report.markdown import Part, document, name, plain, row, table


def parsed(text: str) -> list[Token]:
    """All inline tokens, as a reader of GitHub's tables and HTML sees them."""
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text)
    return [child for token in tokens for child in (token.children or [token])]


def cells_of(text: str) -> list[Token]:
    return [t for t in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text) if t.type == "inline"]


@pytest.mark.parametrize(
    "bad", [*HOSTILE, HALF, "[x](http://e)", "![x](y)", "`a`b`", "*a* **b** ~~c~~ $d$ @user #1 :+1:"]
)
def test_a_hostile_string_is_one_cell_of_text(bad: str):
    written = "\n".join([*table("a", ">b"), row(name(bad, 5000), plain(bad, 5000))])
    inline = cells_of(written)
    assert [token.content for token in inline[:2]] == ["a", "b"]
    assert len(inline) == 4
    kinds = {child.type for token in inline for child in token.children or []}
    assert kinds <= {"text", "html_inline"}
    raw = {child.content for token in inline for child in token.children or [] if child.type == "html_inline"}
    assert raw == {"<code>", "</code>"}
    read = "".join(child.content for child in inline[3].children or [])
    assert read == " ".join(visible(bad).split())


@settings(max_examples=60)
@given(st.text(min_size=1, max_size=40).filter(lambda text: visible(text).strip()))
def test_any_text_is_read_as_it_is(text: str):
    inline = [
        token
        for token in parsed(f"x {plain(text, 10_000)} x")
        if token.type not in ("paragraph_open", "paragraph_close")
    ]
    assert {token.type for token in inline} == {"text"}
    assert "".join(token.content for token in inline) == " ".join(["x", *visible(text).split(), "x"])


@pytest.mark.parametrize(
    "bad", ["http://evil.example", "www.evil.example", "WWW.evil.example", "a@b.example", "@user", "#12"]
)
def test_nothing_is_left_that_github_turns_into_a_link(bad: str):
    written = plain(bad)
    assert html.unescape(written) == bad
    assert not any(mark in written for mark in ("://", "www.", "WWW.", "@", " #"))


def test_a_long_name_is_cut_and_no_name_is_said():
    assert name("a" * 3000) == f"<code>{'a' * 79}…</code>"
    assert name("") == "<code>(no name)</code>"


def lines(count: int, text: str = "| x |") -> tuple[tuple[str, int], ...]:
    return tuple((f"{text}{i}", 2) for i in range(count))


def test_what_fits_is_whole():
    parts = [Part(("### A\n", *table("x")), lines(3)), Part(("### B\n",), lines(2, "ü"))]
    written = document("head\n", parts, 10_000)
    assert "Left out" not in written
    assert all(line in written for part in parts for line, _ in part.lines)


@settings(max_examples=60)
@given(st.integers(400, 4000), st.integers(0, 60), st.integers(0, 60))
def test_a_document_ends_below_its_limit_with_whole_lines(limit: int, first: int, second: int):
    parts = [Part(("### A\n",), lines(first, "é" * 20)), Part(("### B\n",), lines(second, "日本" * 9))]
    written = document("head\n", parts, limit)
    assert len(written.encode()) <= limit
    known = {line for part in parts for line, _ in part.lines} | {"head", "### A", "### B", ""}
    kept = [line for line in written.split("\n") if line not in known]
    lost = 2 * (first + second - sum(line in written.split("\n") for part in parts for line, _ in part.lines))
    assert all(line.startswith("**Left out") for line in kept)
    assert sum(int(line.split(": ")[1].split()[0].replace(",", "")) for line in kept) == lost
