"""A store as Weights & Biases reads it: an offline run for each of its runs, which `wandb sync` takes to a server.

    wandb/offline-run-<time>-<run>/run-<run>.wandb     settings are config, numbers history; the group is the arm

A project is named after the store. Settings have the names of the store's columns, `norm_eps` and not `norm.eps`: wandb
finds no key with a dot in it. A diverged run is a finished one with the tag `diverged`; one that failed has failed
there, too. Times of points are those of the training.

wandb's own service writes the files: offline, with its error reports off, and with its caches, logs and settings in a
folder that is gone afterwards.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import wandb

from bnexp.errors import UserError
from bnexp.exports.arms import find_starts, name_arms, read_settings
from bnexp.exports.scalars import Scalars, read_scalars
from bnexp.files import write_whole
from bnexp.store.store import Store

OWN: Final = "bnexp.json"
"""What we add to the folder of a run when it is whole: what it was written from."""

LONGEST: Final = 128
"""Characters of a project's name; wandb takes none with one of `_FORBIDDEN`."""

_FORBIDDEN: Final = str.maketrans(dict.fromkeys("/\\#?%:", "_"))

_FOLDERS: Final = ("WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR", "WANDB_ARTIFACT_DIR")


def write_files(store: Store, folder: Path) -> str:
    """Write the runs of `store` into `folder/wandb`, and return what was written.

    A run that an earlier export wrote is left as it is, so that `wandb sync` does not send it twice, unless it has been
    trained or measured anew or its arm has another name; one that an export left half-written is written again.

    Raises:
        UserError: wandb's service cannot write.
    """
    runs = store.read_runs()
    scalars, starts, written = read_scalars(store, runs), find_starts(store), 0
    project = store.path.resolve().name.translate(_FORBIDDEN)[:LONGEST]
    folder.mkdir(parents=True, exist_ok=True)
    with _keep_apart(folder) as scratch:
        for row, arm in zip(runs.to_dict("records"), name_arms(runs), strict=True):
            run, start = row["run"], starts.get(row["run"], 0.0)
            tags = {"arm": arm, "status": row["status"], "probes": row["probes"], "project": project}
            old = sorted((folder / "wandb").glob(f"offline-run-*-{run}"))
            if len(old) == 1 and _read_tags(old[0]) == tags:
                continue
            for path in old:
                shutil.rmtree(path)
            try:
                new = _write_run(scratch, row, tags, scalars=scalars[run], start=start)
            except wandb.errors.Error as error:
                reason = next(iter(str(error).splitlines()), type(error).__name__)
                raise UserError(
                    f"wandb must be able to write into {folder}; got '{reason}': take another folder with out=FOLDER"
                ) from None
            (folder / "wandb").mkdir(exist_ok=True)
            new.rename(folder / "wandb" / new.name)
            written += 1
    return f"{written} new runs in {folder / 'wandb'}: send them with wandb sync '{folder / 'wandb'}'/offline-run-*"


@contextlib.contextmanager
def _keep_apart(folder: Path) -> Iterator[Path]:
    """Give a folder in `folder` that is gone afterwards, in which wandb keeps what it keeps; nothing of yours is read.

    wandb obeys its variables, and keys and modes for a server are among them: here they are as if none were set.
    """
    own = {name: value for name, value in os.environ.items() if name.startswith("WANDB_")}
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as name:
        for variable in own:
            del os.environ[variable]
        ours = {"WANDB_ERROR_REPORTING": "false", **dict.fromkeys(_FOLDERS, name)}
        os.environ.update(ours)
        try:
            yield Path(name)
        finally:
            wandb.teardown()
            for variable in ours:
                os.environ.pop(variable, None)
            os.environ.update(own)


def _read_tags(folder: Path) -> Any:
    """Return what the run in `folder` was written from; None if it is not whole."""
    try:
        return json.loads((folder / OWN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_run(
    scratch: Path, row: Mapping[Any, Any], tags: Mapping[str, str], *, scalars: Scalars, start: float
) -> Path:
    """Write one run below `scratch` and return its folder."""
    settings = wandb.Settings(
        mode="offline",
        root_dir=str(scratch),
        console="off",
        silent=True,
        disable_code=True,
        disable_git=True,
        disable_job_creation=True,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    run = wandb.init(
        project=tags["project"],
        group=tags["arm"],
        name=f"{tags['arm']},seed={row['seed']}",
        id=row["run"],
        tags=[row["status"]],
        config=read_settings(row),
        settings=settings,
    )
    for step, numbers in sorted(scalars.items()):
        run.log({**numbers, "_timestamp": start + row["seconds"] * step / row["steps"]}, step=step)
    place = Path(run.settings.sync_dir)
    run.finish(exit_code=1 if row["status"] == "failed" else 0)
    for name in ("logs", "tmp"):  # about wandb itself
        shutil.rmtree(place / name, ignore_errors=True)
    write_whole(place / OWN, lambda temporary: temporary.write_text(json.dumps(tags), encoding="utf-8"))
    return place
