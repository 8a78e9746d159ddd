"""The command's entry: the one place that turns errors into messages and exit codes."""

import sys

if __name__ == "__main__" and sys.path and not sys.flags.safe_path:
    # `python -m` looks for modules in the current folder first, and a click.py that somebody put there would be run.
    # So nothing is imported before this, not even from __future__. What was named in $PYTHONPATH stays.
    del sys.path[0]

import gc
import os
import signal
from collections.abc import Sequence
from typing import TextIO

# More objects than loading a command makes. None of them becomes garbage while it loads; Python's collector would
# look for some after every few hundred, which takes a tenth of the start-up time.
GC_THRESHOLD = 100_000

# Turns the completion of the user's shell on, as click names it.
COMPLETION = "_SOCKCLI_COMPLETE"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the process's exit code. A signal that ended it ends the process."""
    gc.set_threshold(GC_THRESHOLD)
    try:
        return _main(sys.argv[1:] if argv is None else argv)
    finally:
        # The process ends now. Without this, Python would first look for garbage, which takes several milliseconds.
        gc.freeze()


def _main(argv: Sequence[str]) -> int:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # On Ctrl-C while modules load, Python's own handler would print a traceback. Commands that have something to
        # finish on Ctrl-C install a handler of their own later.
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
        return exc.exit_code  # the signal is blocked, so it could not end the process
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

        # The network's errors were translated where they happened. This one came from writing an answer or a help
        # page to stdout, or from the machine, as a lack of memory or descriptors.
        code = _flush_stdout()
        if code == ExitCode.OK:
            report(f"{exc.filename}: {system_reason(exc)}" if exc.filename else system_reason(exc))
        return code or ExitCode.FAILURE
    return code if isinstance(code, int) else ExitCode.OK


def _click(argv: Sequence[str]) -> object:
    """Run the command and return what it returns. click's exceptions become ours."""
    import click

    from sockcli.cli.main import cli
    from sockcli.cli.settings import RunSettings
    from sockcli.errors import Interrupted

    if not _asks_for_completion(argv):
        # click would take any value of it for such a call, do nothing of what was asked, and exit with 0.
        os.environ.pop(COMPLETION, None)
    try:
        # In its standalone mode click would print errors in its own form, and exit with 1 on Ctrl-C.
        return cli.main(list(argv), prog_name="sockcli", standalone_mode=False, obj=RunSettings(is_process=True))
    except click.UsageError as exc:
        from sockcli.cli.settings import send_messages_to
        from sockcli.cli.usage import messages_of, usage_error, wants_events

        error = usage_error(exc)
        if (fd := messages_of(argv)) is not None:
            send_messages_to(fd)
        if wants_events(argv):
            from sockcli.stdio.json_events import JsonEvents

            click.echo(JsonEvents().error(error), nl=False)
        raise error from exc
    except click.Abort:
        raise Interrupted(signal.SIGINT) from None


def _asks_for_completion(argv: Sequence[str]) -> bool:
    """Whether this is a call that the README documents, or one that the script makes which such a call printed.

    Both have no arguments. The second has the words to complete in COMP_WORDS and COMP_CWORD.
    """
    shell, _, what = os.environ.get(COMPLETION, "").partition("_")
    if argv or shell not in ("bash", "zsh", "fish"):
        return False
    return what == "source" or (what == "complete" and "COMP_WORDS" in os.environ and "COMP_CWORD" in os.environ)


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
    # The rest of the buffer cannot be written. Python tries again at its end, and now succeeds quietly.
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
    return code


if __name__ == "__main__":
    raise SystemExit(main())
