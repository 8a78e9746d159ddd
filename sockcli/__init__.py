"""netcat and telnet in one tool that only goes where its manifest says it may.

As a library: `from sockcli import Engine, Manifest`. The names are imported when they are first used (PEP 562), so
that the command line does not load what it does not need.
"""

# Nothing is imported here, not even from __future__ or typing. `python -m sockcli` runs this file while the current
# folder is still first on the path, so that a file of that name there would run; `__main__` takes the folder off.
TYPE_CHECKING = False  # type checkers take it for true, as the one of `typing`

if TYPE_CHECKING:
    from sockcli.base.connect_options import DialOptions, ListenOptions, LocalAddress
    from sockcli.base.deadline import Deadline
    from sockcli.base.endpoint import Address, Endpoint, Host, Operation
    from sockcli.connection import Connection
    from sockcli.engine import Engine
    from sockcli.errors import (
        Denied,
        ExitCode,
        Interrupted,
        LocalFailure,
        ManifestError,
        ManifestProblem,
        SockcliError,
        TimedOut,
        Unreachable,
        Unresolved,
        UsageError,
    )
    from sockcli.net.listen import TcpListener
    from sockcli.net.transport import NotReady, Transport
    from sockcli.net.udp import UdpReceiver
    from sockcli.policy import Decision, DecisionObserver, Dropped, Grant, PlacedRule, Policy, Request, Rule
    from sockcli.policy.manifest import Manifest

__version__ = "0.1.0"

# Each public name, by the module that has it. A test compares this with the imports above, which type checkers read.
_HOMES = {
    "sockcli.base.connect_options": ("DialOptions", "ListenOptions", "LocalAddress"),
    "sockcli.base.deadline": ("Deadline",),
    "sockcli.base.endpoint": ("Address", "Endpoint", "Host", "Operation"),
    "sockcli.connection": ("Connection",),
    "sockcli.engine": ("Engine",),
    "sockcli.errors": (
        *("Denied", "ExitCode", "Interrupted", "LocalFailure", "ManifestError", "ManifestProblem"),
        *("SockcliError", "TimedOut", "Unreachable", "Unresolved", "UsageError"),
    ),
    "sockcli.net.listen": ("TcpListener",),
    "sockcli.net.transport": ("NotReady", "Transport"),
    "sockcli.net.udp": ("UdpReceiver",),
    "sockcli.policy": (
        *("Decision", "DecisionObserver", "Dropped", "Grant", "PlacedRule", "Policy", "Request", "Rule"),
    ),
    "sockcli.policy.manifest": ("Manifest",),
}

__all__ = [
    "Address",
    "Connection",
    "Deadline",
    "Decision",
    "DecisionObserver",
    "Denied",
    "DialOptions",
    "Dropped",
    "Endpoint",
    "Engine",
    "ExitCode",
    "Grant",
    "Host",
    "Interrupted",
    "ListenOptions",
    "LocalAddress",
    "LocalFailure",
    "Manifest",
    "ManifestError",
    "ManifestProblem",
    "NotReady",
    "Operation",
    "PlacedRule",
    "Policy",
    "Request",
    "Rule",
    "SockcliError",
    "TcpListener",
    "TimedOut",
    "Transport",
    "UdpReceiver",
    "Unreachable",
    "Unresolved",
    "UsageError",
    "__version__",
]

if not TYPE_CHECKING:
    # Hidden from type checkers: to them, a module with a __getattr__ has every name that anybody asks for.
    def __getattr__(name: str) -> object:
        for home, names in _HOMES.items():
            if name in names:
                from importlib import import_module

                value = globals()[name] = getattr(import_module(home), name)
                return value
        raise AttributeError(f"module 'sockcli' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
