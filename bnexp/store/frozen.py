"""A frozen plan: what a confirmation trains, tests and claims, written down before anything of it is trained.

Letters: `A` arms, `C` contrasts.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bnexp.runs import Run, find_acting

_TEXTS: Final = ("frozen", "compared", "metric", "scope")
_SHARES: Final = ("effect", "power", "alpha", "margin")


@dataclass(frozen=True, kw_only=True)
class FrozenArm:
    """An arm at its frozen learning rate: the settings that act, and whether the rate is an `edge` of those tried.

    `tried` are the explored seeds at this rate and `diverged` how many of their runs diverged.
    """

    settings: Mapping[str, Any]
    edge: str = ""
    tried: int = 0
    diverged: int = 0

    def run(self, seed: int) -> Run:
        """Return its run with this seed."""
        return Run(**{**self.settings, "seed": seed})

    def level(self, compared: str) -> Any:
        """Return its value of the axis `compared`, as labels write it: widths as 100-100."""
        value = self.settings[compared]
        return "-".join(map(str, value)) if isinstance(value, list | tuple) else value


@dataclass(frozen=True, kw_only=True)
class FrozenContrast:
    """Two arms of a cell by their numbers: a is foretold to be above b (`direction` 1) or below (−1).

    `n`, `mean` and `sd` are those of the explored differences a − b at the frozen rates, `upper_sd` is the upper limit
    of their deviation for which the seeds are counted.
    """

    cell: Mapping[str, Any]
    a: int
    b: int
    direction: int
    n: int
    mean: float
    sd: float
    upper_sd: float


@dataclass(frozen=True, kw_only=True)
class FrozenPlan:
    """All that is decided before a confirmation trains anything.

    Every contrast is tested on `metric` at level `alpha` for the whole family, and for equivalence at ±`margin`. The
    smallest `effect` that matters is found with at least `power`; `n` seeds do that: those from `first_seed` on, of
    which no arm of the store had one. `frozen` is the time in UTC, `rests_on` are the times of the commands that
    explored, `scope` says whether only what the question is about is tested or all pairs, `left_out` what is not.
    """

    frozen: str
    compared: str
    metric: str
    scope: str
    arms: Sequence[FrozenArm]
    contrasts: Sequence[FrozenContrast]
    effect: float
    power: float
    alpha: float
    margin: float
    n: int
    first_seed: int
    rests_on: Sequence[str] = ()
    left_out: Sequence[str] = ()

    @property
    def seeds(self) -> range:
        """The fresh seeds, the same for all arms."""
        return range(self.first_seed, self.first_seed + self.n)

    @property
    def runs(self) -> list[Run]:
        """Its runs, arm by arm."""
        return [arm.run(seed) for arm in self.arms for seed in self.seeds]

    def encode(self) -> dict[str, Any]:
        """Return the plan as JSON holds it."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self), default=str))
        return plain


def freeze_settings(run: Run) -> dict[str, Any]:
    """Return the settings of `run` that act, without its seed, as plain values."""
    return {name: value for name, value in find_acting(run).items() if value is not None and name != "seed"}


def decode_plan(plain: Any) -> FrozenPlan:
    """Return the plan that `FrozenPlan.encode` wrote; raise `ValueError` if it is none."""
    if not isinstance(plain, dict):
        raise ValueError("no JSON object")
    try:
        parts = {
            "arms": tuple(FrozenArm(**_known(FrozenArm, arm)) for arm in plain["arms"]),
            "contrasts": tuple(FrozenContrast(**_known(FrozenContrast, contrast)) for contrast in plain["contrasts"]),
            **{name: tuple(plain.get(name, ())) for name in ("rests_on", "left_out")},
        }
        plan = FrozenPlan(**{**_known(FrozenPlan, plain), **parts})
        runs = [arm.run(0) for arm in plan.arms]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no frozen plan ({error})") from None
    if len(set(runs)) < len(runs) or not _is_whole(plan):
        raise ValueError("no frozen plan")
    return plan


def _known(kind: type[Any], plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `plain` holds of the fields of `kind`, without those that only another version knows."""
    return {f.name: plain[f.name] for f in dataclasses.fields(kind) if f.name in plain}


def _is_whole(plan: FrozenPlan) -> bool:
    """Whether the values of `plan` can be those of one: people edit files."""
    texts = [getattr(plan, name) for name in _TEXTS]
    shares = [getattr(plan, name) for name in _SHARES]
    numbers = [number for c in plan.contrasts for number in (c.mean, c.sd, c.upper_sd)]
    places = [place for c in plan.contrasts for place in (c.a, c.b)]
    return (
        _are(str, [*texts, *plan.rests_on, *plan.left_out])
        and _are(float, [*shares, *numbers])
        and _are(int, [plan.n, plan.first_seed, *places])
        and _are(dict, [c.cell for c in plan.contrasts])
        and all(0 < share < 1 for share in shares)
        and all(0 <= place < len(plan.arms) for place in places)
        and all(c.direction in (1, -1) for c in plan.contrasts)
        and all(plan.compared in arm.settings for arm in plan.arms)
        and min(plan.n, plan.first_seed + 1, len(plan.contrasts)) > 0
    )


def _are(kind: type[Any], values: Sequence[object]) -> bool:
    return all(isinstance(value, kind) for value in values)
