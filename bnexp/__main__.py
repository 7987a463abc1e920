"""The command `bnexp`, also as `python -m bnexp`. It takes a second to load, in which Ctrl-C is answered here."""

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

AGAIN: Final = 0.02
"""Seconds after which an interrupt that was lost is sent again: when whatever lost it has ended."""


def main() -> int:
    """Do what `sys.argv` asks and return the exit code, see `cli.main`."""
    words, before, usual = sys.argv[1:], sys.unraisablehook, signal.getsignal(signal.SIGINT)
    pressed: list[int] = []

    def interrupt(number: int, _: object) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    sys.unraisablehook = _repeat_interrupt
    if usual is signal.default_int_handler and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, interrupt)
    try:
        from bnexp.cli.main import main as run

        if pressed:  # and a library that was loading went on as if nothing had been
            raise KeyboardInterrupt
        return run()
    except (KeyboardInterrupt, Exception) as error:
        if not pressed and not isinstance(error, KeyboardInterrupt):
            raise
        # What an interrupt leaves half loaded may end in any other error.
        from bnexp.cli.usage import write_command

        print(f"bnexp: interrupted; start it again with: {write_command(words)}", file=sys.stderr)
        return 130
    finally:
        sys.unraisablehook = before
        if signal.getsignal(signal.SIGINT) is interrupt:
            signal.signal(signal.SIGINT, usual)


def _repeat_interrupt(lost: "UnraisableHookArgs") -> None:
    """Send an interrupt again that Python could only print, as it prints other errors of this kind.

    So is one that comes while a lock of an import or an object is given up: 1 of 967 in Python 3.11 and 2 of 487 in
    3.14 that came while modules were loaded. The command would go on as if nobody had pressed Ctrl-C.
    """
    if lost.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(lost)
        return
    with contextlib.suppress(RuntimeError):  # no thread starts while Python ends
        threading.Timer(AGAIN, os.kill, (os.getpid(), signal.SIGINT)).start()


if __name__ == "__main__":
    sys.exit(main())
