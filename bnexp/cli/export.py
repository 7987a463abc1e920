"""`bnexp export`: a store in a form that other programs read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from bnexp.choices import nearest
from bnexp.cli.usage import USAGE
from bnexp.errors import UserError
from bnexp.store.store import Store, load

FORMATS: Final = {"csv": "csv_files", "tensorboard": "event_files", "mlflow": "mlflow_runs", "wandb": "wandb_runs"}
"""The formats, each with the module of `bnexp.exports` that writes it; loading it may need an extra of that name."""

FOLDERS: Final = ("runs", "curves", "layers", "weights", "sweeps", "logs", "broken", "report")
"""What a store holds: nothing else is written there."""


@dataclass(frozen=True)
class _Wish:
    """What the words behind `bnexp export` ask for."""

    form: str
    folder: Path
    out: Path


def export(words: Sequence[str]) -> None:
    """Write a store in another format and print what was written; `words` are FORMAT, DIR and `out=FOLDER`.

    Raises:
        UserError: A word is something else, the folder holds no run, the packages of the format are not installed, or
            nothing can be written to the folder.
    """
    wish = _parse_words(words)
    store = load(wish.folder)
    if store.read_runs().empty:
        raise UserError(f"a store must hold at least one run; got {wish.folder}, which holds none: train some into it")
    _check_out(wish.out, store)
    try:
        print(import_module(f"bnexp.exports.{FORMATS[wish.form]}").write_files(store, wish.out))
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise UserError(
            f"`bnexp export {wish.form}` must find the package {package}; it is not installed: "
            f"pip install 'bnexp[{wish.form}]'"
        ) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise UserError(
            f"{wish.out} must be a folder that can be written to; got '{reason}': take another one with out=FOLDER"
        ) from None


def _parse_words(words: Sequence[str]) -> _Wish:
    """Return what `words` ask for."""
    outs = [word.removeprefix("out=") for word in words if word.startswith("out=")]
    others = [word for word in words if not word.startswith("out=")]
    if len(others) != 2 or len(outs) > 1 or "" in outs:
        raise UserError(f"the command must be `{USAGE['export']}`; got `{' '.join(['bnexp export', *words])}`")
    form, folder = others[0], Path(others[1])
    if form not in FORMATS:
        raise UserError(f"FORMAT must be one of {', '.join(FORMATS)}; got '{form}'{nearest(form, FORMATS)}")
    return _Wish(form, folder, Path(outs[0]).expanduser() if outs else folder / "export" / form)


def _check_out(out: Path, store: Store) -> None:
    """Raise `UserError` if `out` is a folder of the store's own: what lies there is taken for results."""
    for name in FOLDERS:
        if out.resolve().is_relative_to((store.path / name).resolve()):
            raise UserError(f"out must be no folder of the store's own; got {out}: take another one")
