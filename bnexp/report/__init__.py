"""From stores to a page: gathers the evidence, has it estimated and drawn, and writes what the reader gets.

Nothing is estimated here and nothing drawn; that is `statistics` and `figures`. `build` joins them, `library` is what
Python calls. This room itself can be called: `bnexp.report(store)` is `bnexp.report.library.report(store)`.
"""

import inspect
import sys
from types import ModuleType
from typing import Final

from bnexp.report.library import report


class _Room(ModuleType):
    """A package that is a function besides: `bnexp.report` has to be both, whichever of them was asked for first."""

    __call__: Final = staticmethod(report)
    __signature__: Final = inspect.signature(report)


sys.modules[__name__].__class__ = _Room
