"""A name server that answers whatever a test wants, right or wrong. Run inside a namespace; it logs each query.

Its first argument is a JSON file: by name, the answers to one query after the other, of which the last one stays. An
answer is a list of records, `OWNER TYPE DATA`, where the owner `@` is the name asked for; or one word of `FAULTS`.
"""

from __future__ import annotations

import ipaddress
import json
import select
import socket
import struct
import sys
from collections import Counter
from pathlib import Path
from typing import Final

_TYPES: Final = {"A": 1, "CNAME": 5, "AAAA": 28}
_RCODES: Final = {"SERVFAIL": 2, "NXDOMAIN": 3, "NOTIMP": 4, "REFUSED": 5}
# What is wrong with an answer as a message.
FAULTS: Final = (*_RCODES, "EMPTY", "GARBAGE", "OTHER-ID", "OTHER-QUESTION", "LOOP", "CUT")
_UDP_MOST: Final = 512  # RFC 1035, 4.2.1; a longer answer is asked for again by TCP


def encode(name: str) -> bytes:
    labels = name.rstrip(".").split(".") if name.rstrip(".") else []
    return b"".join(bytes([len(label)]) + label.encode() for label in labels) + b"\0"


def record(line: str, asked: str) -> bytes:
    owner, kind, data = line.split()
    packed = encode(data) if kind == "CNAME" else ipaddress.ip_address(data).packed
    owner = asked if owner == "@" else owner
    return encode(owner) + struct.pack("!HHIH", _TYPES[kind], 1, 60, len(packed)) + packed


class NameServer:
    def __init__(self, table: dict[str, list[list[str]]]) -> None:
        self.table = table
        self.times: Counter[tuple[str, int]] = Counter()

    def reply(self, query: bytes, *, udp: bool) -> bytes:
        name, end = "", 12
        while query[end]:
            name += query[end + 1 : end + 1 + query[end]].decode("latin-1") + "."
            end += 1 + query[end]
        name = name.lower().rstrip(".")
        question, kind = query[12 : end + 5], int.from_bytes(query[end + 1 : end + 3])
        print("asked", name, kind, flush=True)
        rounds = self.table.get(name, [["NXDOMAIN"]])
        lines = rounds[min(self.times[name, kind], len(rounds) - 1)]
        records = [record(line, name) for line in lines if line.split()[-2:-1] in (["CNAME"], self._word(kind))]
        body, count, flags = b"".join(records), len(records), 0x8180 | _RCODES.get(lines[0] if lines else "", 0)
        if udp and len(body) > _UDP_MOST:
            body, count, flags = b"", 0, flags | 0x200
        else:
            self.times[name, kind] += 1
        message = query[:2] + struct.pack("!HHHHH", flags, 1, count, 0, 0) + question + body
        return self._spoilt(message, question, lines[0] if lines else "")

    @staticmethod
    def _word(kind: int) -> list[str]:
        return [word for word, number in _TYPES.items() if number == kind]

    @staticmethod
    def _spoilt(message: bytes, question: bytes, fault: str) -> bytes:
        address = record("@ A 8.8.8.8", "")[1:]  # without its owner
        match fault:
            case "EMPTY":
                return b""
            case "GARBAGE":
                return message[:2] + bytes(range(1, 255)) * 2
            case "OTHER-ID":
                return bytes([message[0] ^ 1]) + message[1:7] + b"\1" + message[8:] + b"\xc0\x0c" + address
            case "OTHER-QUESTION":
                return (
                    message[:7] + b"\1" + message[8:12] + encode("other.test") + question[-4:] + b"\xc0\x0c" + address
                )
            case "LOOP":  # a name that points to itself
                here = len(message)
                return message[:7] + b"\1" + message[8:] + (0xC000 | here).to_bytes(2) + address
            case "CUT":
                return message[:7] + b"\1" + message[8:] + b"\xc0\x0c" + address[:-2]
            case _:
                return message

    def serve(self) -> None:
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 53))
        tcp = socket.create_server(("127.0.0.1", 53))
        print("ready", flush=True)
        while sys.stdin not in (ready := select.select([udp, tcp, sys.stdin], [], [])[0]):
            if udp in ready:
                query, sender = udp.recvfrom(4096)
                udp.sendto(self.reply(query, udp=True), sender)
            if tcp in ready:
                peer, _ = tcp.accept()
                with peer:
                    peer.settimeout(5)
                    for _ in range(2):  # glibc asks for both families over one connection
                        length = peer.recv(2, socket.MSG_WAITALL)
                        if len(length) < 2:
                            break
                        answer = self.reply(peer.recv(int.from_bytes(length), socket.MSG_WAITALL), udp=False)
                        peer.sendall(len(answer).to_bytes(2) + answer)


if __name__ == "__main__":
    NameServer(json.loads(Path(sys.argv[1]).read_text())).serve()
