"""Should batch normalization stand before or after the activation? Runs in, rows out; see `bnexp --help`.

    Run, Placement, Activation   one training as a value, and two of its choices
    load_data, load_file, Data   the data sets, and one of one's own
    train                        runs and their data in, rows of runs and of curves out; nothing is stored
    sweep                        the same as a command does it: what a store lacks is trained into it
    load, Store                  the results that the command line has stored in a folder
    effects                      what a store says as numbers: paired differences with intervals and tests
    report                       the page of a store, with all its figures and tables
    figures                      the figures of a report one by one: a store in, a figure of matplotlib out
    module                       a stored run as a module of torch.nn, if its weights were kept

`import bnexp` is cheap: a name loads its module, and with it torch or pandas, when it is first used.

Example:
    >>> import dataclasses, bnexp
    >>> data = bnexp.load_data("digits")
    >>> digits = {"data": "digits", "data_train": 1200, "data_validation": 300}
    >>> arms = [bnexp.Run(placement=p, steps=40, evaluate=20, **digits) for p in ("pre", "post")]
    >>> runs = [dataclasses.replace(arm, seed=seed) for arm in arms for seed in (0, 1)]
    >>> rows, curves = bnexp.train(runs, data)
    >>> rows[["placement", "seed", "status"]].to_dict("list")
    {'placement': ['pre', 'pre', 'post', 'post'], 'seed': [0, 1, 0, 1], 'status': ['done', 'done', 'done', 'done']}
    >>> len(curves[curves["step"] == 40])
    4
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from bnexp import figures
    from bnexp.choices import Activation, Placement
    from bnexp.data.datasets import Data, load_file
    from bnexp.data.datasets import load as load_data
    from bnexp.exports.weights import module
    from bnexp.report.library import effects, report
    from bnexp.runs import Run
    from bnexp.store.store import Store, load
    from bnexp.sweeps.sweep import sweep, train

    __version__: str

__all__ = [
    "Activation",
    "Data",
    "Placement",
    "Run",
    "Store",
    "__version__",
    "effects",
    "figures",
    "load",
    "load_data",
    "load_file",
    "module",
    "report",
    "sweep",
    "train",
]

_HOMES: Final = {
    "Activation": "choices.Activation",
    "Data": "data.datasets.Data",
    "Placement": "choices.Placement",
    "Run": "runs.Run",
    "Store": "store.store.Store",
    "effects": "report.library.effects",
    "load": "store.store.load",
    "load_data": "data.datasets.load",
    "load_file": "data.datasets.load_file",
    "module": "exports.weights.module",
    "sweep": "sweeps.sweep.sweep",
    "train": "sweeps.sweep.train",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return import_module("bnexp.provenance").version()
    if name in ("figures", "report"):  # rooms; that of reports can be called
        return import_module(f"bnexp.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'bnexp' has no attribute '{name}'")
    module, _, attribute = _HOMES[name].rpartition(".")
    return getattr(import_module(f"bnexp.{module}"), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
