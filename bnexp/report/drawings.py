"""The figures of a report one by one, for a notebook or a paper: a store in, a figure of matplotlib out.

`bnexp.figures` gives these functions to the user. What they return belongs to no window and is not the current figure
of pyplot, whose backend and settings stay as they are: `figure.savefig("forest.pdf")` writes it, a notebook shows it.
The examples read the store of this command:

    bnexp -m data=digits placement=none,pre,post lr=0.1,1 activation=relu,tanh steps=20 'hidden=[8,8]' \
'seed=range(4)' name=demo
"""

from collections.abc import Callable, Iterable, Iterator

from matplotlib.figure import Figure

from bnexp.choices import FigureForm, nearest, parse
from bnexp.errors import UserError
from bnexp.figures.form import FORMS, shrink
from bnexp.report import effect_figures
from bnexp.report.estimates import METRIC, Estimates, estimate
from bnexp.report.evidence import Evidence, Stores, choose_design, gather, open_stores
from bnexp.report.figure import ReportFigure
from bnexp.report.layer_evidence import read_layers
from bnexp.report.layer_figures import FIGURES
from bnexp.report.part import select_comparable, select_drawable
from bnexp.store.schemas import METRICS

_Make = Callable[[Evidence, Estimates], Iterable[ReportFigure]]


def forest(
    store: Stores,
    *,
    compare: str | None = None,
    metric: str = METRIC,
    margin: float | None = None,
    form: FigureForm | str = FigureForm.page,
) -> Figure:
    """Draw the paired differences, a row per contrast, with intervals, tests and, of up to 30 seeds, each as a point.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        metric: the accuracy or loss at the end that differences are taken of.
        margin: the difference below which two arms are called equivalent: a fraction, or nats for a loss.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure.

    Raises:
        UserError: if there is no such store, setting or metric, or if the runs have nothing to compare.

    Example:
        >>> import bnexp
        >>> figure = bnexp.figures.forest("outputs/demo", form="paper")
        >>> figure.axes[1].get_xlabel()
        'difference in test accuracy (percentage points)'
    """
    return _draw(store, "forest", effect_figures.make_forest, compare, metric=metric, margin=margin, form=form)


def finals(
    store: Stores, *, compare: str | None = None, metric: str = METRIC, form: FigureForm | str = FigureForm.page
) -> Figure:
    """Draw what training ends at against a setting with many values, or else against the learning rate.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        metric: the accuracy or loss that is drawn.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure.

    Raises:
        UserError: if there is no such store, setting or metric, or if no learning rate and no such setting varies.

    Example:
        >>> import bnexp
        >>> figure = bnexp.figures.finals("outputs/demo", metric="validation_accuracy")
        >>> [axes.get_title() for axes in figure.axes if axes.get_title()]
        ['relu', 'tanh']
    """
    return _draw(store, "finals", _make_finals, compare, metric=metric, form=form)


def curves(store: Stores, *, compare: str | None = None, form: FigureForm | str = FigureForm.page) -> Figure:
    """Draw training loss and validation accuracy against the steps, each arm at its best learning rate.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure.

    Raises:
        UserError: if there is no such store or setting, or if there are too many panels to be read.

    Example:
        >>> import bnexp
        >>> bnexp.figures.curves("outputs/demo").axes[0].get_ylabel()
        'training loss (nats)'
    """
    return _draw(store, "curves", effect_figures.make_curves, compare, form=form)


def interaction(
    store: Stores, *, compare: str | None = None, metric: str = METRIC, form: FigureForm | str = FigureForm.page
) -> Figure:
    """Draw how what is compared interacts with another setting: a line for each of its values.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        metric: the accuracy or loss at the end that is drawn.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure.

    Raises:
        UserError: if there is no such store, setting or metric, or if no other setting varies.

    Example:
        >>> import bnexp
        >>> figure = bnexp.figures.interaction("outputs/demo", compare="activation")
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['relu', 'tanh']
    """
    return _draw(store, "interaction", effect_figures.make_interaction, compare, metric=metric, form=form)


def heat_map(
    store: Stores, *, compare: str | None = None, metric: str = METRIC, form: FigureForm | str = FigureForm.page
) -> Figure:
    """Draw what training ends at as a map: a row per level of what is compared, a column per learning rate.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        metric: the accuracy or loss at the end that is drawn.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure.

    Raises:
        UserError: if there is no such store, setting or metric, or if there is one learning rate only.

    Example:
        >>> import bnexp
        >>> bnexp.figures.heat_map("outputs/demo").axes[0].get_xlabel()
        'lr'
    """
    return _draw(store, "heat_map", effect_figures.make_heat_map, compare, metric=metric, form=form)


def speed(store: Stores, *, compare: str | None = None, form: FigureForm | str = FigureForm.page) -> Figure:
    """Draw how many steps each arm takes to the best validation accuracy of the first level.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure.

    Raises:
        UserError: if there is no such store or setting, or if there is nothing to compare.

    Example:
        >>> import bnexp
        >>> bnexp.figures.speed("outputs/demo").axes[1].get_xlabel()
        'optimizer steps to the threshold (restricted mean)'
    """
    return _draw(store, "speed", effect_figures.make_speed, compare, form=form)


def layers(
    store: Stores,
    figure: str = "saturation",
    *,
    compare: str | None = None,
    form: FigureForm | str = FigureForm.page,
) -> Figure:
    """Draw what was measured inside the layers, each arm at its best learning rate.

    Args:
        store: the store, its folder, or several of either, which are taken as one.
        figure: which one, as `study.figures` names it: saturation, gradients, effective_lr, growth, quantiles, …
        compare: the setting that is compared, as the command line names it; placement, if it varies and none is given.
        form: page, or paper: 85 or 178 mm wide, without title and caption.

    Returns:
        The figure; the first one, where a report has several of this name.

    Raises:
        UserError: if there is no such store, setting or figure, or if the runs were not measured so.

    Example:
        >>> import bnexp
        >>> bnexp.figures.layers("outputs/demo", "gradients").axes[0].get_ylabel()
        'squared gradient norm'
    """
    if figure not in FIGURES:
        raise UserError(f"figure must be one of {', '.join(FIGURES)}; got '{figure}'{nearest(figure, FIGURES)}")
    return _draw(
        store,
        figure,
        lambda evidence, estimates: FIGURES[figure](read_layers(evidence, estimates)),
        compare,
        form=form,
    )


def _draw(
    store: Stores,
    name: str,
    make: _Make,
    compare: str | None,
    *,
    metric: str = METRIC,
    margin: float | None = None,
    form: FigureForm | str,
) -> Figure:
    """Return the first figure that `make` yields; raise `UserError` if there is none, which says its `name`."""
    form = parse(FigureForm, form, "form")
    if metric not in METRICS:
        raise UserError(f"metric must be one of {', '.join(METRICS)}; got '{metric}'{nearest(metric, METRICS)}")
    evidence = gather(open_stores(store))
    estimates = estimate(evidence, choose_design(evidence, compare), margin, metric=metric, form=form)
    drawn = next(iter(make(*select_drawable(*select_comparable(evidence, estimates)))), None)
    if drawn is None:
        raise UserError(
            f"{name} must have something to show that fits one figure; {evidence.title} has not: compare another "
            "setting, or store more runs"
        )
    shrink(drawn.figure, FORMS[form])
    return drawn.figure


def _make_finals(evidence: Evidence, estimates: Estimates) -> Iterator[ReportFigure]:
    yield from effect_figures.make_against_x(evidence, estimates)
    yield from effect_figures.make_against_lr(evidence, estimates)
