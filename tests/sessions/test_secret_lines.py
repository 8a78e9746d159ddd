"""Lines that hold a password, told from those that do not."""

from __future__ import annotations

import time

import pytest

from sockcli.sessions.secret_lines import SecretLines, asks_for_secret, is_secret

SECRET = [
    "AUTH hunter2",
    "auth joe hunter2",
    "  AUTH hunter2",
    "HELLO 3 AUTH joe hunter2",
    "CONFIG SET requirepass hunter2",
    "config set maxmemory 1gb masterauth hunter2",
    "ACL SETUSER joe on >hunter2",
    "MIGRATE 10.0.0.1 6379 key 0 1000 AUTH hunter2",
    "PASS hunter2",
    "APOP joe c4c9334bac560ecc979e58001b3e22fb",
    "ACCT hunter2",
    "AUTH PLAIN AGpvZQBodW50ZXIy",
    "AUTHINFO PASS hunter2",
    "a1 LOGIN joe hunter2",
    '. login "joe" "hunter2"',
    "login joe hunter2",
    "a1 AUTHENTICATE PLAIN AGpvZQBodW50ZXIy",
    'AUTHENTICATE "PLAIN" "AGpvZQBodW50ZXIy"',
    "OPER joe hunter2",
    "PRIVMSG NickServ :IDENTIFY hunter2",
    "ns identify hunter2",
    "connect joe hunter2",
    'connect "Joe Average" hunter2',
    "con joe hunter2",
    "create joe hunter2",
    "@password old=hunter2",
    "password hunter2",
    "<auth mechanism='PLAIN'>AGpvZQBodW50ZXIy</auth>",
    "Authorization: Basic am9lOmh1bnRlcjI=",
    "proxy-authorization: Basic am9lOmh1bnRlcjI=",
    "Cookie: session=abc",
    "X-Api-Key: abc",
    "GET http://joe:hunter2@example.com/ HTTP/1.1",
    'CONNECT {"user":"joe","pass":"x","password": "hunter2"}',
    "user=joe&password=hunter2",
    "ALTER USER joe IDENTIFIED BY 'hunter2'",
    "username joe password hunter2",
    "enable secret hunter2",
]
PLAIN = [
    "",
    "GET key",
    "SET key value",
    "PING",
    "HELLO 3",
    "CONFIG GET maxmemory",
    "USER joe",
    "PASV",
    "a1 SELECT INBOX",
    "a1 LOGOUT",
    "login",
    "connect guest",
    "look",
    "say hello",
    "GET / HTTP/1.1",
    "Host: example.com:80",
    "GET http://example.com:80/a@b HTTP/1.1",
    "author",
    "passing through",
    "cookie",
    "NICK joe",
    "PRIVMSG #chat :hello",
]


@pytest.mark.parametrize("line", SECRET)
def test_a_line_with_a_password(line: str) -> None:
    assert is_secret(line)


@pytest.mark.parametrize("line", PLAIN)
def test_a_line_without_one(line: str) -> None:
    assert not is_secret(line)


@pytest.mark.parametrize(
    "lines",
    [
        ["AUTH LOGIN", "am9l", "aHVudGVyMg=="],
        ["AUTH PLAIN", "AGpvZQBodW50ZXIy"],
        ["AUTH", "$7", "hunter2"],
        ["a1 AUTHENTICATE PLAIN", "AGpvZQBodW50ZXIy"],
        ["a1 AUTHENTICATE SCRAM-SHA-256", "biwsbj1qb2U=", "Yz1iaXdz", ""],
        ["a1 LOGIN {3}", "joe {7}", "hunter2"],
        ["AUTHENTICATE PLAIN", "AGpvZQBodW50ZXIy"],
        ["AUTHINFO SASL PLAIN", "AGpvZQBodW50ZXIy"],
    ],
)
def test_the_lines_behind_it_hold_it_as_well(lines: list[str]) -> None:
    session = SecretLines()
    assert [session.entered(line) for line in lines] == [True] * len(lines)
    assert not session.entered("MAIL FROM:<joe@example.com>")


def test_a_password_in_the_line_itself_is_not_continued() -> None:
    session = SecretLines()
    assert [session.entered(line) for line in ("AUTH hunter2", "PING", "INFO")] == [True, False, False]


def test_a_conversation_about_it_ends() -> None:
    session = SecretLines()
    session.entered("AUTH LOGIN")
    assert [session.entered("STAT") for _ in range(5)] == [True] * 4 + [False]


@pytest.mark.parametrize(
    "prompt", ["Password: ", "joe's password:", "Enter passphrase> ", "PIN? ", "password (again): "]
)
def test_a_prompt_that_asks_for_one(prompt: str) -> None:
    assert asks_for_secret(prompt)
    assert SecretLines().entered("hunter2", prompt)


@pytest.mark.parametrize("prompt", ["", "login: ", "> ", "spinning: ", "the password is wrong\n> "])
def test_a_prompt_that_does_not(prompt: str) -> None:
    assert not asks_for_secret(prompt)


@pytest.mark.parametrize(
    "line", ["connect " + '"' * 4_000, "a " * 2_000, "://:" * 1_000, "password" * 500, "MIGRATE " * 500]
)
def test_no_line_takes_long(line: str) -> None:
    started = time.process_time()
    SecretLines().entered(line, line)
    assert time.process_time() - started < 0.5
