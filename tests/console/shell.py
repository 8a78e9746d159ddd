"""Commands without a terminal: a shell that keeps what it is given to show, on a real manager."""

from __future__ import annotations

from collections.abc import Callable

from sockcli.cli.command_line import at_prompt
from sockcli.commands.runner import Runner
from sockcli.errors import Denied, SockcliError, UsageError
from sockcli.policy import Policy
from sockcli.policy.manifest import parse_manifest
from sockcli.sessions.manager import SessionManager
from sockcli.sessions.session import Session
from sockcli.sessions.settings import SessionSettings


def policy_of(*rules: str, deny: tuple[str, ...] = ()) -> Policy:
    text = {"permissions": [{"socket": list(rules)}], "deny": list(deny)}
    return parse_manifest(str(text).replace("'", '"').encode(), "rules.json")


class TestShell:
    """The Shell of commands, and the SessionObserver of sessions. To be made on a running loop."""

    __test__ = False

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or policy_of("tcp-connect", "tcp-listen", "udp-bind", "udp-send-to")
        self.command_line = at_prompt()
        self.settings = SessionSettings()
        self.manager = SessionManager(self.policy, self, self.settings)
        self.history: list[str] = []
        self.keeps_history = True
        self.shown: list[str] = []
        self.notices: list[str] = []
        self.state: Callable[[], str] | None = None
        self.ended = False
        self.runner = Runner(self)

    async def run(self, line: str) -> None:
        await self.runner.run(line)

    def keep_history(self, keep: bool) -> None:
        self.keeps_history = keep

    def show(self, text: str) -> None:
        self.shown.append(text)

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def deny(self, answer: str, error: Denied) -> None:
        self.shown.append(answer)
        raise error

    def progress(self, state: Callable[[], str] | None) -> None:
        self.state = state

    def suspend(self) -> None:
        raise UsageError("no terminal")

    def quit(self) -> None:
        self.ended = True

    @property
    def free(self) -> bool:
        return True

    def session_output(self, session: Session) -> None:
        while session.inbox.take(1 << 20) is not None:
            pass

    def session_changed(self, session: Session) -> None:
        pass

    def session_notice(self, session: Session | None, text: str) -> None:  # noqa: ARG002
        self.notices.append(text)

    def session_unrecorded(self, session: Session, failure: SockcliError) -> None:
        self.notices.append(f"session {session.number}: {failure}")

    def session_over(self, session: Session) -> None:
        pass

    def session_closed(self, session: Session) -> None:
        pass
