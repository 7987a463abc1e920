"""The numbers of runs, step by step, under the names that programs for experiments sort them by.

accuracy/train  accuracy/validation  accuracy/test  loss/train  loss/validation  loss/test
<probe>/layer <n>                    what was measured inside a layer, counted from 1
landscape/<probe>                    of the network as a whole
"""

import math
from typing import Final

import pandas as pd

from bnexp.store.schemas import LANDSCAPE, METRICS, PROBES
from bnexp.store.store import Store

Scalars = dict[int, dict[str, float]]
"""The numbers of one run: by step, and there by name; none is missing."""

_CURVE_NAMES: Final = {metric: "{1}/{0}".format(*metric.split("_")) for metric in METRICS}


def read_scalars(store: Store, runs: pd.DataFrame) -> dict[str, Scalars]:
    """Return the numbers of each of `runs`, rows of `store`, by the id of the run."""
    scalars: dict[str, Scalars] = {run: {} for run in runs["run"]}
    for row in store.curves_of(runs).to_dict("records"):
        _add(scalars, row["run"], row["step"], {name: row[metric] for metric, name in _CURVE_NAMES.items()})
    for row in store.layers_of(runs)[["run", "step", "layer", *PROBES, *LANDSCAPE]].to_dict("records"):
        inside = {f"{probe}/layer {row['layer']}": row[probe] for probe in PROBES}
        _add(scalars, row["run"], row["step"], inside | {f"landscape/{probe}": row[probe] for probe in LANDSCAPE})
    return scalars


def _add(scalars: dict[str, Scalars], run: str, step: int, numbers: dict[str, float]) -> None:
    there = {name: number for name, number in numbers.items() if not math.isnan(number)}
    scalars[run].setdefault(step, {}).update(there)
