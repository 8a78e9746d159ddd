"""A run as events: a JSON object a line in place of the peer's bytes."""

from __future__ import annotations

import codecs
import time
from typing import Final

from sockcli.base.endpoint import Address
from sockcli.base.escaping import as_unicode
from sockcli.errors import SockcliError
from sockcli.policy import Grant
from sockcli.stdio.recording import WallClock

_Decoder: Final = codecs.getincrementaldecoder("utf-8")


class JsonEvents:
    """Makes the lines of `--json`. Scripts rely on their keys and the order of these.

    A line is ASCII only, so that nothing in it can drive a terminal. As the sink's filter it makes `receive` events of
    a stream's bytes; a character that two reads have cut in two waits for its second part. A datagram is whole, so
    nothing of it waits.
    """

    def __init__(self, *, clock: WallClock = time.time) -> None:
        self._clock = clock
        self._decoder = _Decoder()

    def connect(self, grant: Grant, address: Address) -> bytes:
        request = grant.request
        return self._event(
            "connect",
            operation=str(request.operation),
            endpoint=str(request.endpoint),
            address=str(address),
            rule=str(grant.rule),
        )

    def feed(self, data: bytes) -> bytes:
        """The event for these bytes of the stream; nothing where all of them wait for the rest of a character."""
        held = self._decoder.getstate()[0]
        try:
            text = self._decoder.decode(data)
        except UnicodeDecodeError:
            self._decoder.reset()
            return self._receive(held + data)
        length = len(held) + len(data) - len(self._decoder.getstate()[0])
        return self._event("receive", length=length, text=text) if length else b""

    def finish(self) -> bytes:
        """The stream ended: the event for the part of a character that never got its rest."""
        held = self._decoder.getstate()[0]
        self._decoder.reset()
        return self._receive(held) if held else b""

    def datagram(self, data: bytes, sender: Address) -> bytes:
        try:
            return self._event("receive", length=len(data), text=data.decode(), **{"from": str(sender)})
        except UnicodeDecodeError:
            return self._receive(data, **{"from": str(sender)})

    def close(self, reason: str, sent: int, received: int, exit_code: int) -> bytes:
        return self._event("close", reason=reason, sent=sent, received=received, exit=exit_code)

    def error(self, error: SockcliError) -> bytes:
        """The event for an error that came before any connection was open."""
        message = as_unicode(str(error))
        return _line({"event": "error", "kind": error.kind, "message": message, "exit": error.exit_code})

    def _receive(self, data: bytes, **more: object) -> bytes:
        import binascii

        encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
        return self._event("receive", length=len(data), base64=encoded, **more)

    def _event(self, name: str, **values: object) -> bytes:
        return _line({"event": name, "time": round(self._clock(), 3), **values})


def _line(value: dict[str, object]) -> bytes:
    import json

    return f"{json.dumps(value)}\n".encode("ascii")
