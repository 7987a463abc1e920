"""What a shell completes beside Hydra's keys and groups: the subcommands, and the choices of a key."""

from bnexp.choices import is_choice
from bnexp.cli.schema import KEYS
from bnexp.cli.usage import USAGE


def complete(line: str) -> list[str]:
    """Return how the last word of `line`, a command so far, may go on."""
    _, *words = line.split(" ")
    last = words[-1] if words else ""
    key, equals, value = last.partition("=")
    kind = KEYS.get(key)
    if equals and is_choice(kind):
        begun = value.rpartition(",")[2]
        return [last.removesuffix(begun) + choice for choice in kind if choice.startswith(begun)]
    return [name for name in USAGE if name.startswith(last)] if len(words) == 1 else []


def without_plan(line: str) -> str:
    """Return `line` as Hydra completes it: behind `bnexp plan` stands what stands behind `bnexp`."""
    program, _, rest = line.partition(" ")
    return f"{program} {rest.removeprefix('plan ')}" if rest.startswith("plan ") else line
