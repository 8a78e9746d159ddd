"""The command line's entry: turns errors into messages and exit codes."""

from __future__ import annotations


def main() -> int:
    """Run the command line; the result is the process's exit code."""
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
