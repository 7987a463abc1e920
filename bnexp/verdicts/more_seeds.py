"""The command that adds seeds to a sweep."""

import re
import shlex


def with_seeds(command: str, total: int) -> str:
    """Return the sweep `command` with so many seeds, those that it has among them.

    A range grows at its end; a list of seeds gets further ones above its largest. What is stored is not trained again.
    """
    words = shlex.split(command)
    asked = [word for word in words if word.startswith("seed=")]
    seeds = _seeds(asked[-1].removeprefix("seed=")) if asked else []
    start = seeds[0] if seeds else 0
    if seeds == list(range(start, start + len(seeds))):
        end = start + max(total, len(seeds))
        text = f"range({end})" if start == 0 else f"range({start},{end})"
    else:
        new = range(max(seeds) + 1, max(seeds) + 1 + max(0, total - len(seeds)))
        text = ",".join(map(str, [*seeds, *new]))
    if not {"-m", "--multirun"} & set(words) and not any(word.startswith("study=") for word in words):
        words.insert(1, "-m")
    return shlex.join([*(word for word in words if not word.startswith("seed=")), f"seed={text}"])


def _seeds(text: str) -> list[int]:
    """Return the seeds that `text` asks for, such as range(10), range(5,10) or 0,1,4; none if it is anything else."""
    numbers = [int(number) for number in re.findall(r"-?\d+", text)]
    if re.fullmatch(r"range\(\s*\d+\s*(,\s*\d+\s*){0,2}\)", text):
        return list(range(*numbers))
    return sorted(set(numbers)) if re.fullmatch(r"\d+(\s*,\s*\d+)*", text) else []
