"""What a report says, for Python: a store in, its page or its table of effects out; without Hydra.

`bnexp.report` and `bnexp.effects` are these functions. The examples read the store of this command:

    bnexp -m data=digits placement=none,pre,post lr=0.1,1 activation=relu,tanh steps=20 'hidden=[8,8]' \
'seed=range(4)' name=demo
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from bnexp.choices import FigureForm, nearest, parse
from bnexp.errors import UserError
from bnexp.report.estimates import METRIC, Estimates, estimate
from bnexp.report.evidence import Evidence, Stores, choose_design, gather, open_stores
from bnexp.report.part import select_comparable
from bnexp.store.schemas import METRICS
from bnexp.sweeps.progress import Display

if TYPE_CHECKING:
    from bnexp.report.build import Report


def report(
    store: Stores,
    *,
    compare: str | None = None,
    margin: float | None = None,
    out: Path | str | None = None,
    figure: FigureForm | str = FigureForm.page,
    progress: bool | None = None,
) -> "Report":
    """Write the page of all runs of a store, as every sweep of the command line ends with, and return what it says.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        margin: the test accuracy, a fraction, below which a difference is called none; left out: 0.001, or the standard
            error over the test examples if that is more.
        out: the folder of the page; left out: `report` in the store, and one of its own for another comparison.
        figure: page, or paper: figures as wide as the columns of a paper, without title and caption.
        progress: whether what is done is said, in a notebook below the cell, else on standard error; left out: in a
            terminal and in a notebook.

    Returns:
        The report: its `page` is the path of the page, its `headline` the answer in a sentence, `verdicts` are those of
        single contrasts (each with a `sentence`), `confirmed` what fresh seeds say, and `files` all that was written,
        by their paths in its `folder`.

    Raises:
        UserError: if there is no such store or setting, if no run is stored, or if the page cannot be written.

    Example:
        >>> import bnexp
        >>> report = bnexp.report("outputs/demo", out="page")
        >>> report.page.as_posix()
        'page/index.html'
        >>> report.headline.startswith("Too few seeds for a test between pre and post")
        True
        >>> [name for name in report.files if name.endswith("forest.pdf")]
        ['figures/forest.pdf']
    """
    from bnexp.report import build  # here, because it loads matplotlib and torch, for which nothing else here need wait

    form = parse(FigureForm, figure, "figure")
    with Display([], progress) as display:
        evidence, estimates = _estimate(store, compare, margin, METRIC, form, display)
        display.say("drawing the figures")
        made = build.arrange(evidence, estimates, None if out is None else Path(out))
        made.write()
        display.say(f"the page is {made.page}")
    return made


def effects(
    store: Stores,
    *,
    compare: str | None = None,
    metric: str = METRIC,
    margin: float | None = None,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Return the paired effects of a report as numbers: a row per pair of values of what is compared, in each cell.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        metric: the accuracy or loss at the end that differences are taken of.
        margin: the difference below which two arms are called equivalent: a fraction, or nats for a loss; left out:
            0.001, or the standard error over the test examples if that is more.
        progress: whether what is done is said, in a notebook below the cell, else on standard error; left out: in a
            terminal and in a notebook.

    Returns:
        A frame of the rows and numbers of `tables/effects.csv` of the report. The cell comes first (activation and
        whatever else varies), then `a` and `b`, the two that are compared; `mean`, the estimate of a − b, with its 95 %
        interval `low`, `high`; `p_family`, which decides, and `p_holm`; `n` paired seeds, of which `n_trained` count;
        `lr_a`, `lr_b`, the learning rates of both; `note`, what keeps a number from being claimed. `docs/library.md`
        lists all columns. No row where there is nothing to compare.

    Raises:
        UserError: if there is no such store, setting or metric, or if no run is stored.

    Example:
        >>> import bnexp
        >>> effects = bnexp.effects("outputs/demo", compare="placement")
        >>> effects[["activation", "a", "b", "n"]].head(3)
          activation     a     b  n
        0       relu   pre  none  4
        1       relu  post  none  4
        2       relu  post   pre  4
        >>> bool(((effects["low"] <= effects["mean"]) & (effects["mean"] <= effects["high"])).all())
        True
    """
    if metric not in METRICS:
        raise UserError(f"metric must be one of {', '.join(METRICS)}; got '{metric}'{nearest(metric, METRICS)}")
    with Display([], progress) as display:
        found = _estimate(store, compare, margin, metric, FigureForm.page, display)
    return select_comparable(*found)[1].effects


def _estimate(
    store: Stores, compare: str | None, margin: float | None, metric: str, form: FigureForm, display: Display
) -> tuple[Evidence, Estimates]:
    """Return what `store` holds and what follows from it."""
    stores = open_stores(store)
    display.say(f"reading {' and '.join(str(one.path) for one in stores)}")
    evidence = gather(stores)
    display.say(f"comparing {len(evidence.runs):,} runs")
    return evidence, estimate(evidence, choose_design(evidence, compare), margin, metric=metric, form=form)
