"""The command line: one module a noun, each verb a thin skin over one library call.

Results go to stdout, progress and errors to stderr. Exit status: 0 done, 1 a ``FineGymError`` (one line;
``--traceback`` for more) or Ctrl-C, 2 wrong usage.
"""

from __future__ import annotations

import sys
import traceback

INTERRUPTED = 130  # typer's exit status for Ctrl-C


def main() -> None:
    """Entry point of the ``finegym`` command."""
    from finegym.cli.app import app
    from finegym.errors import FineGymError

    want_traceback = "--traceback" in sys.argv
    arguments = [argument for argument in sys.argv[1:] if argument != "--traceback"]
    try:
        app(arguments, prog_name="finegym")
    except SystemExit as stop:
        if stop.code != INTERRUPTED:
            raise
        print("interrupted; what was finished is kept, run the same command to go on", file=sys.stderr)
        sys.exit(1)
    except (FineGymError, OSError) as error:
        if want_traceback:
            traceback.print_exc()
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(1)
