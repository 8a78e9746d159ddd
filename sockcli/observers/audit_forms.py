"""What a line of the audit says, and the forms in which it can be written: our own, OCSF's and ECS's.

The forms of others have their own names for what is common to all such logs. What they have no name for, and what
`sockcli audit` reads, is our own object, whole, under `unmapped` (OCSF 1.3, class 4001 "Network Activity") or under
`sockcli` (ECS 8.11). So no form loses anything, and the chain of hashes holds in each.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final, Literal

from sockcli import __version__

Entry = Mapping[str, object]
FormName = Literal["sockcli", "ocsf", "ecs"]

_CLASS: Final = 4001
# OCSF's activities: Open, Close, Fail, Refuse, Listen.
_OPEN, _CLOSE, _FAIL, _REFUSE, _LISTEN = 1, 2, 4, 5, 7
_INWARD: Final = ("tcp-listen", "udp-bind")


def plain(entry: Entry) -> Entry:
    return entry


def ocsf(entry: Entry) -> Entry:
    activity = _activity(entry)
    allowed = entry["allowed"]
    process = {"pid": entry["pid"], "name": entry["program"], "user": {"uid": str(entry["uid"])}}
    value: dict[str, object] = {
        "metadata": {"version": "1.3.0", "product": {"name": "sockcli", "version": __version__}},
        "time": round(_seconds(entry) * 1000),
        "category_uid": 4,
        "class_uid": _CLASS,
        "activity_id": activity,
        "type_uid": _CLASS * 100 + activity,
        "severity_id": 1 if allowed else 3,
        "action_id": 1 if allowed else 2,
        "status_id": 1 if allowed and not entry.get("exit") else 2,
        "actor": {"process": process},
        "connection_info": {
            "protocol_name": str(entry["operation"]).partition("-")[0],
            "direction_id": 1 if entry["operation"] in _INWARD else 2,
        },
        "dst_endpoint": _endpoint(entry, "hostname"),
    }
    if entry["rule"] is not None:
        value["firewall_rule"] = {"name": entry["rule"], "uid": entry["source"]}
    if entry["event"] == "end":
        value["traffic"] = {"bytes_out": entry["sent"], "bytes_in": entry["received"]}
    return {**value, "unmapped": entry}


def ecs(entry: Entry) -> Entry:
    seconds, allowed = _seconds(entry), entry["allowed"]
    is_end = entry["event"] == "end"
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    value: dict[str, object] = {
        "@timestamp": f"{stamp}.{round(seconds * 1000) % 1000:03d}Z",
        "ecs": {"version": "8.11"},
        "event": {
            "kind": "event",
            "category": ["network"],
            "type": ["connection", "end" if is_end else "allowed" if allowed else "denied"],
            "action": entry["operation"],
            "outcome": "success" if allowed and not entry.get("exit") else "failure",
            "provider": "sockcli",
        },
        "network": {
            "transport": str(entry["operation"]).partition("-")[0],
            "direction": "inbound" if entry["operation"] in _INWARD else "outbound",
        },
        "destination": _endpoint(entry, "domain"),
        "process": {"pid": entry["pid"], "name": entry["program"]},
        "user": {"id": str(entry["uid"])},
    }
    if entry["rule"] is not None:
        value["rule"] = {"name": entry["rule"], "reference": entry["source"]}
    if is_end:
        value["source"] = {"bytes": entry["sent"]}
    return {**value, "sockcli": entry}


FORMS: Final[Mapping[FormName, Callable[[Entry], Entry]]] = {"sockcli": plain, "ocsf": ocsf, "ecs": ecs}


def entry_of(value: Mapping[str, object]) -> Entry | None:
    """Our own object in a line of any form; None where there is none."""
    for inner in (value, value.get("sockcli"), value.get("unmapped")):
        if isinstance(inner, Mapping) and inner.get("event") in ("decision", "end") and "previous" in inner:
            return inner
    return None


def _activity(entry: Entry) -> int:
    if not entry["allowed"]:
        return _REFUSE
    if entry["event"] == "end":
        return _FAIL if entry.get("exit") else _CLOSE
    return _LISTEN if entry["operation"] in _INWARD else _OPEN


def _seconds(entry: Entry) -> float:
    seconds = entry["time"]
    assert isinstance(seconds, float)
    return seconds


def _endpoint(entry: Entry, name: str) -> dict[str, object]:
    """The host as it was asked for, and its port; with the address too, where one was reached or looked up."""
    endpoint, addresses = entry["endpoint"], entry["addresses"]
    if not isinstance(endpoint, str):
        return {}
    host, _, port = endpoint.rpartition(":")
    found: dict[str, object] = {name: host.strip("[]"), "port": int(port)}
    if isinstance(addresses, list) and addresses:
        found["ip"] = addresses[0].rpartition(":")[0].strip("[]")
    return found
