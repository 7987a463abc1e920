"""Why a gap has its sign: hypotheses and what interventions made of them, what predicts gaps, what parts contribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from bnexp.choices import Activation, FigureForm
from bnexp.figures.form import FORMS, shrink
from bnexp.figures.kinds.dots import draw_dots
from bnexp.figures.kinds.prediction import draw_prediction
from bnexp.figures.style import Words
from bnexp.labels import sort_values
from bnexp.report import captions
from bnexp.report.evidence import Evidence
from bnexp.report.figure import ReportFigure
from bnexp.report.tables import Column, Table
from bnexp.runs import Run
from bnexp.statistics.hypotheses import Hypothesis, read_hypotheses
from bnexp.statistics.interventions import (
    find_base,
    find_base_runs,
    judge_hypotheses,
    measure_contributions,
    measure_gaps,
    measure_interventions,
)
from bnexp.statistics.mediation import predict_gaps, probe_candidates, rank_candidates
from bnexp.theory.moments import compute_moments, find_twins
from bnexp.verdicts.hypotheses import Judged, summarize, write_judged

GAP: Final = "post − pre (percentage points of test accuracy)"

WIDEST: Final = 250
"""Percent of a gap beyond which the interval of a share is cut off in its figure."""


NAMED: Final = {"none": "no normalization", "batch": "batch normalization"}
"""What a normalizer is held against, in words."""


@dataclass(frozen=True)
class Mechanism:
    """What a store says about why: frames of `interventions` and `mediation`, `twins` left out of the latter.

    `gaps` are at the `base`; `candidates` has a row per activation, `ranked` a row per candidate.
    """

    base: Run
    hypotheses: tuple[Hypothesis, ...]
    gaps: pd.DataFrame
    measured: pd.DataFrame
    judged: pd.DataFrame
    candidates: pd.DataFrame
    ranked: pd.DataFrame
    twins: dict[Activation, Activation]

    @property
    def verdicts(self) -> list[Judged]:
        """The verdicts in words."""
        return write_judged(self.hypotheses, self.measured, self.judged)


def read_mechanism(evidence: Evidence) -> Mechanism | None:
    """Return what `evidence` says about the hypotheses that its study wrote down; None where it has none."""
    written = evidence.study.get("hypotheses") or ()
    if not written or not {"pre", "post"} <= set(evidence.runs["placement"]):
        return None
    hypotheses, runs = read_hypotheses(written), evidence.runs[evidence.runs["activation"].isin(list(Activation))]
    base = find_base(runs)
    gaps = measure_gaps(runs, base)
    gaps = gaps.set_index("activation").loc[sort_values("activation", gaps["activation"])].reset_index()
    measured = measure_interventions(runs, base, hypotheses)
    twins = find_twins([Activation(name) for name in gaps["activation"]])
    alone = gaps[~gaps["activation"].isin(twins)]
    candidates = _make_candidates(evidence, base, list(alone["activation"]))
    judged = judge_hypotheses(measured)
    return Mechanism(base, hypotheses, gaps, measured, judged, candidates, rank_candidates(alone, candidates), twins)


def _make_candidates(evidence: Evidence, base: Run, activations: Sequence[str]) -> pd.DataFrame:
    """Return moments of each activation and, where they were measured, its probes."""
    theory = pd.DataFrame({name: compute_moments(Activation(name)) for name in activations}).T
    runs = find_base_runs(evidence.runs, base)
    measured = runs[runs["probes"].isin(["basic", "full"]) & runs["activation"].isin(activations)]
    if measured.empty:
        return theory
    return theory.join(probe_candidates(evidence.layers(measured), measured))


def make_summary(mechanism: Mechanism) -> Table:
    """Return the table of the hypotheses, a row each."""
    frame = summarize(mechanism.hypotheses, mechanism.measured, mechanism.judged)
    caption = captions.join_sentences(
        "of the gap post − pre: the share that closes under the change, for the activation that says most against the "
        "prediction, with Fieller's interval over paired seeds",
        "below 0 the gap has grown; missing where the gap's interval holds 0, or nothing is trained",
    )
    columns = (
        Column("hypothesis", "hypothesis"), Column("prediction", "prediction"), Column("activation", "decided by"),
        Column("n", "n"), Column("share", "closed (%) [95 %]", ".0f", 100, ("low", "high")),
        Column("verdict", "verdict"),
    )  # fmt: skip
    return Table("hypotheses", "Hypotheses", caption, frame, columns)


def make_tables(mechanism: Mechanism) -> list[Table]:
    """Return the interventions, and the candidates that predict the gaps."""
    n = f"paired seeds; base: {_describe(mechanism.base)}"
    tables = [
        Table(
            "interventions",
            "Interventions",
            captions.join_sentences(
                f"post − pre at the base and under the change, in points, {n}",
                "closed: 1 − changed/base in percent, Fieller's interval; missing where the interval of the gap at the "
                "base holds 0",
                "p: one-sided paired t tests, of one activation; a prediction is borne out or wrong at 0.025",
            ),
            mechanism.measured,
            (
                Column("hypothesis", "hypothesis"),
                Column("change", "change"),
                Column("side", "of"),
                Column("activation", "activation"),
                Column("n", "n"),
                Column("base_mean", "base (points) [95 %]", "+.2f", 100, ("base_low", "base_high")),
                Column("changed_mean", "changed (points) [95 %]", "+.2f", 100, ("changed_low", "changed_high")),
                Column("share", "closed (%) [95 %]", ".0f", 100, ("low", "high")),
                Column("p_right", "p (borne out)", ".2g"),
                Column("p_wrong", "p (wrong)", ".2g"),
            ),
        )
    ]
    if len(mechanism.ranked):
        left_out = [f"{one} ({other})" for one, other in mechanism.twins.items()]
        tables.append(
            Table(
                "predictors",
                "What predicts the gap",
                captions.join_sentences(
                    f"{mechanism.ranked['activations'].iloc[0]} activations, each left out of its own prediction by a "
                    "line",
                    "R²: 1 for a perfect prediction, 0 for none better than the mean of the others; may be negative",
                    f"p (family): gaps exchanged over activations, greatest R² of all {len(mechanism.ranked)} "
                    "candidates",
                    f"left out as affine maps of another one: {', '.join(left_out)}" if left_out else "",
                ),
                mechanism.ranked,
                (
                    Column("candidate", "candidate"),
                    Column("activations", "activations"),
                    Column("r", "r", "+.2f"),
                    Column("r2", "R² (left out)", "+.2f"),
                    Column("p", "p", ".2g"),
                    Column("p_family", "p (family)", ".2g"),
                ),
            )
        )
    return tables


def make_mechanism_figures(evidence: Evidence, mechanism: Mechanism, form: FigureForm) -> list[ReportFigure]:
    """Return the gaps, what interventions close of them, and predicted against measured, as far as there is any."""
    command = captions.describe_command(evidence.sweeps)
    title = captions.data_titles(evidence.runs)
    trained = captions.describe_training(find_base_runs(evidence.runs, mechanism.base))
    figures = [draw_gaps(mechanism.gaps, f"{title}: post\u00a0−\u00a0pre by activation", f"{trained}. {command}", form)]
    if mechanism.measured["share"].notna().any():
        figures.append(_draw_closing(mechanism, f"{title}: share of the gap that closes", command, form))
    if len(mechanism.ranked):
        figures.append(
            _draw_prediction(mechanism, f"{title}: post\u00a0−\u00a0pre, predicted and measured", command, form)
        )
    for figure in figures:
        shrink(figure.figure, FORMS[form])
    return figures


def draw_gaps(gaps: pd.DataFrame, title: str, caption: str, form: FigureForm) -> ReportFigure:
    """Draw post − pre by activation, greatest last; where `gaps` has evidence, a series for each kind of it."""
    frame = gaps if "evidence" in gaps else gaps.assign(evidence="explored")
    order = frame.groupby("activation")["mean"].mean().sort_values().index
    frame = frame.set_index("activation").loc[list(order)].reset_index()
    points = _to_points(frame, panel="", row="activation", series="evidence")
    n = ", ".join(f"{name} {_count(part)}" for name, part in frame.groupby("evidence", sort=False))
    intervals = "" if "evidence" in gaps else "95 % Student t intervals over "
    how = f"{intervals}paired seeds: {n}. {caption}"
    how = how[0].upper() + how[1:]
    figure = draw_dots(points, Words(title, how, FORMS[form]), label=GAP)
    return ReportFigure("gaps", "The gap by activation", title, figure, frame)


def draw_contributions(evidence: Evidence, form: FigureForm) -> tuple[pd.DataFrame, ReportFigure | None]:
    """Return what each normalizer gains over none, or over batch normalization, as a frame and, if any, a figure."""
    frame = measure_contributions(evidence.runs, find_base(evidence.runs))
    if frame.empty:
        return frame, None
    frame = frame.assign(series=frame["placement"])
    points = _to_points(frame, panel="activation", row="kind", series="series")
    against = NAMED[frame["against"].iloc[0]]
    title = f"{captions.data_titles(evidence.runs)}: accuracy against {against}"
    caption = captions.join_sentences(
        captions.describe_training(evidence.runs),
        f"95 % Student t intervals over paired seeds, {_count(frame)}",
    )
    words = Words(title, f"{caption}\n{captions.describe_command(evidence.sweeps)}", FORMS[form])
    label = f"normalizer − {frame['against'].iloc[0]} (percentage points of test accuracy)"
    figure = ReportFigure("contributions", title, title, draw_dots(points, words, label=label, columns=2), frame)
    shrink(figure.figure, FORMS[form])
    return frame, figure


def _draw_closing(mechanism: Mechanism, title: str, command: str, form: FigureForm) -> ReportFigure:
    frame = mechanism.measured[mechanism.measured["share"].notna()]
    verdict = mechanism.judged.set_index("hypothesis")["verdict"]
    names = frame["hypothesis"] + ": " + frame["hypothesis"].map(verdict) + ", " + frame["change"]
    sides = frame["side"].map({"both": "", "pre": " (pre)", "post": " (post)"})
    sign = frame["predicts"].map({"closes": 1, "enlarges": -1, "leaves": 1})
    held = frame["held_out"].map({True: "held out", False: "formed on"})
    points = _to_points(frame.assign(panel=names + sides, series=held), "panel", "activation", "series", "share")
    points["mark"] = (100 * sign * frame["stated"]).to_numpy()
    caption = captions.join_sentences(
        "0: the gap is as it was; 100: it is gone; below 0: it has grown; dashed: the stated share",
        f"Fieller intervals (95 %) over paired seeds, {_count(frame)}, cut off beyond ±{WIDEST} %",
        "activations whose gap's interval holds 0 are left out",
    )
    words = Words(title, f"{caption}\n{command}", FORMS[form])
    label = "share of post − pre that closes (%)"
    figure = draw_dots(points, words, label=label, columns=3, limits=(-WIDEST, WIDEST))
    return ReportFigure("closing", "What interventions close of the gap", title, figure, frame)


def _draw_prediction(mechanism: Mechanism, title: str, command: str, form: FigureForm) -> ReportFigure:
    best = mechanism.ranked.iloc[0]
    alone = mechanism.gaps[~mechanism.gaps["activation"].isin(mechanism.twins)]
    frame = predict_gaps(alone, mechanism.candidates, best["candidate"])
    columns = ["mean", "low", "high", "predicted"]
    points = frame.assign(**{name: 100 * frame[name] for name in columns})
    heading = f"{best['candidate']}: R² {best['r2']:.2f}, p {best['p_family']:.2g} among {len(mechanism.ranked)}"
    caption = captions.join_sentences(
        "Each activation is predicted by the line through all others; dashed: both are equal",
        f"R² of these predictions; p: exchanges over {len(frame)} activations, greatest of all candidates",
        "bars: 95 % Student t intervals over seeds",
    )
    words = Words(title, f"{caption}\n{command}", FORMS[form])
    figure = draw_prediction([(heading.replace("-", "−"), points)], words, label=GAP)
    return ReportFigure("predicted", "Predicted and measured gaps", title, figure, frame)


def _to_points(frame: pd.DataFrame, panel: str, row: str, series: str, value: str = "mean") -> pd.DataFrame:
    points = pd.DataFrame({"row": frame[row], "series": frame[series], "mean": 100 * frame[value]})
    points = points.assign(low=100 * frame["low"], high=100 * frame["high"], mark=float("nan"))
    return points.assign(panel=frame[panel] if panel else "")


def _count(frame: pd.DataFrame) -> str:
    few, many = int(frame["n"].min()), int(frame["n"].max())
    return f"n = {few}" if few == many else f"n = {few} to {many}"


def _describe(base: Run) -> str:
    return (
        f"norm.kind={base.norm_kind}, lr {base.lr:g}, batches of {base.batch_size}, {base.steps:,} steps, "
        f"norm.statistics={base.norm_statistics}"
    )
