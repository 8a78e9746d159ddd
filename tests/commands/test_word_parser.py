"""A command line as words, and text that is to be sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcli.commands import word_parser
from sockcli.errors import UsageError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        (" \t", []),
        ("tcp host 80", ["tcp", "host", "80"]),
        ("  tcp\thost  80\r\n", ["tcp", "host", "80"]),
        ("log 'my file'", ["log", "my file"]),
        ('log "my file"', ["log", "my file"]),
        (r"log my\ file", ["log", "my file"]),
        (r"log C:\\temp", ["log", r"C:\temp"]),
        (r"""log 'a\b"c'""", ["log", r'a\b"c']),
        (r'log "a\"b\\c\d"', ["log", r'a"b\c\d']),
        ("log a'b c'd", ["log", "ab cd"]),
        ("log '' x", ["log", "", "x"]),
        ("log # x", ["log", "#", "x"]),
        ("a\u00a0b", ["a\u00a0b"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert word_parser.split_words(line) == words


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("log 'my file", "a ' is not closed: 'my file"),
        ('log a"b', 'a " is not closed: a"b'),
        ("log a\\", "the backslash at the end of the line"),
        ("log '\x1b[2K", r"\x1b"),
    ],
)
def test_what_is_no_line_of_words(line: str, found: str) -> None:
    with pytest.raises(UsageError) as caught:
        word_parser.split_words(line)
    assert found in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.lists(st.text()))
def test_quoted_words_come_back(words: list[str]) -> None:
    assert word_parser.split_words(" ".join(map(word_parser.quote, words))) == words


@given(st.text("ab '\"\\"))
def test_any_line_is_words_or_an_error_and_never_fails_while_it_is_typed(line: str) -> None:
    partial = word_parser.split_unfinished(line)
    try:
        words = word_parser.split_words(line)
    except UsageError:
        return
    assert words == partial.words + ([partial.last.text] if partial.last.start < len(line) else [])


@pytest.mark.parametrize(
    ("line", "words", "last", "start"),
    [
        ("", [], "", 0),
        ("us", [], "us", 0),
        ("use ", ["use"], "", 4),
        ("use 1", ["use"], "1", 4),
        ("log 'my fi", ["log"], "my fi", 4),
        (r"log my\ fi", ["log"], "my fi", 4),
        ("log my\\", ["log"], "my", 4),
    ],
)
def test_a_line_that_is_being_typed(line: str, words: list[str], last: str, start: int) -> None:
    assert word_parser.split_unfinished(line) == (words, (last, start))


@pytest.mark.parametrize(
    ("text", "first", "rest"),
    [("", "", ""), (" send ", "send", ""), ("send  a  b ", "send", "a  b"), ('"a b" c', '"a', 'b" c')],
)
def test_cut(text: str, first: str, rest: str) -> None:
    assert word_parser.first_word(text) == (first, rest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ""),
        ("  a  b ", "a  b"),
        ('" a "', " a "),
        ("' '", " "),
        ('""', ""),
        ('{"a": 1}', '{"a": 1}'),
        ("""'{"a": 1}'""", '{"a": 1}'),
        ("it's", "it's"),
        (r"a\nb\\", r"a\nb\\"),
    ],
)
def test_text_to_send_stands_as_it_is(text: str, message: str) -> None:
    assert word_parser.text_to_send(text) == message


@pytest.mark.parametrize("text", ['"a', '"', '"a" and "b"', "'a'b"])
def test_a_quote_at_the_beginning_needs_its_end(text: str) -> None:
    with pytest.raises(UsageError, match="begins the text, so it must end it too") as caught:
        word_parser.text_to_send(text)
    assert caught.value.hint == rf"write \x{ord(text[0]):02x} for a {text[0]} that is to be sent"
