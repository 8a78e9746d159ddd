"""netcat and telnet in one tool that only goes where its manifest says it may.

As a library: `from sockcli import Engine, Manifest`. The names are imported when they are first used (PEP 562), so
that the command line does not load what it does not need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sockcli.base.endpoint import Operation
    from sockcli.connection import Connection
    from sockcli.engine import Engine
    from sockcli.errors import Denied, ManifestError, SockcliError, TimedOut, Unreachable, Unresolved, UsageError
    from sockcli.policy.manifest import Manifest

__version__ = "0.1.0"

__all__ = [
    "Connection",
    "Denied",
    "Engine",
    "Manifest",
    "ManifestError",
    "Operation",
    "SockcliError",
    "TimedOut",
    "Unreachable",
    "Unresolved",
    "UsageError",
    "__version__",
]

_HOMES = {
    "Connection": "sockcli.connection",
    "Engine": "sockcli.engine",
    "Manifest": "sockcli.policy.manifest",
    "Operation": "sockcli.base.endpoint",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'sockcli' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES.get(name, "sockcli.errors")), name)


def __dir__() -> list[str]:
    return __all__
