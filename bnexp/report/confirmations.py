"""What a page says of confirmations: a part of its own, first on the page, of which nothing enters what is explored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from bnexp.errors import UserError
from bnexp.labels import axis_label, number_text, value_label
from bnexp.report import captions
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.tables import EXAMPLES, Column, Table
from bnexp.statistics.confirmation import Confirmation, test_confirmation
from bnexp.statistics.freezing import Wish, freeze_plan, measure_seconds, propose_effect
from bnexp.statistics.grid import build_grid
from bnexp.statistics.looks import DesignChanges, count_additions, count_changes
from bnexp.store.frozen import FrozenPlan
from bnexp.verdicts.confirmation import (
    Settled,
    write_advice,
    write_cell,
    write_changes,
    write_command,
    write_foretold,
    write_headline,
    write_looks,
    write_settled,
    write_state,
)


@dataclass(frozen=True)
class ConfirmedPart:
    """A confirmation as the page shows it: its `state` (frozen, running, confirmed) and what that is in `words`.

    Until all runs are trained `headline` is empty and there are no `verdicts`; `tables` then hold the plan alone.
    `command` froze it.
    """

    state: str
    words: str
    headline: str
    verdicts: Sequence[Settled]
    tables: Sequence[Table]
    command: str

    @property
    def sentences(self) -> list[str]:
        """What the terminal says, line by line."""
        lines = [f"Confirmed: {self.headline}"] if self.headline else []
        return [*lines, self.words, *(f"{verdict.evidence}: {verdict.sentence}" for verdict in self.verdicts)]


def make_confirmed_parts(evidence: Evidence) -> list[ConfirmedPart]:
    """Return a part per store of `evidence` that froze a plan."""
    folders = [str(store.path) for store in evidence.stores]
    found = [(one, folder) for one, folder in zip(evidence.confirmations, folders, strict=True) if one is not None]
    return [_make_part(one, folder, f"-{place}" if place else "") for place, (one, folder) in enumerate(found)]


def _make_part(confirmation: Confirmation, folder: str, suffix: str) -> ConfirmedPart:
    rows = test_confirmation(confirmation)
    verdicts = write_settled(confirmation, rows) if confirmation.complete else []
    tables = [_make_effects(confirmation, rows, f"confirmed{suffix}")] if confirmation.complete else []
    return ConfirmedPart(
        state=confirmation.state,
        words=write_state(confirmation, folder),
        headline=write_headline(verdicts) if verdicts else "",
        verdicts=verdicts,
        tables=[*tables, make_plan_table(confirmation.plan, f"frozen{suffix}")],
        command=confirmation.command,
    )


def _make_effects(confirmation: Confirmation, rows: pd.DataFrame, name: str) -> Table:
    plan = confirmation.plan
    wrong = any(rows[column].any() for side in "ab" for column in (f"diverged_{side}", f"stuck_{side}"))
    crossed = rows["crossed_low"].notna().any()
    counts = [Column(f"{what}_{side}", f"{what} of {side}") for what in ("diverged", "stuck") for side in "ab"]
    risks = [
        Column(f"risk_{side}", f"{side} failed (%) [95 %]", ".0f", 100, (f"risk_low_{side}", f"risk_high_{side}"))
        for side in "ab"
    ]
    risks.append(Column("chance_mean", "a − b with chance (points)", "+.2f", 100))
    caption = captions.join_sentences(
        f"a and b at their frozen learning rates, on {plan.n} fresh seeds, paired; n: those on which both trained, of "
        "which the difference is",
        "interval: Student t; together: as wide as all intervals must be to hold at once (Bonferroni)",
        "these are about other trainings that are judged by this test set; the interval over examples, too, is about "
        "other test examples of this kind as well (two-way variance; half-widths add as squares), each row by itself"
        if crossed
        else "",
        "p: two-sided sign-flip test, and TOST at the margin, both adjusted for all contrasts: at most one hypothesis "
        "of a contrast can be true (Shaffer 1986)",
        captions.describe_training(confirmation.rows.assign(hidden=_join_widths(confirmation.rows))),
    )
    return Table(
        name,
        "Confirmed effects",
        caption,
        rows,
        (
            Column("evidence", "evidence"),
            *(Column(cell, axis_label(cell)) for cell in plan.contrasts[0].cell),
            *(Column(side, side) for side in "ab"),
            *(Column(f"lr_{side}", f"lr of {side}") for side in "ab"),
            Column("n", "n"),
            Column("mean", "a − b (points) [95 %]", "+.2f", 100, ("low", "high")),
            Column("family_low", "together from", "+.2f", 100),
            Column("family_high", "to", "+.2f", 100),
            *(EXAMPLES[:2] if crossed else ()),
            Column("p_family", "p", ".2g"),
            Column("p_equivalence_family", f"p (within {100 * plan.margin:g} points)", ".2g"),
            Column("explored_mean", "explored a − b", "+.2f", 100),
            *((*counts, *risks) if wrong else ()),
            Column("outcome", "outcome"),
        ),
    )


def _join_widths(rows: pd.DataFrame) -> "pd.Series[str]":
    return rows["hidden"].map(lambda widths: "-".join(map(str, widths)))


def make_plan_table(plan: FrozenPlan, name: str = "frozen") -> Table:
    """Return the frozen plan as a table, a row per contrast; the caption says what holds for all of them."""
    family = len(plan.contrasts)
    rows = pd.DataFrame(list(_list_contrasts(plan)))
    caption = captions.join_sentences(
        f"frozen on {plan.frozen[:16]} UTC, before any of it was trained" if plan.frozen else "nothing is frozen yet",
        f"{plan.n} fresh seeds, {plan.seeds[0]} to {plan.seeds[-1]}, for each of {len(plan.arms)} arms",
        f"power at least {plan.power:g} for a difference of {100 * plan.effect:g} points at level "
        f"{plan.alpha:g}{f' / {family}' if family > 1 else ''}, if differences deviate by no more than the upper limit "
        "(80 %) of what was explored",
        f"margin of equivalence {100 * plan.margin:g} points; test two-sided; foretold: the direction",
        f"left out: {'; '.join(plan.left_out)}" if plan.left_out else "",
    )
    return Table(
        name,
        "The frozen plan",
        caption,
        rows,
        (
            Column("cell", "cell"),
            Column("foretold", "foretold"),
            *(Column(f"lr_{side}", f"lr of {side}") for side in "ab"),
            *((Column("edges", "edge of the grid"),) if rows["edges"].any() else ()),
            Column("explored_n", "explored n"),
            Column("explored_mean", "explored a − b (points)", "+.2f", 100),
            Column("explored_sd", "sd", ".2f", 100),
            Column("upper_sd", "upper sd", ".2f", 100),
            Column("n", "n"),
        ),
    )


def _list_contrasts(plan: FrozenPlan) -> Iterator[dict[str, object]]:
    for contrast in plan.contrasts:
        a, b = plan.arms[contrast.a], plan.arms[contrast.b]
        at_edge = [f"{value_label(plan.compared, one.level(plan.compared))}: {one.edge}" for one in (b, a) if one.edge]
        yield {
            "cell": write_cell(contrast) or "all runs",
            "foretold": write_foretold(plan, contrast),
            "lr_a": number_text(float(a.settings["lr"])),
            "lr_b": number_text(float(b.settings["lr"])),
            "edges": ", ".join(at_edge),
            "explored_n": contrast.n,
            "explored_mean": contrast.mean,
            "explored_sd": contrast.sd,
            "upper_sd": contrast.upper_sd,
            "n": plan.n,
        }


def write_next_step(evidence: Evidence, estimates: Estimates) -> tuple[str, str]:
    """Return what would settle what is explored, in words, and the command for it; nothing if a plan is frozen.

    Of several stores none can be confirmed alone, and an incomplete one is explored first.
    """
    if len(evidence.stores) > 1 or any(evidence.confirmations) or not estimates.completeness.complete:
        return "", ""
    grid = build_grid(evidence.runs, estimates.design)
    used, folder = evidence.rows["seed"].tolist(), str(evidence.stores[0].path)
    try:
        effect = propose_effect(grid)
        plan = freeze_plan(grid, Wish(effect, margin=estimates.margin), used=used, frozen="", rests_on=())
    except UserError:  # there is nothing that could be confirmed, or more must be explored first
        return "", ""
    words = [] if effect == Wish.effect else [f"effect={100 * effect:g}"]
    return write_advice(plan, measure_seconds(evidence.runs, plan)), write_command(folder, *words)


def describe_looks(evidence: Evidence) -> str:
    """Return the sentences about what was added to a store after it was looked at; nothing if nothing was.

    Seeds first, then arms, learning rates and questions; of several stores each kind as often as the one with the most.
    """
    stores = [[*records.values()] for records in evidence.records]
    changes = [count_changes(records, evidence.runs) for records in stores]
    most = DesignChanges(*(max(getattr(one, field) for one in changes) for field in ("arms", "rates", "questions")))
    looks = write_looks(max(count_additions(records, evidence.runs) for records in stores))
    return " ".join(filter(None, [looks, write_changes(most)]))
