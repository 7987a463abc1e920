"""The command `bnexp`, also as `python -m bnexp`. It takes a second to load, in which Ctrl-C is answered here."""

import sys


def main() -> int:
    """Do what `sys.argv` asks and return the exit code, see `cli.main`."""
    words = sys.argv[1:]
    try:
        from bnexp.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        from bnexp.cli.usage import write_command

        print(f"bnexp: interrupted; start it again with: {write_command(words)}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
