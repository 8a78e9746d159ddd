"""MCCP2: where the stream starts and ends, that it cannot flood us, and what is left of a broken one."""

from __future__ import annotations

import random
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest

from sockcli.errors import ExitCode, ProtocolError
from sockcli.telnet import TelnetCodec, TelnetOptions
from sockcli.telnet.events import Data
from sockcli.telnet.features.compression import STEP
from tests.telnet.talk import bytewise, drain, hear, unhex

COMPRESS = TelnetOptions(compress=True)
START = unhex("FFFB56 FFFA56FFF0")
TEXT = random.Random(1).randbytes(50_000).replace(b"\xff", b".").replace(b"\r", b".")


def test_what_follows_the_start_and_the_end_in_the_same_read() -> None:
    stream = b"plain " + START + zlib.compress(b"packed ") + b"plain again" + unhex("FFFD63")
    for chunks in ([stream], bytewise(stream)):
        heard = hear(TelnetCodec(COMPRESS), chunks)
        assert heard.data == b"plain packed plain again"
        assert heard.sent == unhex("FFFD56 FFFC63")


def test_incompressible_data_in_any_cut() -> None:
    stream = START + zlib.compress(TEXT * 10) + b"tail"
    for size in (1_000, 4_096, len(stream)):
        chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert hear(TelnetCodec(COMPRESS), chunks).data == TEXT * 10 + b"tail"


def test_flushed_data_is_there_at_once() -> None:
    packer = zlib.compressobj()
    codec = TelnetCodec(COMPRESS)
    hear(codec, START)
    for line in (b"login: ", b"Password: "):
        assert hear(codec, packer.compress(line) + packer.flush(zlib.Z_SYNC_FLUSH)).data == line


def test_a_bomb_comes_a_piece_at_a_time() -> None:
    size = 200 * 1024 * 1024
    packer = zlib.compressobj(9)
    block = bytes(1024 * 1024)
    bomb = START + b"".join(packer.compress(block) for _ in range(size // len(block))) + packer.flush() + b"end"
    assert len(bomb) < size // 900
    codec = TelnetCodec(COMPRESS)
    tracemalloc.start()
    codec.receive_data(bomb)
    received = 0
    while events := codec.events_received():
        piece = sum(len(event.data) for event in events if isinstance(event, Data))
        assert piece <= STEP + len(b"end")
        received += piece
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert received == size + len(b"end")
    assert peak < 4 * 1024 * 1024


def test_a_bomb_is_not_inflated_before_it_is_asked_for() -> None:
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(b"data" + START + zlib.compress(b"x" * 10 * STEP))
    codec.receive_eof()
    assert Data(b"data") in codec.events_received()
    assert codec.pending
    assert hear(codec, b"").data == b"x" * 10 * STEP
    assert not codec.pending


def test_a_stream_within_a_stream_is_not_inflated_again() -> None:
    deep = zlib.compress(b"deep")
    assert b"\xff" not in deep
    stream = START + zlib.compress(START + deep) + b"tail"
    for chunks in ([stream], bytewise(stream)):
        heard = hear(TelnetCodec(COMPRESS), chunks)
        assert heard.data == deep + b"tail"
        assert heard.sent == unhex("FFFD56")


def test_what_comes_after_the_end_waits_for_what_came_before_it() -> None:
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(START + zlib.compress(b"packed ") + b"plain ")
    codec.receive_data(b"more")
    assert hear(codec, b" text").data == b"packed plain more text"


def test_what_comes_after_the_end_may_come_at_any_time() -> None:
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(START + zlib.compress(b"packed ") + b"plain ")
    while Data(b"packed ") not in codec.events_received():
        pass
    assert hear(codec, b"text").data == b"plain text"


def test_all_that_can_be_inflated_is() -> None:
    packed = zlib.compress(bytes(5 * STEP))
    for end in range(len(packed)):
        whole, pieces = hear(TelnetCodec(COMPRESS), START + packed[:end]), TelnetCodec(COMPRESS)
        assert whole.data == hear(pieces, [START, *bytewise(packed[:end])]).data


def received(codec: TelnetCodec, chunks: Iterable[bytes]) -> tuple[bytes, ProtocolError | None]:
    """The data that was handed out, and the error after it."""
    got = b""
    try:
        for chunk in chunks:
            codec.receive_data(chunk)
            for event in drain(codec):
                got += event.data if isinstance(event, Data) else b""
    except ProtocolError as error:
        return got, error
    return got, None


@pytest.mark.parametrize("damage", [1, 2_000, 24_000, -1], ids=["header", "early", "middle", "checksum"])
def test_a_broken_stream_is_an_error_after_all_that_came_before_it(damage: int) -> None:
    content = TEXT[:25_000] + b"." * 25_000
    packed = bytearray(zlib.compress(content))
    packed[damage] ^= 0xFF
    stream = b"plain" + START + bytes(packed) + b"more"
    whole, bytes_ = TelnetCodec(COMPRESS), TelnetCodec(COMPRESS)
    got, error = received(whole, [stream])
    again, same_error = received(bytes_, bytewise(stream))
    assert (again, str(same_error)) == (got, str(error))
    assert error is not None
    assert error.exit_code is ExitCode.PROTOCOL
    assert "MCCP2" in str(error)
    assert got.startswith(b"plain")
    if damage == -1:
        assert got == b"plain" + content
    whole.receive_data(b"more")
    with pytest.raises(ProtocolError):
        whole.events_received()


def test_what_was_to_be_sent_before_the_error_still_is() -> None:
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(START + zlib.compress(unhex("FFFD06"))[:-1] + b"x")
    assert received(codec, [b""])[1] is not None
    assert codec.data_to_send() == unhex("FFFD56 FFFB06")


def test_an_end_in_the_middle_of_a_stream_gives_what_there_is() -> None:
    packer = zlib.compressobj()
    codec = TelnetCodec(COMPRESS)
    codec.receive_data(START + packer.compress(b"some text") + packer.flush(zlib.Z_SYNC_FLUSH)[:-1])
    codec.receive_eof()
    assert Data(b"some text") in list(drain(codec))


def test_zlib_is_loaded_only_by_a_compressed_connection() -> None:
    program = "import sys; before = 'zlib' in sys.modules; import sockcli.telnet; print(before, 'zlib' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert shown in ("False False\n", "True True\n")
