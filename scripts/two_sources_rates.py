"""How often intervals over seeds and test examples cover, by the shipped functions, fresh seeds and examples each time.

    nice -n 10 python scripts/two_sources_rates.py [--draws 1000] [--large 100] [--out docs/two-sources-of-chance.md]

Two arms predict N test examples in S seeds. An example is right where a latent score, normal with variance 1, is below
the quantile of the arm's accuracy; the score is the sum of parts of the seed in the arm, of the example, of the example
in the arm, and of the rest. So each arm's accuracy over fresh seeds and examples is known, and with it the difference.
`examples.measure_errors` and `examples.widen` are what `bnexp report` calls; the other rows are what was not taken.

Letters: `S` seeds, `N` test examples.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bnexp.statistics.examples import measure_errors, widen
from bnexp.statistics.intervals_and_tests import LEVEL, deviation, student

Floats = NDArray[np.float64]

GAP: Final = 0.005
"""By how much the accuracy of a is above that of b."""

SEEDS: Final = (6, 10, 20)
EXAMPLES: Final = (297, 10_000)


@dataclass(frozen=True)
class Setting:
    """The accuracy of a, and which shares of the score's variance are the parts'."""

    accuracy: float
    seed: float
    example: float
    both: float

    @property
    def rest(self) -> float:
        """What is left: luck of this arm, seed and example."""
        return 1 - self.seed - self.example - self.both


SETTINGS: Final = (
    Setting(0.98, 0.001, 0.60, 0.10),
    Setting(0.92, 0.001, 0.60, 0.10),
    Setting(0.98, 0.02, 0.60, 0.01),  # mostly seeds' luck
    Setting(0.92, 0.0, 0.40, 0.40),  # mostly examples'
    Setting(0.95, 0.02, 0.40, 0.40),
    Setting(0.95, 0.0, 0.40, 0.0),  # neither: the rest alone
)


def draw(setting: Setting, seeds: int, examples: int, rng: np.random.Generator) -> Floats:
    """Return by how much a is right where b is not [S, N]."""
    shared_N = np.sqrt(setting.example) * rng.standard_normal(examples, dtype=np.float32)
    correct = []
    for accuracy in (setting.accuracy, setting.accuracy - GAP):
        score_SN = np.sqrt(setting.rest) * rng.standard_normal((seeds, examples), dtype=np.float32)
        score_SN += shared_N + np.sqrt(setting.both) * rng.standard_normal(examples, dtype=np.float32)
        score_SN += np.sqrt(setting.seed) * rng.standard_normal((seeds, 1), dtype=np.float32)
        correct.append((score_SN < stats.norm.ppf(accuracy)).astype(float))
    return np.asarray(correct[0] - correct[1])


def find_intervals(d_SN: Floats) -> Mapping[str, tuple[float, float]]:
    """Return the intervals of the mean difference by their names."""
    (seeds, examples), d_S = d_SN.shape, d_SN.mean(axis=1)
    mean, (over_seeds, over_examples, beyond) = float(d_S.mean()), measure_errors(d_SN)
    low, high = (float(end) for end in student(mean, deviation(d_S), seeds))
    return {
        "over seeds alone (Student t)": (low, high),
        "**Howe's rule**": widen(mean, (low, high), beyond, LEVEL, examples),
        "t with Satterthwaite's degrees of freedom": _add(mean, (over_seeds, beyond), (seeds, examples)),
        "variances over seeds and over examples added as they are (the rest counted twice)": _add(
            mean, (over_seeds, over_examples), (seeds, examples)
        ),
    }


def _add(mean: float, errors: tuple[float, float], counts: tuple[int, int]) -> tuple[float, float]:
    """Return mean ± t · √(Σ se²), t with (Σ se²)² / Σ se⁴/(n − 1) degrees of freedom (Satterthwaite 1946)."""
    squares, freedoms = np.square(errors), np.array(counts) - 1
    total = squares.sum()
    freedom = total**2 / (squares**2 / freedoms).sum() if total else 1.0
    half = float(stats.t.ppf((1 + LEVEL) / 2, freedom) * np.sqrt(total))
    return mean - half, mean + half


def measure(setting: Setting, seeds: int, examples: int, draws: int) -> dict[str, float]:
    """Return the share of draws in which each interval covers the difference."""
    rng = np.random.default_rng([SETTINGS.index(setting), seeds, examples])
    found = [find_intervals(draw(setting, seeds, examples, rng)) for _ in range(draws)]
    return {
        name: float(np.mean([low <= GAP <= high for low, high in (one[name] for one in found)])) for name in found[0]
    }


def write_table(draws: Sequence[int]) -> list[str]:
    """Return the lines of the table: coverage over all settings, the lowest and the highest of one."""
    columns = [
        [measure(setting, seeds, examples, count) for setting in SETTINGS for seeds in SEEDS]
        for examples, count in zip(EXAMPLES, draws, strict=True)
    ]
    settings = len(columns[0])
    heads = [
        f"N = {examples:,}, {settings} settings of {count:,} draws: lowest and highest, all together"
        for examples, count in zip(EXAMPLES, draws, strict=True)
    ]
    lines = [f"| interval | {' | '.join(heads)} |", f"|---|{'---|' * len(heads)}"]
    for name in columns[0][0]:
        shares = [100 * np.array([row[name] for row in column]) for column in columns]
        cells = [f"{share.min():.1f} to {share.max():.1f} %, {share.mean():.1f} %" for share in shares]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def replace_table(page: str, lines: Sequence[str]) -> str:
    """Return the page with its table of intervals replaced."""
    old = page.splitlines()
    first = next(place for place, line in enumerate(old) if line.startswith("| interval |"))
    last = next(place for place in range(first, len(old) + 1) if place == len(old) or not old[place].startswith("|"))
    return "\n".join([*old[:first], *lines, *old[last:], ""])


def main(arguments: Sequence[str]) -> None:
    """Measure all settings and put the table into the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=1_000, help=f"of each setting with {EXAMPLES[0]} examples")
    parser.add_argument("--large", type=int, default=100, help=f"with {EXAMPLES[1]:,}")
    parser.add_argument("--out", type=Path, default=Path("docs/two-sources-of-chance.md"))
    asked = parser.parse_args(arguments)
    lines = write_table((asked.draws, asked.large))
    asked.out.write_text(replace_table(asked.out.read_text(encoding="utf-8"), lines), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
