"""Bodies there and back: never invalid XML, what is read is what was said, and people's own text stays as it is."""

from __future__ import annotations

import re
import string

import pytest
from defusedxml.ElementTree import fromstring
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mi_sync_asana import bodies, richtext
from mi_sync_asana.sandbox.richtext import checked

TOKEN = "1.suite234.key1abcdefgh.nonce1.o.a.b.c.d.e.f"

PIECES = st.sampled_from(
    (
        *(
            "*",
            "_",
            "~",
            "`",
            "#",
            ">",
            "-",
            "+",
            "=",
            "[",
            "]",
            "(",
            ")",
            "<",
            "&",
            "!",
            "\\",
            "|",
            " ",
            "\n",
            "\t",
            ".",
        ),
        *(
            "1",
            "a",
            ":",
            "\n\n",
            "**",
            "~~",
            "```\n",
            "- ",
            "1. ",
            "> ",
            "# ",
            "    ",
            "---\n",
            "[a]: /b\n",
            "<i>",
            "word",
        ),
        *(
            "[a](https://example.org/?a=1&b=(2))",
            "<https://example.org>",
            "https://example.org/x_y_",
            "&amp;",
            "é",
            "日本",
        ),
        *("![p](https://example.org/p.png)", "\r\n", "\x00", "\ud800", "\u00a0", "javascript:x", "[a](/b)"),
    )
)
MARKDOWN = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=14).map("".join))


@settings(max_examples=400, deadline=None)
@given(MARKDOWN)
@example("a\n***\n**b**c__d__")
@example("*a***b**")
@example('**"a"**b')
@example("- \n  - a\n- b\n\n  c")
@example("> - a\n> ```\n> b\n> ```\n>\n> # c")
def test_what_asana_accepts_and_gives_back_is_the_normal_form(body: str) -> None:
    normal = bodies.normal(body)
    assert bodies.normal(normal) == normal
    kept = checked(bodies.to_notes(body, TOKEN))  # raises where Asana would say: XML is invalid
    assert bodies.from_notes(kept) == (normal, TOKEN)


@settings(max_examples=200, deadline=None)
@given(MARKDOWN)
def test_what_does_not_settle_becomes_plain_text_which_does(body: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bodies, "_ROUNDS", 0)
        plain = bodies.normal(body)
    assert bodies.normal(plain) == plain


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="*_~`#>-+=[]()<&!\\|.1a b", max_size=30).map(str.strip))
@example("1. a")
@example("* a *b*")
@example("a_b_ __c__ _d_")
@example("&amp; <b> [a](b)")
def test_signs_that_are_text_stay_text(text: str) -> None:
    escaped = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", text)
    html = bodies.to_notes(escaped, TOKEN)
    assert "".join(fromstring(html).itertext()) == (f"{text}\n\nmi-sync" if text else "mi-sync")


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from([*"*_#>-+=!|.:<&", " ", "\n", "word", "b2", "é", "日本"]), max_size=20).map("".join))
def test_no_word_is_lost(body: str) -> None:
    shown, _ = bodies.from_notes(bodies.to_notes(body, TOKEN))
    assert [word for word in re.findall(r"[^\W\d_]+", body) if word not in shown] == []


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=string.printable + "é日\x00\ud800", max_size=60))
def test_a_foreign_text_is_read_whatever_it_is(html: str) -> None:
    body, _ = bodies.from_notes(html)
    assert bodies.normal(body) == body


@pytest.mark.parametrize(
    ("html", "body"),
    [
        ("", ""),
        ("<body></body>", ""),
        ("<body/>", ""),
        ("<body>a &lt; b &amp; c</body>", "a < b & c"),
        ('<body><a href="https://x.org" rel="nofollow" target="_blank">x</a></body>', "[x](https://x.org)"),
        (
            '<body><a href="https://app.asana.com/0/1/list" data-asana-gid="1">Kim</a>!</body>',
            "[Kim](https://app.asana.com/0/1/list)!",
        ),
        ("<body><ul><li>a</li><ul><li>b</li></ul><li>c</li></ul></body>", "- a\n  - b\n- c"),
        ("<body><u>under</u> <s>out</s></body>", "under ~~out~~"),
        ("<body><table><tr><td>a</td></tr><tr><td>b</td></tr></table></body>", "a\n\nb"),
        ("<body><unknown>kept</unknown></body>", "kept"),
        ("<body>no end", "no end"),
        ('<!DOCTYPE x [<!ENTITY y "z">]><body>&y;</body>', r"\]>\&y;"),
        ("<body>" + "<ul><li>" * 5000 + "</li></ul>" * 5000 + "</body>", ""),
        ('<body><img src="https://x.org/p.png" alt="plan"/></body>', "[plan](https://x.org/p.png)"),
    ],
)
def test_what_people_wrote_is_read(html: str, body: str) -> None:
    assert bodies.from_notes(html) == (body, None)


@pytest.mark.parametrize(
    "html",
    [
        f'<body>text\n\n<a href="https://mi-sync.invalid/{TOKEN}">mi-sync</a></body>',
        f'<body>text <a rel="x" href="https://mi-sync.invalid/{TOKEN}" target="y"><em>mi-sync</em></a> </body>',
        f"<body>text https://mi-sync.invalid/{TOKEN}</body>",
        f"<body>text\n[mi-sync](https://mi-sync.invalid/{TOKEN})</body>",
    ],
)
def test_the_marker_is_found_however_it_was_rewritten(html: str) -> None:
    assert bodies.from_notes(html) == ("text", TOKEN)


def test_only_the_marker_changes_in_what_people_wrote() -> None:
    theirs = (
        '<a href="https://app.asana.com/0/1/list" data-asana-gid="1" data-asana-type="user">Kim</a> <new x="1">y</new>'
    )
    html = f'<body>{theirs}\n\n<a href="https://mi-sync.invalid/old" target="_blank">mi-sync</a>\n\nbelow</body>'
    renewed = richtext.remarked(html, TOKEN)
    assert renewed.startswith(f"<body>{theirs}\n\nbelow\n\n<a href=")
    assert renewed.count("mi-sync.invalid") == 1
    assert bodies.from_notes(renewed) == (bodies.from_notes(html)[0], TOKEN)
    assert richtext.remarked(renewed, TOKEN) == renewed


@pytest.mark.parametrize("empty", ["", "<body></body>", "<body/>", "  "])
def test_a_marker_alone_is_a_body_alone(empty: str) -> None:
    assert bodies.from_notes(richtext.remarked(empty, TOKEN)) == ("", TOKEN)


def test_renewing_is_of_the_normal_form_what_writing_is() -> None:
    for body in ("One", "- a\n- b", "# h", ""):
        assert bodies.from_notes(richtext.remarked(bodies.to_notes(body, "1.x"), TOKEN)) == (body, TOKEN)
