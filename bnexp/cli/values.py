"""From `conf/`, whose keys are in `schema.py`, to plain values, and what these ask for: runs and options of a sweep.

After the conversion nobody sees a `DictConfig`.
"""

import dataclasses
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from omegaconf import MISSING, DictConfig, OmegaConf

from bnexp.choices import Activation, FigureForm, Probes, Standardize, coerce, nearest, parse, quote_value, round_digits
from bnexp.cli.own_files import collect_files, settle_data
from bnexp.cli.schema import GROUPS, KEYS, STUDY, Config, Device
from bnexp.data.requests import OwnFile
from bnexp.errors import UserError
from bnexp.files import expand_home, find_outputs
from bnexp.own.code import is_reference
from bnexp.runs import Run, key
from bnexp.statistics.hypotheses import Hypothesis, read_hypotheses

Values = Mapping[str, Any]
"""What one job asks for: each of `KEYS` with its value, choices as members, lists as tuples."""


@dataclass(frozen=True)
class Study:
    """A prepared sweep: its question, how long it takes, the axes that it compares, and figures about the mechanism.

    `about` are the levels that the question is about, `answers` what else its verdicts answer, `hypotheses` predictions
    of what changes the gap between the placements.
    """

    name: str
    question: str | None
    time: str | None
    compare: tuple[str, ...]
    figures: tuple[str, ...]
    about: tuple[str, ...]
    answers: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]


@dataclass(frozen=True)
class SweepOptions:
    """What is no part of a run and is the same for a whole sweep: where it is trained and what it leaves behind.

    `workers` are processes (`None`: one per core if worth it; 0: this one), `lanes` the most of a pack (`None`: to be
    measured). `files` are those of one's own, by their names.
    """

    name: str
    outputs: Path
    data_root: Path | None
    device: Device
    workers: int | None
    lanes: int | None
    report: bool
    figure: FigureForm
    probes: Probes
    save_weights: bool
    study: Study | None
    files: Mapping[str, OwnFile] = field(default_factory=dict)


def find_conf() -> Path:
    """Return the folder of the configuration: in the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    return next(path for path in (package / "conf", package.parent / "conf") if (path / "config.yaml").is_file())


def read(cfg: DictConfig) -> Values:
    """Return what `cfg` asks for; raise `UserError` unless it has every key and no other."""
    if OmegaConf.get_type(cfg) is not Config:  # from a file of the user that leaves out the schema
        theirs, cfg = cfg, OmegaConf.structured(Config)
        cfg.merge_with(theirs)
    written = flatten(cfg, resolve=False)
    for name in [name for name, value in written.items() if value == MISSING] + [k for k in KEYS if k not in written]:
        raise missing_value(name)
    for name in written:
        if name not in KEYS:
            raise unknown_key(name)
    resolved = flatten(cfg, resolve=True)
    return {name: settle(name, resolved[name]) for name in KEYS}


def settle(name: str, value: Any) -> Any:
    """Return `value` of the key `name`, a number with a point as `Run` takes it, a switch if it is true or false.

    What a reference such as `${oc.env:REPORT}` stands for is text. Raises `UserError` for another value of a switch.
    """
    if KEYS[name] is bool:
        switches = {"true": True, "false": False}
        known = name.removesuffix(".draw")  # report=off is short for report.draw=off
        return coerce(bool, switches.get(value.lower(), value) if isinstance(value, str) else value, known)
    if KEYS[name] is Standardize:
        return parse(Standardize, value, name)
    if name == "study.compare":
        return _read_compared(value)
    if name == "activation":
        return value if is_reference(value) else coerce(Activation, value, name)
    if name == "study.hypotheses":
        return read_hypotheses(value)
    return round_digits(value) if KEYS[name] is float and isinstance(value, float) else value


def flatten(cfg: DictConfig, *, resolve: bool) -> dict[str, Any]:
    """Return the values of `cfg` by the full names of their keys: as they are written, or with `resolve` worked out."""
    return _flatten_node(OmegaConf.to_container(cfg, resolve=resolve))


def nest(job: Values) -> dict[str, Any]:
    """Return the values of `job` as `conf/` writes them: keys of a group below its name, choices as plain strings."""
    tree: dict[str, Any] = {}
    for name, value in job.items():
        group, _, last = name.rpartition(".")
        branch = tree.setdefault(group, {}) if group else tree
        branch[last] = _to_plain(value)
    return tree


def _to_plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [entry.encode() if isinstance(entry, Hypothesis) else entry for entry in value]
    return str(value) if isinstance(value, StrEnum) else value


def to_run(job: Values) -> Run:
    """Return the run that `job` asks for; raise `UserError` with one sentence if there is no such run.

    Epochs become optimizer steps, and the default of `data.train` the number of examples that it stands for.
    """
    fields = {field: job[name] for field, name in _KEY_OF_FIELD.items()}
    fields["data"], sizes = settle_data(job)
    fields["data_train"], fields["data_validation"] = sizes
    draft = Run(**fields | {"steps": 1, "evaluate": 1})  # everything but its length is right, so that an epoch has one
    steps, evaluate = _count_steps(job, draft.steps_per_epoch)
    return dataclasses.replace(draft, steps=steps, evaluate=evaluate)


def to_options(jobs: Sequence[Values]) -> SweepOptions:
    """Return the options that all `jobs` share; raise `UserError` if they differ or are out of range."""
    for name in (*_SHARED, *STUDY):
        values = dict.fromkeys(job[name] for job in jobs)
        if len(values) > 1:
            raise UserError(
                f"{name} must be the same for all runs of a sweep; got {' and '.join(map(quote_value, values))}: "
                "take one"
            )
    first = jobs[0]
    name, workers, lanes = first["name"], first["workers"], first["engine.lanes"]
    check_name(name)
    if workers is not None and workers < 0:
        raise UserError(f"workers must be at least 0, which trains in this process; got {workers}")
    if lanes is not None and lanes < 1:
        raise UserError(f"engine.lanes must be at least 1; got {lanes}")
    root = None if first["data.root"] is None else expand_home(Path(first["data.root"]))
    return SweepOptions(
        name=name,
        outputs=find_outputs(first["outputs"]),
        data_root=root,
        device=first["device"],
        workers=workers,
        lanes=lanes,
        report=first["report.draw"],
        figure=first["report.figure"],
        probes=first["probes"],
        save_weights=first["save_weights"],
        study=_to_study(first),
        files=collect_files(jobs),
    )


def name_study(job: Values) -> Values:
    """Return `job` with the name of its study, which is that of its results if its file gives it none."""
    said = any(job[name] for name in STUDY)
    return {**job, "study.name": job["name"]} if said and not job["study.name"] else job


def _to_study(job: Values) -> Study | None:
    """Return the study that `job`, which has its name, belongs to."""
    said = {name.removeprefix("study."): job[name] for name in STUDY}
    compare = (said["compare"],) if isinstance(said["compare"], str) else said["compare"] or ()
    return Study(**said | {"compare": compare}) if said["name"] else None


def _read_compared(value: Any) -> Any:
    """Return what a study compares, a key or several; raise `UserError` if one is no key of a run."""
    keys = value if isinstance(value, list | tuple) else [] if value is None else [value]
    known = [key(f.name) for f in dataclasses.fields(Run)]
    for one in keys:
        if one not in known:
            raise UserError(
                "study.compare must be a key in which runs differ, such as placement, or a list of them; got "
                f"{quote_value(one)}{nearest(str(one), known)}"
            )
    return tuple(keys) if isinstance(value, list | tuple) else value


def check_name(name: str) -> None:
    """Raise `UserError` unless `name` is exactly one folder below that of all stores, on any system, and no hidden one.

    Windows takes no trailing dot or space and no name of a device; 255 bytes are the most that a file system takes.
    """
    plain = name and not name.startswith(".") and set(name).isdisjoint('/\\:*?"<>|\0')
    if not plain and (not name or not name.isspace()):
        raise UserError(f"name must be a plain folder name without slashes or a leading dot; got {quote_value(name)}")
    shown = quote_value(name if len(name) <= 40 else f"{name[:40]}…")
    if any(unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") for sign in name):
        shown = ascii(name if len(name) <= 40 else f"{name[:40]}...")
        raise UserError(f"name must hold no control characters; got {shown}")
    if name.strip() != name or name.endswith("."):
        raise UserError(f"name must not begin or end with a space or end with a dot; got {shown}")
    if name.partition(".")[0].strip().upper() in _DEVICES:
        raise UserError(f"name must not be that of a device under Windows; got {shown}: take another one")
    if len(name.encode()) > _LONGEST_NAME:
        raise UserError(f"name must be at most {_LONGEST_NAME} bytes long; got {len(name.encode())} ({shown})")


def find_axes(jobs: Sequence[Values]) -> dict[str, list[Any]]:
    """Return the keys in which `jobs` differ, each with its values in the order of their first appearance."""
    columns = {name: list(dict.fromkeys(job[name] for job in jobs)) for name in KEYS}
    return {name: column for name, column in columns.items() if len(column) > 1}


def unknown_key(name: str) -> UserError:
    """Return the error about a key that does not exist: it suggests keys of that last name, or else the nearest one."""
    twins = [known for known in KEYS if known.rpartition(".")[2] == name.rpartition(".")[2]]
    words = dict.fromkeys([*(known.removesuffix(".name") for known in KEYS), *GROUPS])
    hint = f": did you mean {' or '.join(twins)}?" if twins else nearest(name, words)
    return UserError(f"a key must be one of those that `bnexp --help` lists; got '{name}'{hint}")


def missing_value(name: str) -> UserError:
    """Return the error about a key whose value was taken away."""
    return UserError(f"{name} must have a value; got none: give it one, or leave it out to take its default")


def _flatten_node(node: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(node, dict) or not node or prefix.removesuffix(".") in KEYS:
        return {prefix.removesuffix("."): tuple(node) if isinstance(node, list) else node}
    return {name: value for k, inner in node.items() for name, value in _flatten_node(inner, f"{prefix}{k}.").items()}


def _count_steps(job: Values, steps_per_epoch: int) -> tuple[int, int]:
    """Return the optimizer steps of the training and of the distance between two evaluations."""
    epochs, steps, evaluate = job["epochs"], job["steps"], job["evaluate"]
    for name, value in (("epochs", epochs), ("steps", steps), ("evaluate", evaluate)):
        if value is not None and value < 1:
            raise UserError(f"{name} must be at least 1; got {value}")
    unit = steps_per_epoch if steps is None else 1
    return (
        epochs * steps_per_epoch if steps is None else steps,
        steps_per_epoch if evaluate is None else evaluate * unit,
    )


_KEY_OF_FIELD: Final = {
    f.name: key(f.name) if key(f.name) in KEYS else f"{key(f.name)}.name"
    for f in dataclasses.fields(Run)
    if f.name != "activation_code"  # comes with the activation
}
"""The full name of the key of each field of `Run`; a group stands for the name of what was chosen from it."""

_LONGEST_NAME: Final = 255
_DEVICES: Final = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}

_SHARED: Final = (
    "name",
    "outputs",
    "data.root",
    "device",
    "workers",
    "engine.lanes",
    "report.draw",
    "report.figure",
    "probes",
    "save_weights",
)
"""Keys that must be the same for all runs of a sweep, as those of a study must."""
