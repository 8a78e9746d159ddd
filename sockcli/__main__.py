"""The command's entry: the one place that turns errors into messages and exit codes."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TextIO

# More objects than loading a command makes. They all stay, so looking for garbage among them again and again, once
# for every few hundred that are made, finds nothing and takes a tenth of the start.
LOADED = 100_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the process's exit code. A signal that ended it ends the process."""
    gc.set_threshold(LOADED)
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    finally:
        # What is left goes with the process. Python would look through it for garbage first, for several milliseconds.
        gc.freeze()


def _main(argv: Sequence[str]) -> int:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Python's own handler would print a traceback while modules load; a command that has something to
        # finish on Ctrl-C installs its own.
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    from sockcli.stdio.descriptors import fill_closed_descriptors

    fill_closed_descriptors()

    from sockcli.errors import ExitCode, Interrupted

    try:
        code = _run(argv)
    except Interrupted as exc:
        from sockcli.base.interrupts import die_of

        _flush_stdout()
        die_of(exc.signum)
        return exc.exit_code  # the signal is blocked: nothing is left but to say what it was
    return _flush_stdout() or ExitCode(code)


def _run(argv: Sequence[str]) -> int:
    """Run the command, and print what went wrong. Raises Interrupted."""
    from sockcli.cli.settings import report
    from sockcli.errors import ExitCode, Interrupted, OutputGone, SockcliError

    try:
        code = _click(argv)
    except OutputGone:
        return ExitCode.SIGPIPE
    except Interrupted:
        raise
    except SockcliError as exc:
        report(*exc.lines, hint=exc.hint)
        return exc.exit_code
    except OSError as exc:
        from sockcli.base.formatting import system_reason

        # Whatever has an endpoint was translated where it happened. This is a fault of stdout's, where an answer or
        # a help page goes, or one of the machine's.
        code = _flush_stdout()
        if code == ExitCode.OK:
            report(f"{exc.filename}: {system_reason(exc)}" if exc.filename else system_reason(exc))
        return code or ExitCode.FAILURE
    return code if isinstance(code, int) else ExitCode.OK


def _click(argv: Sequence[str]) -> object:
    """What the command returns, with click's own exceptions as ours."""
    import click

    from sockcli.cli.main import cli
    from sockcli.errors import Interrupted

    try:
        # Not in its standalone mode: there click prints in its own form, and turns Ctrl-C into exit 1.
        return cli.main(list(argv), prog_name="sockcli", standalone_mode=False)
    except click.UsageError as exc:
        from sockcli.cli.usage import usage_error, wants_events

        error = usage_error(exc)
        if wants_events(argv):
            from sockcli.stdio.json_events import JsonEvents

            click.echo(JsonEvents().error(error), nl=False)
        raise error from exc
    except click.Abort:
        raise Interrupted(signal.SIGINT) from None


def _flush_stdout() -> int:
    """Write out what Python still holds for stdout; the exit code where that fails, else 0.

    Python does it at its end too, but then prints "Exception ignored" and leaves with 120.
    """
    from sockcli.cli.settings import report
    from sockcli.errors import ExitCode
    from sockcli.stdio.descriptors import STDOUT

    stdout: TextIO | None = sys.stdout
    if stdout is None:  # descriptor 1 was closed when Python started
        return ExitCode.OK
    try:
        stdout.flush()
    except BrokenPipeError:
        code = ExitCode.SIGPIPE
    except OSError as exc:
        from sockcli.base.formatting import system_reason

        report(f"cannot write to stdout: {system_reason(exc)}")
        code = ExitCode.FAILURE
    else:
        return ExitCode.OK
    # What is left in the buffer has nowhere to go; with this Python's own flush at the end is quiet.
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
