"""What a peer may do to the user's terminal.

A peer's bytes are typed into the user's shell if the terminal answers them, so only a list of harmless things
passes. Pure: bytes in, bytes out.
"""

from __future__ import annotations

from sockcli.terminal.filter import FilterMode, TerminalFilter, safe_text

__all__ = ["FilterMode", "TerminalFilter", "safe_text"]
