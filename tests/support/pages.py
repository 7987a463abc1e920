"""A made-up report: 3 placements × 3 activations × 5 learning rates, with numbers of a plausible size and shape."""

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure as Drawing

from bnexp.figures.export import render
from bnexp.report.confirmations import ConfirmedPart
from bnexp.report.explorer import Level, make_explorer
from bnexp.report.page import Figure, Page
from bnexp.report.tables import Column, Table
from bnexp.verdicts.confirmation import Settled

PLACEMENTS, ACTIVATIONS, LRS = ("none", "pre", "post"), ("relu", "tanh", "sigmoid"), (0.01, 0.03, 0.1, 0.3, 1.0)
LEVELS = (
    Level("none", "none", "#000000", "1 2"),
    Level("pre", "pre (BN → activation)", "#0072B2"),
    Level("post", "post (activation → BN)", "#D55E00", "7 3"),
)
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='hacked = 1'> & \"{{ 7*7 }}\" | *a* `b`"
COMMAND = "bnexp -m study=placement activation=tanh,relu,sigmoid 'seed=range(10)' data=mnist epochs=3"
N = 10


@dataclass(frozen=True)
class Answer:
    facet: str
    sentence: str
    command: str | None
    kind: Literal["better", "equivalent", "undecided", "nothing"]
    badge: str


VERDICTS = (
    Answer(
        "relu",
        "Best lr per arm (none 0.1, pre 0.1, post 0.3): no difference between pre and post larger than 0.1 pp of test "
        "accuracy: 0.02 pp [−0.05, 0.09], n = 10 paired seeds, TOST p = 0.01. Both are better "
        "than none by at least 0.3 pp.",
        None,
        "equivalent",
        "no difference",
    ),
    Answer(
        "tanh",
        "Best lr per arm (pre 0.3, post 0.1): post is better than pre by 0.21 pp of test accuracy [0.12, 0.30], n = 10 "
        "paired seeds, Holm p = 0.02; P(post > pre) = 0.9.",
        None,
        "better",
        "difference",
    ),
    Answer(
        "sigmoid",
        "Best lr per arm (pre 0.3, post 1 at the edge of the grid): undecided: 0.08 pp [−0.06, 0.22], n = 10 paired "
        "seeds; 8 more seeds would be needed.",
        "bnexp -m study=placement activation=sigmoid 'seed=range(18)'",
        "undecided",
        "undecided",
    ),
)


def accuracy(placement: str, activation: str, lr: float) -> float:
    """Return a final accuracy with its peak at another learning rate for each placement."""
    peak = {"none": 0.97, "pre": 0.977, "post": 0.9775}[placement] - 0.008 * ACTIVATIONS.index(activation)
    best = {"none": -1.5, "pre": -0.8, "post": -0.6}[placement]
    return peak - (0.03 if placement == "none" else 0.006) * (np.log10(lr) - best) ** 2


def finals() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    rows = []
    for activation in ACTIVATIONS:
        for placement in PLACEMENTS:
            for lr in LRS:
                diverged = 4 if (placement, lr) == ("none", 1.0) else 0
                mean = accuracy(placement, activation, lr) - 0.3 * diverged / N + rng.normal(0, 0.0004)
                half = 0.0008 + 0.1 * (diverged > 0)
                rows.append((activation, placement, lr, mean, mean - half, mean + half, N, diverged, 0))
    names = ["activation", "placement", "lr", "mean", "low", "high", "n", "diverged", "stuck"]
    frame = pd.DataFrame(rows, columns=names)
    frame["placement"] = pd.Categorical(frame["placement"], PLACEMENTS, ordered=True)
    frame["best"] = frame["mean"] == frame.groupby(["activation", "placement"], observed=True)["mean"].transform("max")
    return frame


def effects() -> pd.DataFrame:
    rows = [
        ("relu", "post", "pre", "0.3", "0.1", 0.0002, 0.00035, 0.41, 0.84, "significant, not meaningful", ""),
        ("relu", "pre", "none", "0.1", "0.03", 0.0071, 0.0009, 0.62, 0.002, "significant and meaningful", ""),
        ("relu", "post", "none", "0.3", "0.03", 0.0073, 0.0008, 0.55, 0.002, "significant and meaningful", ""),
        ("tanh", "post", "pre", "0.1", "0.3", 0.0021, 0.0009, 0.71, 0.02, "significant and meaningful", ""),
        ("tanh", "pre", "none", "0.3", "0.03", 0.0064, 0.0010, 0.48, 0.002, "significant and meaningful", ""),
        ("tanh", "post", "none", "0.1", "0.03", 0.0085, 0.0011, 0.50, 0.002, "significant and meaningful", ""),
        ("sigmoid", "post", "pre", "1", "0.3", 0.0008, 0.0014, 0.12, 0.31, "not significant", "lr of post at the edge"),
        ("sigmoid", "pre", "none", "0.3", "0.03", 0.0071, 0.0012, 0.33, 0.002, "significant and meaningful", ""),
        ("sigmoid", "post", "none", "1", "0.03 | 0.1", -0.0003, 0.0031, 0.2, np.nan, "", "n = 5: 9 seeds are needed"),
    ]
    names = ["activation", "a", "b", "lr_a", "lr_b", "mean", "half", "correlation", "p_holm", "meaningful", "note"]
    frame = pd.DataFrame(rows, columns=names)
    frame["low"], frame["high"], frame["n"] = frame["mean"] - frame["half"], frame["mean"] + frame["half"], N
    return frame.drop(columns="half")


def curves(lrs: tuple[float, ...] = LRS, points: int = 60) -> pd.DataFrame:
    """Return estimates with the columns of `statistics.curves`."""
    step = np.linspace(0, 2500, points).round().astype(int)
    parts = []
    for activation in ACTIVATIONS:
        for placement in PLACEMENTS:
            for lr in lrs:
                rise = 1 - np.exp(-step / (120 + 30 / lr))
                for metric in ("train_loss", "validation_loss", "validation_accuracy", "test_accuracy"):
                    end = accuracy(placement, activation, lr)
                    mean = (
                        0.1 + (end - 0.1) * rise if metric.endswith("accuracy") else 2.3 - (2.3 - 3 * (1 - end)) * rise
                    )
                    half = 0.004 * (1.2 - rise)
                    arm = {"activation": activation, "placement": placement, "lr": lr, "metric": metric, "n": N}
                    parts.append(
                        pd.DataFrame({**arm, "step": step, "mean": mean, "low": mean - half, "high": mean + half})
                    )
    return pd.concat(parts, ignore_index=True)


def svg(draw: Any, width: float, height: float) -> str:
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bnexp", "axes.spines.top": False}):
        drawing = Drawing(figsize=(width, height), layout="constrained", facecolor="none")
        FigureCanvasSVG(drawing)
        draw(drawing)
        return render(drawing, "svg", draw.__name__).decode()


def forest(drawing: Drawing) -> None:
    frame = effects().iloc[::-1].reset_index(drop=True)
    axes = drawing.subplots()
    axes.errorbar(
        100 * frame["mean"],
        frame.index,
        xerr=100 * (frame["high"] - frame["mean"]),
        fmt="o",
        color="#0072B2",
        capsize=3,
    )
    axes.axvline(0, color="#444444", linewidth=0.8)
    axes.axvspan(-0.1, 0.1, color="#cccccc", alpha=0.5, linewidth=0)
    axes.set_yticks(frame.index, frame["activation"] + ": " + frame["a"] + " − " + frame["b"])
    axes.set_xlabel("difference of test accuracy (percentage points)")


def against_lr(drawing: Drawing) -> None:
    frame = finals()
    for axes, activation in zip(drawing.subplots(1, 3, sharey=True), ACTIVATIONS, strict=True):
        for level in LEVELS:
            arms = frame[(frame["activation"] == activation) & (frame["placement"] == level.name)]
            axes.plot(arms["lr"], 100 * arms["mean"], color=level.colour, marker="o", label=level.name)
        axes.set_xscale("log")
        axes.set_title(activation)
        axes.set_xlabel("learning rate")


FOREST = Figure(
    "effects",
    "Paired differences of test accuracy",
    svg(forest, 8.4, 4.2),
    "Forest plot of nine differences; those to none lie between 0.6 and 0.9 points, those of post and pre near 0.",
    ("figures/effects.svg", "figures/effects.csv"),
)

SENSITIVITY = Figure(
    "lr",
    "Test accuracy against learning rate",
    svg(against_lr, 11, 3.6),
    "Three panels of lines; none falls at high learning rates, pre and post stay flat.",
    ("figures/lr.svg",),
)

FINALS = Table(
    "finals",
    "Accuracy at the end",
    "Test accuracy in percent, mean and 95 % Student t interval over n seeds. Best: chosen on validation.",
    finals(),
    (
        Column("activation", "activation"),
        Column("placement", "placement"),
        Column("lr", "lr"),
        Column("mean", "test accuracy (%)", ".2f", 100, ("low", "high")),
        Column("n", "n"),
        Column("diverged", "diverged"),
        Column("stuck", "stuck"),
        Column("best", "best"),
    ),
    ("tables/finals.csv", "tables/finals.tex"),
)

EFFECTS = Table(
    "effects",
    "Effects at the best learning rates",
    "Differences a − b of test accuracy in percentage points, 95 % interval, Holm over 9 contrasts.",
    effects(),
    (
        Column("activation", "activation"),
        Column("a", "a"),
        Column("b", "b"),
        Column("lr_a", "lr of a"),
        Column("lr_b", "lr of b"),
        Column("mean", "a − b (pp)", "+.2f", 100, ("low", "high")),
        Column("n", "n"),
        Column("correlation", "correlation", ".2f"),
        Column("p_holm", "p (Holm)", ".2g"),
        Column("meaningful", "verdict"),
        Column("note", "note"),
    ),
    ("tables/effects.csv", "tables/effects.tex"),
)

DIVERGED = Table(
    "diverged",
    "Runs that left the numbers",
    "A non-finite loss or parameter; in every mean they count at chance accuracy.",
    pd.DataFrame(
        {
            "run": ["3f2a61c0", "a01b77de"],
            "activation": ["relu", "tanh"],
            "lr": [1.0, 1.0],
            "seed": [3, 7],
            "step": [41, 388],
        }
    ),
    tuple(Column(name, name) for name in ("run", "activation", "lr", "seed", "step")),
)

PAGE = Page(
    title="placement on MNIST",
    question="Should batch normalization stand before or after the activation?",
    headline="It depends on the activation: after is better for tanh, by 0.21 pp; relu does not care; sigmoid is open.",
    asked="",
    missing="",
    damaged=(),
    left_out="",
    verdicts=VERDICTS,
    main=(FOREST,),
    tables=(EFFECTS, FINALS),
    figures=(SENSITIVITY,),
    explorer=make_explorer(
        curves(),
        "placement",
        LEVELS,
        ("activation", "lr"),
        start={"activation": "tanh", "lr": 0.1},
        caption="Lines: mean over the n seeds; bands: 95 % Student t interval. "
        "Training loss: mean since the point before.",
    ),
    diverged=DIVERGED,
    commands=(COMMAND,),
    provenance=(
        ("date", "2026-11-24"),
        ("commit", "835e518c1f0e44aa3b1c7d0b0b0a6f6a7a0e1d2c"),
        ("versions", "bnexp 0.1.0, Python 3.11.2, torch 2.13.0, numpy 2.4.6"),
        ("machine", "Linux x86_64, two cores"),
        ("data digest", "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"),
    ),
    citation="The bnexp authors (2026). bnexp: where should batch normalization stand? Version 0.1.0.",
    bibtex="@software{bnexp,\n  author = {{The bnexp authors}},\n  title = {bnexp},\n  year = {2026}\n}",
)


def hostile() -> Page:
    """Return a page whose every word is an attack."""
    frame = pd.DataFrame({"x": [HOSTILE] * 8})
    table = Table(HOSTILE, HOSTILE, HOSTILE, frame, (Column("x", HOSTILE),))
    picture = svg(lambda drawing: drawing.suptitle(HOSTILE.replace("$", "")), 6, 2)
    figure = dataclasses.replace(FOREST, name=HOSTILE, title=HOSTILE, svg=picture, alt=HOSTILE)
    points = {"step": [0, 10], "mean": [0.1, 0.9], "low": [0.1, 0.8], "high": [0.1, 0.95], "n": 3}
    estimates = pd.DataFrame({"placement": HOSTILE, "activation": HOSTILE, "metric": "validation_accuracy", **points})
    level = Level(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
    return Page(
        title=HOSTILE,
        question=HOSTILE,
        headline=HOSTILE,
        asked=HOSTILE,
        missing=HOSTILE,
        damaged=(HOSTILE,),
        left_out=HOSTILE,
        verdicts=(Answer(HOSTILE, HOSTILE, HOSTILE, "undecided", HOSTILE),),
        main=(figure,),
        tables=(table,),
        figures=(),
        explorer=make_explorer(estimates, "placement", [level], ["activation"], start={}, caption=HOSTILE),
        diverged=dataclasses.replace(table, name=f"{HOSTILE}2"),
        commands=(HOSTILE,),
        provenance=((HOSTILE, HOSTILE),),
        citation=HOSTILE,
        bibtex=HOSTILE,
        confirmed=(
            ConfirmedPart(
                state=HOSTILE,
                words=HOSTILE,
                headline=HOSTILE,
                verdicts=(Settled(HOSTILE, HOSTILE, HOSTILE, "undecided"),),
                tables=(dataclasses.replace(table, name=f"{HOSTILE}3"),),
                command=HOSTILE,
            ),
        ),
        looks=HOSTILE,
        advice=(HOSTILE, HOSTILE),
    )
