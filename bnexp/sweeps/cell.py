"""A cell of a notebook, in which a text is drawn and drawn again: by IPython's display, so without widgets."""

from importlib import import_module
from typing import Any


class Cell:
    """The output of the cell that runs now; what is drawn replaces what was drawn before."""

    def __init__(self) -> None:
        self._display = import_module("IPython.display").display
        self._drawn: Any = None

    def draw(self, text: str) -> None:
        """Draw `text` instead of what was drawn before."""
        if self._drawn is None:
            self._drawn = self._display({"text/plain": text}, raw=True, display_id=True)
        else:
            self._drawn.update({"text/plain": text}, raw=True)

    def say(self, text: str) -> None:
        """Add `text` as a line that stays."""
        self._display({"text/plain": text}, raw=True)
