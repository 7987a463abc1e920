"""The figures: estimates in, a figure out; nothing is estimated here.

    kinds                            one module per kind of figure, named after it
    small_multiples, text_columns    two ways to arrange panels and rows
    layout                           cuts frames into panels
    form, scales, style              what all of them share
    export                           makes files

A function that draws takes frames, their layout and the words around the figure, in this order, and what else it needs
by name.

For users, who have a store and no frames, `bnexp.figures` also has `forest`, `finals`, `curves`, `interaction`,
`heat_map`, `speed` and `layers`. They stand where stores are known, in `bnexp.report.drawings`, and are only named here
for when they are first asked for: nothing in this room knows them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bnexp.report.drawings import curves, finals, forest, heat_map, interaction, layers, speed

__all__ = ["curves", "finals", "forest", "heat_map", "interaction", "layers", "speed"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'bnexp.figures' has no attribute '{name}'")
    return getattr(import_module("bnexp.report.drawings"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
