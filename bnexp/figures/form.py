"""The form of a figure: as wide as its content asks on a page, or as wide as the columns of a paper.

Every figure is drawn in the inches and points of a page. One for a paper is drawn no wider than its column has room
for, without the words around it, which belong into the paper's own caption, and then shrunk by `shrink`.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.artist import Artist
from matplotlib.collections import Collection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text

from bnexp.choices import FigureForm

MILLIMETRE: Final = 1 / 25.4
"""In inches."""

SQUEEZE: Final = 0.72
"""Part of the width that a panel asks for with which it can still be read."""


@dataclass(frozen=True)
class Form:
    """The widths that a figure may have (any from the first on if `free`), in inches, as it is printed.

    `scale` leads from what is drawn to what is printed; `smallest` and `largest` are points of printed type.
    """

    widths: tuple[float, ...]
    free: bool
    scale: float
    smallest: float
    largest: float

    def choose_width(self, width: float) -> float:
        """Return the width in drawn inches of a figure that asks for `width` of them."""
        allowed = [printed / self.scale for printed in self.widths]
        if self.free:
            return max(allowed[0], width)
        return next((enough for enough in allowed if enough >= SQUEEZE * width), allowed[-1])

    def choose_columns(self, count: int, most: int, panel: float, beside: float) -> int:
        """Return how many of `count` panels stand side by side, at most `most`, in rows that are about as long.

        A `panel` asks for so many drawn inches, and so many are `beside` the panels.
        """
        if not self.free:
            most = min(most, max(1, int((self.widths[-1] / self.scale - beside) / (SQUEEZE * panel))))
        rows = -(-count // most)
        return -(-count // rows)

    def choose_size(self, points: float) -> float:
        """Return the printed size of type that is drawn with `points`."""
        return min(max(points * self.scale, self.smallest), self.largest)


FORMS: Final = {
    # 7.6 inches: below that, titles and captions have no room.
    FigureForm.page: Form((7.6,), free=True, scale=1.0, smallest=0.0, largest=99.0),
    # One and two columns, as Nature, Elsevier and PNAS have them within 4 mm; type as they ask for it.
    FigureForm.paper: Form((85 * MILLIMETRE, 178 * MILLIMETRE), free=False, scale=0.75, smallest=7.0, largest=9.0),
}


def shrink(figure: Figure, form: Form) -> None:
    """Make `figure`, which is drawn, as large as it is printed: its type, lines and marks become smaller with it."""
    if form.scale == 1:
        return
    texts = [text for text in figure.findobj(Text) if not _in_legend(text, figure)]
    for text in texts:
        text.set_fontsize(form.choose_size(float(text.get_fontsize())))
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            sizes = [float(text.get_fontsize()) for text in axis.get_ticklabels()]  # scaled by now
            axis.set_tick_params(labelsize=max(sizes, default=form.smallest))
    for artist in figure.findobj(lambda artist: isinstance(artist, Line2D | Patch | Collection)):
        _thin(artist, form.scale)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width * form.scale, height * form.scale)


def _in_legend(text: Text, figure: Figure) -> bool:
    """Say whether `text` is in a legend, whose boxes are made for the size of its type when it is."""
    return any(text in legend.findobj(Text) for legend in figure.legends)


def _thin(artist: Artist, scale: float) -> None:
    match artist:
        case Line2D():
            artist.set_linewidth(artist.get_linewidth() * scale)
            artist.set_markersize(artist.get_markersize() * scale)
            artist.set_markeredgewidth(artist.get_markeredgewidth() * scale)
        case Patch():
            artist.set_linewidth(artist.get_linewidth() * scale)
        case Collection():
            artist.set_linewidth(np.asarray(artist.get_linewidth()) * scale)  # type: ignore[arg-type]
