"""Which tables a report has, and how their columns read."""

from typing import Final

import pandas as pd

from bnexp.labels import axis_label, value_label
from bnexp.report import captions
from bnexp.report.coverage import mark_asked
from bnexp.report.estimates import Estimates
from bnexp.report.evidence import Evidence
from bnexp.report.tables import EXAMPLES, Column, Table
from bnexp.statistics.contrasts import MANY
from bnexp.statistics.intervals_and_tests import MEANINGFUL

_COUNTS: Final = (Column("diverged", "diverged"), Column("stuck", "stuck"))
_DIFFERENCE: Final = Column("mean", "a − b (points) [95 %]", "+.2f", 100, ("low", "high"))
_RISKS: Final = (
    Column("risk_a", "a failed (%)", ".0f", 100),
    Column("risk_b", "b failed (%)", ".0f", 100),
    Column("p_risk", "p (failed)", ".3g"),
    Column("next_risk_a", "at the next lr: a", ".0f", 100),
    Column("next_risk_b", "b", ".0f", 100),
)
_BOOTSTRAP: Final = (
    Column("bootstrap_low", "bootstrap from", "+.2f", 100),
    Column("bootstrap_high", "to", "+.2f", 100),
)


def make_result_tables(evidence: Evidence, estimates: Estimates, compared: Estimates) -> list[Table]:
    """Return the tables that have a row: that of all arms, and others about those that are `compared`."""
    tables = [
        _make_effects(evidence, compared),
        _make_interactions(compared),
        _make_finals(evidence, estimates),
        _make_fixed(compared),
        _make_stable(compared),
        _make_sensitivity(compared),
        _make_speed(compared),
        _make_aggregate(compared),
    ]
    return [table for table in tables if len(table.frame)]


def make_diverged_table(evidence: Evidence) -> Table | None:
    """Return the runs that diverged, or nothing if none did."""
    rows = evidence.runs[evidence.runs["diverged"]]
    varied = [name for name in evidence.points.columns if name in rows and name not in ("run", "seed", "step")]
    names = [name for name in varied if evidence.runs[name].nunique() > 1]
    columns = (*(Column(name, axis_label(name)) for name in names), Column("seed", "seed"))
    if rows.empty:
        return None
    return Table(
        "diverged",
        "Diverged runs",
        "The first step whose loss, or the first point at which a parameter, was not finite.",
        rows[["run", *names, "seed", "diverged_step"]].sort_values([*names, "seed"], ignore_index=True),
        (Column("run", "run"), *columns, Column("diverged_step", "step", ",.0f")),
    )


def _list_cell_columns(estimates: Estimates, frame: pd.DataFrame) -> tuple[Column, ...]:
    return tuple(
        Column(name, axis_label(name)) for name in estimates.design.cells if frame[name].nunique() > 1 or len(frame) < 2
    )


def _make_effects(found: Evidence, made: Estimates) -> Table:
    frame = made.effects
    tuned = (Column("lr_a", "lr of a"), Column("lr_b", "lr of b")) if made.design.tuned else ()
    edged = frame[["edge_a", "edge_b"]].any(axis=None)
    tuned = (*tuned, Column("edge_a", "a at the edge"), Column("edge_b", "b at the edge")) if edged else tuned
    resampled = frame["bootstrap_low"].notna().any()  # else, with few seeds, columns that say nothing make it wide
    crossed = frame["crossed_low"].notna().any()
    failed = (frame[["risk_a", "risk_b", "next_risk_a", "next_risk_b"]] > 0).any(axis=None)
    judged = (frame["meaningful"] != "not significant").any()
    notes = (Column("note", "note"),) if frame["note"].astype(bool).any() else ()
    words = (
        "a and b each at the best of its learning rates, chosen on the validation accuracy of the other folds of the "
        "seeds: a difference of the best, not one at a rate"
        if made.design.tuned
        else "runs of the same seed, paired"
    )
    return Table(
        "effects",
        "Paired effects",
        captions.join_sentences(
            words,
            "at the edge: the lr is the lowest or the highest tried, so a better one may lie beyond it"
            if edged
            else "",
            "p: the arms exchanged within seeds, learning rates chosen anew each time, for all rows together by the "
            "step-down maximum (family) and by Holm; family decides. Interval: the differences that this test, of one "
            "row alone, does not reject",
            "n: pairs in which both arms trained, the rest is told as risk; failed: share of an arm's paired runs that "
            "diverged or stayed at chance, at its lr and at the next higher one; p of the difference by Holm"
            if failed
            else "",
            f"P(a > b): share of the seeds in which a is above b; equivalent: within {100 * made.margin:g} points by "
            "two one-sided tests at 5 %, corrected by Holm over all rows",
            f"bootstrap: BCa interval over the pairs, from {MANY} on" if resampled else "",
            "the interval over seeds is about other trainings that are judged by this test set; the one over examples, "
            "too, about other test examples of this kind as well (two-way variance; half-widths add as squares)"
            if crossed
            else "",
            "P(a > b) is significant where its interval, not corrected, leaves out 1/2, and then meaningful where the "
            f"better one wins with a probability above {MEANINGFUL:g} (Bouthillier et al. 2021)"
            if judged
            else "",
            "seeds: how many would show the effect in four of five studies",
            captions.describe_diverged(found.runs, made.design.compared),
            captions.warn_of_short_batches(found.runs),
        ),
        frame,
        (
            Column("evidence", "evidence"),
            *_list_cell_columns(made, frame),
            Column("a", "a"),
            Column("b", "b"),
            *tuned,
            Column("n_trained", "n"),
            _DIFFERENCE,
            *(EXAMPLES if crossed else ()),
            *(_BOOTSTRAP if resampled else ()),
            Column("p_family", "p (family)", ".3g"),
            Column("p_holm", "p (Holm)", ".3g"),
            *(_RISKS if failed else ()),
            Column("probability", "P(a > b)", ".2f", 1, ("probability_low", "probability_high")),
            *((Column("meaningful", "P(a > b) is"),) if judged else ()),
            Column("d_z", "d_z", "+.2f"),
            Column("correlation", "correlation", ".2f"),
            Column("equivalent", "equivalent"),
            Column("seeds_needed", "seeds", ".0f"),
            *notes,
        ),
    )


def _make_interactions(estimates: Estimates) -> Table:
    frame = estimates.interactions
    frame = frame.assign(axis=[axis_label(axis) for axis in frame["axis"]])
    return Table(
        "interactions",
        "Does the difference depend on the setting?",
        "By how much a − b for the first value is above that for the second, all else alike, every arm at the best of "
        "its learning rates. Test and interval as for paired effects, a seed exchanged in both cells at once; p "
        "(family): all rows together by the step-down maximum.",
        frame,
        (
            *_list_cell_columns(estimates, frame),
            Column("axis", "setting"),
            Column("first", "first"),
            Column("second", "second"),
            Column("a", "a"),
            Column("b", "b"),
            Column("n", "n"),
            Column("mean", "difference of a − b (points) [95 %]", "+.2f", 100, ("low", "high")),
            Column("p_family", "p (family)", ".3g"),
            Column("p", "p", ".3g"),
        ),
    )


def _make_finals(evidence: Evidence, estimates: Estimates) -> Table:
    tuned: tuple[Column, ...] = (Column("lr", "lr"), Column("best", "best lr")) if estimates.design.tuned else ()
    marked = (Column("asked", "asked last"),) if evidence.asked_last else ()
    frame = estimates.finals.assign(asked=mark_asked(evidence, estimates)) if marked else estimates.finals
    return Table(
        "finals",
        "All arms",
        captions.join_sentences(
            "test accuracy at the end, mean over the seeds",
            "best lr: the one with the best mean validation accuracy" if estimates.design.tuned else "",
            "stuck: ends within two points of chance",
            "asked last: the last command asked for runs of this arm" if marked else "",
            captions.describe_diverged(evidence.runs, estimates.design.compared),
        ),
        frame,
        (
            *marked,
            *_list_cell_columns(estimates, frame),
            Column("level", axis_label(estimates.design.compared)),
            *tuned,
            Column("mean", "test accuracy (%) [95 %]", ".2f", 100, ("low", "high")),
            Column("n", "n"),
            *_COUNTS,
        ),
    )


def _make_fixed(estimates: Estimates) -> Table:
    return Table(
        "fixed",
        "Paired differences at each learning rate",
        "Both at the same learning rate: intervals and no test, because so many contrasts could not be significant "
        "together.",
        estimates.fixed,
        (
            *_list_cell_columns(estimates, estimates.fixed),
            Column("lr", "lr"),
            Column("a", "a"),
            Column("b", "b"),
            Column("n", "n"),
            _DIFFERENCE,
        ),
    )


def _make_stable(estimates: Estimates) -> Table:
    return Table(
        "stable",
        "Largest learning rates",
        "The largest learning rate tried at which no run diverged or stayed within two points of chance.",
        estimates.stable,
        (
            *_list_cell_columns(estimates, estimates.stable),
            Column("level", axis_label(estimates.design.compared)),
            Column("lr", "lr"),
            Column("edge", "largest tried"),
            Column("n", "n"),
        ),
    )


def _make_sensitivity(estimates: Estimates) -> Table:
    return Table(
        "sensitivity",
        "Sensitivity to the learning rate",
        "Mean over the learning rates of the validation loss (at most that at initialization) above the best one "
        "(Wortsman et al. 2023). 0 for an arm that learns nowhere: read it beside the accuracies.",
        estimates.sensitivity,
        (
            *_list_cell_columns(estimates, estimates.sensitivity),
            Column("level", axis_label(estimates.design.compared)),
            Column("sensitivity", "excess loss (nats) [95 %]", ".3f", 1, ("low", "high")),
            Column("lrs", "learning rates"),
            Column("n", "n"),
        ),
    )


def _make_speed(estimates: Estimates) -> Table:
    name = value_label(estimates.design.compared, estimates.design.levels[0])
    frame = estimates.speed.dropna(subset=["threshold"]) if len(estimates.design.levels) > 1 else estimates.speed[:0]
    return Table(
        "speed",
        "Steps to a threshold",
        f"Steps until the best mean validation accuracy of {name} is first reached at an evaluation. Runs that never "
        "do count at the last step: a restricted mean.",
        frame,
        (
            *_list_cell_columns(estimates, frame),
            Column("level", axis_label(estimates.design.compared)),
            Column("threshold", "threshold (%)", ".2f", 100),
            Column("mean", "steps [95 %]", ",.0f", 1, ("low", "high")),
            Column("reached", "reached"),
            Column("n", "n"),
        ),
    )


def _make_aggregate(estimates: Estimates) -> Table:
    frame = estimates.aggregate if len(estimates.design.levels) > 1 else estimates.aggregate[:0]
    return Table(
        "aggregate",
        "Over all cells and learning rates",
        "Interquartile mean of test accuracy over the runs in all cells and learning rates that every level has, with "
        "a 95 % stratified bootstrap interval over seeds (Agarwal et al. 2021).",
        frame,
        (
            Column("level", axis_label(estimates.design.compared)),
            Column("iqm", "IQM (%) [95 %]", ".2f", 100, ("low", "high")),
            Column("strata", "strata"),
            Column("n", "runs"),
        ),
    )
