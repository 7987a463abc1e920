"""Confirmations in words: what was frozen, how far it is, what it settled; and what is left to be settled.

Every sentence about a difference says whether it is explored or confirmed.
"""

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from bnexp.labels import number_text, value_label
from bnexp.statistics.confirmation import Confirmation, limit_risk
from bnexp.statistics.looks import DesignChanges
from bnexp.store.frozen import FrozenContrast, FrozenPlan
from bnexp.verdicts.contrasts import BADGES
from bnexp.verdicts.more_seeds import write_time
from bnexp.verdicts.notes import count_failures, write_margin

KIND: Final[Mapping[str, Literal["better", "equivalent", "undecided", "nothing"]]] = {
    "confirmed": "better",
    "contradicted": "better",
    "equivalent": "equivalent",
    "undecided": "undecided",
    "nothing": "nothing",
}
"""What a verdict is, by the outcome of its contrast."""


@dataclass(frozen=True)
class Settled:
    """The verdict about one frozen contrast: its `facet` (the cell), a `sentence`, its `claim`, and its `outcome`."""

    facet: str
    sentence: str
    claim: str
    outcome: str
    command: None = None

    @property
    def kind(self) -> Literal["better", "equivalent", "undecided", "nothing"]:
        """What it is, in the words of all verdicts."""
        return KIND[self.outcome]

    @property
    def badge(self) -> str:
        """The kind in a word or two."""
        return BADGES[self.kind]

    @property
    def evidence(self) -> str:
        """Whether it claims something, which is then confirmed."""
        return "confirmed" if self.kind in ("better", "equivalent") else "not confirmed"


def write_settled(confirmation: Confirmation, rows: pd.DataFrame) -> list[Settled]:
    """Return a verdict per row of `statistics.confirmation.test_confirmation`."""
    plan = confirmation.plan
    return [_settle(plan, contrast, row) for contrast, row in zip(plan.contrasts, rows.to_dict("records"), strict=True)]


def write_headline(verdicts: Sequence[Settled]) -> str:
    """Return what is confirmed and what is not in one sentence: each claim with the cells of which it holds."""
    order = sorted(verdicts, key=lambda verdict: list(KIND).index(verdict.outcome))
    parts = []
    for claim in dict.fromkeys(verdict.claim for verdict in order):
        places = [verdict.facet for verdict in verdicts if verdict.claim == claim]
        parts.append(f"{claim} for {_join(places)}" if any(places) else claim)
    confirmed = any(verdict.evidence == "confirmed" for verdict in verdicts)
    text = "; ".join(parts if confirmed else ["nothing", *parts])
    return f"{text[0].upper()}{text[1:]}."


def write_state(confirmation: Confirmation, folder: str) -> str:
    """Return how far a confirmation is; nothing of its runs is said before all are trained."""
    plan = confirmation.plan
    when = f"frozen on {plan.frozen[:16]} UTC"
    if confirmation.complete:
        return (
            f"Tested on {plan.n} fresh seeds ({plan.seeds[0]} to {plan.seeds[-1]}) that nothing was chosen on, by "
            f"a plan {when}, before they were trained: one look, and in all of its {len(plan.contrasts)} "
            f"{'contrast' if len(plan.contrasts) == 1 else 'contrasts'} a false claim with a probability of at most "
            f"{100 * plan.alpha:g} %. It is about these arms at their frozen rates, over seeds on which both train: "
            f"the risk that a run fails is told apart. An arm of which none of {plan.n} runs failed may still do so "
            f"in up to {100 * float(limit_risk(0, plan.n)[1]):.0f} of 100 (95 %)."
        )
    return (
        f"A confirmation is {when}: {confirmation.stored:,} of {confirmation.asked:,} runs trained. Nothing of them is "
        f"tested or shown until all are: `{write_command(folder)}` goes on."
    )


def write_command(folder: str, *words: str) -> str:
    """Return the command that confirms the store in `folder`."""
    return shlex.join(["bnexp", "confirm", folder, *words])


def write_advice(plan: FrozenPlan, seconds: float) -> str:
    """Return what confirming would take by `plan`; `seconds` of one core, NaN if unknown."""
    time = f", about {write_time(seconds)}" if not math.isnan(seconds) else ""
    return (
        f"These verdicts are explored: learning rates, contrasts and the wish to look again were chosen on the same "
        f"seeds. Fresh seeds at frozen choices settle them: {plan.n} seeds for each of {len(plan.arms)} arms{time}, "
        f"for differences of {100 * plan.effect:g} pp."
    )


def write_looks(additions: int) -> str:
    """Return what adding seeds and looking again does to the stated p; nothing if no command added any."""
    if not additions:
        return ""
    have = "1 command has" if additions == 1 else f"{additions} commands have"
    return f"{_ordinal(additions + 1)} look at an explored store: {have} added seeds; the stated p holds for one look."


def write_changes(changes: DesignChanges) -> str:
    """Return what of the design changed after data could be seen; nothing if nothing did."""
    parts = [
        f"{_commands(count)} {what}"
        for count, what in (
            (changes.arms, "added arms"),
            (changes.rates, "added learning rates"),
            (changes.questions, "asked another question"),
        )
        if count
    ]
    if not parts:
        return ""
    return (
        f"The design changed after data could be seen: after the first command, {_join(parts)}; no stated p allows for "
        "what was added or asked because of them."
    )


def _commands(count: int) -> str:
    return "one command" if count == 1 else f"{count} commands"


def write_foretold(plan: FrozenPlan, contrast: FrozenContrast) -> str:
    """Return what a contrast foretells, such as post > pre."""
    a, b = _names(plan, contrast)
    return f"{a} {'>' if contrast.direction > 0 else '<'} {b}"


def write_cell(contrast: FrozenContrast) -> str:
    """Return the settings of a contrast's cell in words."""
    return " / ".join(value_label(name, value) for name, value in contrast.cell.items())


def _names(plan: FrozenPlan, contrast: FrozenContrast) -> tuple[str, str]:
    a, b = (value_label(plan.compared, plan.arms[side].level(plan.compared)) for side in (contrast.a, contrast.b))
    return a, b


def _settle(plan: FrozenPlan, contrast: FrozenContrast, row: Mapping[Any, Any]) -> Settled:
    claim = _write_claim(plan, contrast, row)
    place = ", ".join(filter(None, [write_cell(contrast), _rates(plan, contrast)]))
    text = "; ".join([f"{claim}: {_numbers(plan, contrast, row)}", *_mishaps(plan, contrast, row)])
    return Settled(write_cell(contrast), f"{place}: {text}." if place else f"{text}.", claim, row["outcome"])


def _write_claim(plan: FrozenPlan, contrast: FrozenContrast, row: Mapping[Any, Any]) -> str:
    a, b = _names(plan, contrast)
    better, worse = (a, b) if row["mean"] > 0 else (b, a)
    margin = write_margin(plan.margin, plan.metric)
    bound = f" by less than {margin}" if row["p_equivalence_family"] <= plan.alpha else ""
    match row["outcome"]:
        case "confirmed":
            return f"{better} is better than {worse}{bound}"
        case "contradicted":
            return f"{better} is better than {worse}{bound}, against what was foretold"
        case "equivalent":
            return f"no difference larger than {margin} between {b} and {a}"
        case "nothing":
            return f"nothing to compare between {b} and {a}, of which the better one did not learn"
        case _:
            return f"not decided between {b} and {a}"


def _numbers(plan: FrozenPlan, contrast: FrozenContrast, row: Mapping[Any, Any]) -> str:
    a, b = _names(plan, contrast)
    together = f", {len(plan.contrasts)} intervals together" if len(plan.contrasts) > 1 else ""
    interval = f"[{_points(row['family_low'])}, {_points(row['family_high'])}] (95 %{together})"
    p = f"p = {row['p_family']:.2g}" if pd.notna(row["p_family"]) else "not tested"
    if row["outcome"] == "equivalent":
        p += f", TOST p = {row['p_equivalence_family']:.2g}"
    explored = f"explored {_points(row['explored_mean'], sign=True)} pp"
    if not row["n"]:
        return f"on none of {row['asked_n']} fresh seeds both trained; {explored}"
    whole = f"{row['n']} fresh paired seeds"
    seeds = (
        whole if row["n"] == row["asked_n"] else f"{row['n']} of {row['asked_n']} fresh seeds, on which both trained"
    )
    return (
        f"{a} − {b} = {_points(row['mean'], sign=True)} pp of {plan.metric.replace('_', ' ')} "
        f"{interval}{_crossed(row)}, n = {seeds}, {p}; {explored}"
    )


def _crossed(row: Mapping[Any, Any]) -> str:
    """Return the interval over seeds and test examples, and whether a finding is about these examples alone."""
    if pd.isna(row["crossed_low"]):
        return ""
    both = (
        f" over seeds, [{_points(row['crossed_low'])}, {_points(row['crossed_high'])}] (95 %) over seeds and examples"
    )
    differs = row["outcome"] in ("confirmed", "contradicted")
    alone = row["crossed_low"] <= 0 <= row["crossed_high"] if differs else not row["crossed_equivalent"]
    if row["outcome"] not in ("confirmed", "contradicted", "equivalent") or not alone:
        return both
    number = f"{row['test_examples']:,.0f}"
    return f"{both} (shown for other trainings judged by these {number} test examples, not for other test examples)"


def _mishaps(plan: FrozenPlan, contrast: FrozenContrast, row: Mapping[Any, Any]) -> list[str]:
    """Return of which arms runs failed, with the limits of the risk, and the difference with failed runs at chance."""
    texts = [
        f"{name} {count_failures(row['asked_n'], row[f'diverged_{side}'], row[f'stuck_{side}'])}: a risk of "
        f"{100 * row[f'risk_low_{side}']:.0f} to {100 * row[f'risk_high_{side}']:.0f} of 100 (95 %)"
        for side, name in zip("ab", _names(plan, contrast), strict=True)
        if row[f"risk_{side}"]
    ]
    if texts and row["n"] < row["asked_n"]:
        texts.append(f"with failed runs at chance it would be {_points(row['chance_mean'], sign=True)} pp")
    elif texts:
        texts.append("a failed run counts at chance, because an arm never trained")
    return texts


def _rates(plan: FrozenPlan, contrast: FrozenContrast) -> str:
    """Return the frozen learning rates, edges of the explored grid marked."""
    texts = []
    for side, name in zip((contrast.b, contrast.a), reversed(_names(plan, contrast)), strict=True):
        arm = plan.arms[side]
        edge = f", the {arm.edge} tried" if arm.edge else ""
        texts.append(f"{name} {number_text(float(arm.settings['lr']))}{edge}")
    return f"frozen lr ({'; '.join(texts)})" if plan.compared != "lr" else ""


def _points(value: float, *, sign: bool = False) -> str:
    """Return a difference of accuracies in percentage points."""
    text = f"{100 * value:{'+' if sign else ''}.2f}"
    return text.replace("-", "−")


def _ordinal(number: int) -> str:
    words = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth")
    return words[number - 1] if number <= len(words) else f"{number}th"


def _join(places: Sequence[str]) -> str:
    return ", ".join(places[:-1]) + (" and " if len(places) > 1 else "") + places[-1]
