"""From stores to a page: gathers the evidence, has it estimated and drawn, and writes what the reader gets.

Nothing is estimated here and nothing drawn; that is `statistics` and `figures`. `build` joins them, `library` is what
Python calls. This room itself can be called: `bnexp.report(store)` is `bnexp.report.library.report(store)`.
"""

import inspect
import sys
from types import ModuleType
from typing import Any


class _Room(ModuleType):
    """A package that is a function besides: `bnexp.report` has to be both, whichever of them was asked for first.

    The function is looked up when it is called: it loads all that draws, which a command that draws nothing shall not.
    """

    def __call__(self, *stores: Any, **wish: Any) -> Any:
        return _find_function()(*stores, **wish)

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(_find_function())


def _find_function() -> Any:
    from bnexp.report.library import report

    return report


sys.modules[__name__].__class__ = _Room
