"""What every test gets: no test depends on the user's environment, and in CI none is skipped."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from sockcli.sandbox import confinement
from tests import servers
from tests.servers import Server, Syslog

# No time limits per example: they would only measure how busy the machine is. In CI the examples are the same in every
# run, so that a change is judged by what it changed; everywhere else they keep searching.
settings.register_profile(
    "sockcli", deadline=None, derandomize="CI" in os.environ, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("sockcli")


def pytest_configure() -> None:
    """Undo what `nohup` or a shell's `&` left ignored: sockcli keeps an inherited "ignore", and so would every program
    that a test starts and then wants to end by that signal."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for signum in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(signum, signal.SIG_DFL)


def _must_run(report: pytest.TestReport | pytest.CollectReport) -> None:
    """In CI everything a test needs is installed; a skip there would hide a test that no longer runs."""
    if report.outcome == "skipped" and os.environ.get("SOCKCLI_REQUIRE_SERVERS") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"skipped, but SOCKCLI_REQUIRE_SERVERS is set: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _must_run(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _must_run(report)
    return report


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Neither the user's manifest nor their history or proxies reach a test, and no test reaches theirs."""
    for name in ("SOCKCLI_MANIFEST", "SOCKCLI_AUDIT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name in ("LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.getbasetemp()))


@pytest.fixture(autouse=True)
def _unconfined(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that a test runs within this process does not confine it: that would be for good, and for all tests."""
    monkeypatch.setattr(confinement, "confine", lambda *_args, **_options: confinement.Confinement(because="a test"))


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from servers.redis(tmp_path_factory.mktemp("redis"))


@pytest.fixture(scope="session")
def nginx_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from servers.nginx(tmp_path_factory.mktemp("nginx"))


@pytest.fixture(scope="session")
def memcached_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from servers.memcached(tmp_path_factory.mktemp("memcached"))


@pytest.fixture(scope="session")
def dnsmasq_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Answers for `printer.test`, on a port of its own."""
    records = ["--host-record=printer.test,192.0.2.7,2001:db8::7"]
    yield from servers.dnsmasq(tmp_path_factory.mktemp("dnsmasq"), *records)


@pytest.fixture(scope="session")
def tftp_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    yield from servers.tftpd(tmp_path_factory.mktemp("tftp"))


@pytest.fixture(scope="session")
def syslog_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Syslog]:
    yield from servers.rsyslog(tmp_path_factory.mktemp("rsyslog"))
