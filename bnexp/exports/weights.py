"""The weights of a stored run as a module of `torch.nn`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from safetensors import SafetensorError

from bnexp.errors import UserError
from bnexp.runs import Run, to_canonical
from bnexp.store.rows import to_run
from bnexp.store.store import Store, load

if TYPE_CHECKING:
    from torch import nn

MOST_CANDIDATES: Final = 5
"""Ids that are listed where several runs could be meant."""


def module(run: Run | str, store: Store | Path | str) -> "nn.Sequential":
    """Return a stored run as an `nn.Sequential` in evaluation mode, whose outputs are those of the training's end.

    Inputs are rows [B, D] as `bnexp.load_data` gives them, in the run's dtype; outputs are logits [B, C]. The layers
    are `Linear`, `BatchNorm1d` with the run's eps, momentum and statistics, and the activation's module, in the order
    of the placement; of the other kinds of `norm.kind`, `layer` is torch's `LayerNorm`, `rms` and what is constant in
    evaluation are modules of bnexp's, and `weight` is in the `Linear`. In the files, `weights/<run>.safetensors`,
    layers count from 1: `1.weight` is [in, out], the other way round than in torch; `1.bias`, `1.gamma`, `1.beta`,
    `1.running_mean` and `1.running_var` are vectors, as far as the layer has them.

    Args:
        run: the id of a run, or its beginning, as in the column `run` of a store's runs; or the run itself.
        store: the store, or its folder, such as `outputs/demo`.

    Returns:
        The module, on the CPU.

    Raises:
        UserError: if there is no such store or no such run in it, if several runs could be meant, or if the run has no
            weights: it diverged, failed, or was not trained with `save_weights=true`.

    Example:
        >>> import subprocess, sys, tempfile
        >>> import torch
        >>> import bnexp
        >>> words = "-m bnexp data=digits placement=pre steps=50 seed=3 save_weights=true report=false workers=0"
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     ended = subprocess.run([sys.executable, *words.split()], cwd=folder, check=True, capture_output=True)
        ...     store = bnexp.load(f"{folder}/outputs/runs")
        ...     row = store.runs.iloc[0]
        ...     net = bnexp.module(row["run"], store)
        >>> [type(layer).__name__ for layer in net[:3]]
        ['Linear', 'BatchNorm1d', 'ReLU']
        >>> digits = bnexp.load_data("digits")
        >>> with torch.no_grad():
        ...     logits = net(torch.from_numpy(digits.x_test_ND))
        >>> accuracy = (logits.argmax(1).numpy() == digits.y_test_N).mean()
        >>> bool(accuracy == row["test_accuracy"])
        True
    """
    from safetensors.torch import load_file  # here, because they load torch, for which nothing else here need wait

    from bnexp.engine.modules import to_module

    store = store if isinstance(store, Store) else load(store)
    row = _find_row(run, store)
    run_id, path = row["run"], store.weights(row["run"])
    if not path.is_file():
        raise UserError(_explain_missing(run_id, row["status"], store))
    try:
        return to_module(to_run(row), load_file(path))
    except (OSError, SafetensorError, KeyError, RuntimeError) as error:
        raise UserError(
            f"{path} must be the weights that bnexp wrote of run {run_id}; got '{str(error).splitlines()[0]}': move it "
            "away, and train the run again with save_weights=true"
        ) from None


def _find_row(run: Run | str, store: Store) -> dict[Any, Any]:
    """Return the row of the one run of `store` that `run` means."""
    rows = store.read_runs()
    if isinstance(run, Run):
        wanted = to_canonical(run)
        matches = rows[[to_canonical(to_run(row)) == wanted for row in rows.to_dict("records")]]
        meant = "a run of these settings"
    else:
        matches = rows[rows["run"].str.startswith(run)]
        meant = f"'{run}'"
    if len(matches) == 1:
        (row,) = matches.to_dict("records")
        return row
    if matches.empty:
        raise UserError(
            f"run must be in the store, or the beginning of an id in it; got {meant}, and {store.path} has none of its "
            f"{len(rows)} runs so: its ids are in the column `run` of its runs"
        )
    ids = [*matches["run"][:MOST_CANDIDATES], *(["…"] if len(matches) > MOST_CANDIDATES else [])]
    raise UserError(
        f"run must mean one run; got {meant}, which means {len(matches)} of {store.path}: {', '.join(ids)}: give more "
        "of the id"
    )


def _explain_missing(run_id: str, status: str, store: Store) -> str:
    """Return why a run has no weights."""
    advice = {
        "diverged": "a diverged run has none: take one that is done",
        "failed": "it could not be trained: train it again with save_weights=true",
    }
    return (
        f"run must have weights in {store.path / 'weights'}; got none of {run_id}, whose status is {status}: "
        f"{advice.get(status, 'train it again with save_weights=true')}"
    )
