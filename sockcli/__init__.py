"""netcat and telnet in one tool that only goes where its manifest says it may."""

from __future__ import annotations

__version__ = "0.1.0"
