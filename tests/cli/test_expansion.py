"""Jobs that share a composition have the values, or the error, that Hydra's composition of each alone would give."""

import contextlib
import copy
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from bnexp.cli import expansion, values
from bnexp.cli.expansion import Expansion
from bnexp.cli.hydra_errors import call_hydra
from bnexp.cli.values import Values
from bnexp.errors import UserError

LEAVES = {
    "placement": ["pre", "post", "'none'", "midle", "null", "[pre]"],
    "activation": ["tanh", "relu", "sigmoyd"],
    "lr": [
        "0.1",
        "1",
        "0.30000000000000004",
        "1e-3",
        "-0.0",
        "'0.5'",
        "inf",
        "fast",
        "null",
        "true",
        "???",
        "${norm.eps}",
        "${seed}",
        "1,2",
    ],
    "seed": ["0", "7", "1.0", "1.5", "'8'", "${hydra:job.num}", "-1", "range(3)"],
    "hidden": ["[5]", "[6,7]", "[]", "['8']", "[a]", "100", "[${batch_size},3]", "[1.0]", "[null]", "[???]", "{a:1}"],
    "steps": ["null", "9", "many"],
    "data.root": ["null", "/x", "'a b'", "3", "[]", r"'\${x}'", "${oc.env:HOME}"],
    "data.train": ["100", "null"],
    "report.draw": ["false", "yes", "0", "maybe"],
    "report.figure": ["paper", "page", "papers"],
    "name": ["a", "b.c", "1", "null", "'1e3'", "'2026_11_25'", "'true'"],
    "optimizer.momentum": ["0.9", "0", "much"],
    "optimizer.name": ["adam", "adan"],
    "schedule.every": ["5", "${schedule.warmup}"],
    "norm.eps": ["0", "1e-4"],
    "workers": ["0", "null", "x"],
    "engine.lanes": ["8", "null"],
}
GROUPS = {
    "optimizer": ["adam", "adamw", "sgd", "adan", "null", "[adam]", "{momentum:0.5}", "{name:adam,beta1:0.5}"],
    "data": ["digits", "mnist", "minst", "${placement}"],
    "schedule": ["cosine", "step"],
    "engine": ["local"],
}
SPECIAL = [
    *("+lr=1", "++lr=0.3", "++lr=x", "~lr", "~seed=0", "~seed=1", "+foo=1", "++foo=1", "~foo", "placment=pre"),
    *("+norm.ep=1", "++norm.eps=2", "~norm.eps", "~data", "+optimizer=adam", "++optimizer.momentum=0.3", "~optimizer"),
    *(
        "optimizer@norm=adam",
        "lr@norm=1",
        "+optimizer@init=sgd",
        "norm={eps:0.5}",
        "norm={ep:1}",
        "init=he",
        "hydra.job.name=x",
    ),
    *("hydra.foo=1", "hydra/launcher=basic", "data.name=digits", "norm=null", "lr", "lr=[1", "hidden[0]=3"),
]
"""Everything that an override can be but a plain one; some of it is wrong, as is some of the above."""


TWICE = [
    *(["lr=1", "lr=2"], ["lr=fast", "lr=1"], ["hidden=[1,2,3]", "hidden=[4]"], ["optimizer=adam", "optimizer=sgd"]),
    *(["optimizer.momentum=0.5", "optimizer=adam"], ["optimizer=adam", "optimizer.name=sgd"]),
    *(["optimizer.momentum=0.1", "optimizer={momentum:0.5}"], ["optimizer={momentum:0.5}", "optimizer.momentum=0.1"]),
    *(["++lr=1", "lr=2"], ["lr=2", "++lr=1"], ["~lr", "+lr=1"], ["seed=3", "~seed=3"], ["lr=2", "norm.eps=${lr}"]),
]
"""One thing that is said twice: the order matters, but not between a choice from a group and a key."""


@dataclass
class Sweep:
    """What Hydra has of a sweep when it launches jobs."""

    loader: ConfigLoaderImpl
    master: DictConfig

    def expanded(self, *jobs: Sequence[str], first: int = 0) -> list[Values]:
        return expansion.expand(jobs, self.loader, self.master, first)

    def composed(self, job: Sequence[str], number: int = 0) -> Values:
        """The values of a job that is composed for itself."""
        return values.read(expansion.cut_task_part(expansion.compose(self.loader, self.master, job, number)))


@contextlib.contextmanager
def begun(folder: Path, name: str, *overrides: str) -> Iterator[Sweep]:
    current = HydraConfig.instance().cfg
    with hydra.initialize_config_dir(str(folder), version_base="1.3"):
        state = GlobalHydra.instance().hydra
        assert state is not None
        master = state.compose_config(name, list(overrides), run_mode=RunMode.MULTIRUN, from_shell=False)
        yield Sweep(state.config_loader, master)
    HydraConfig.instance().cfg = current


@pytest.fixture
def sweep() -> Iterator[Sweep]:
    with begun(values.find_conf(), "config") as default:
        yield default


def outcome(ask: Callable[..., object], *arguments: Any) -> str:
    """What comes of asking for values: these, with their types, or the sentence that refuses them."""
    try:
        return repr(call_hydra(lambda: ask(*arguments)))
    except UserError as error:
        return str(error)


def some_job(draw: random.Random) -> list[str]:
    """Choices from groups, values of keys, often twice, and sometimes something special, in any order."""
    words = [f"{group}={draw.choice(GROUPS[group][:2])}" for group in draw.sample(list(GROUPS), draw.randint(0, 2))]
    words += [f"{n}={draw.choice(LEAVES[n][:3])}" for n in draw.choices(list(LEAVES), k=draw.randint(1, 4))]
    if draw.random() < 0.5:
        names = {**LEAVES, **GROUPS}
        name = draw.choice(list(names))
        words.append(draw.choice([f"{name}={draw.choice(names[name])}", draw.choice(SPECIAL)]))
    draw.shuffle(words)
    return words


def remembering(load: Callable[..., Any]) -> Callable[..., Any]:
    """`load`, which is slow, but not twice for the same last argument: a copy of the result, or the same error."""
    loaded: dict[str, Any] = {}

    def remembered(*arguments: Any, **named: Any) -> Any:
        last = str([*arguments, *named.values()][-1])
        if last not in loaded:
            try:
                loaded[last] = load(*arguments, **named)
            except Exception as error:
                loaded[last] = error
        if isinstance(loaded[last], Exception):
            raise loaded[last]
        return copy.deepcopy(loaded[last])

    return remembered


@pytest.mark.parametrize("part", [pytest.param(1, id="all", marks=pytest.mark.slow), pytest.param(5, id="a fifth")])
def test_a_job_has_the_values_or_the_error_of_its_composition_alone(
    part: int, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    for owner, name in ((sweep.loader, "load_sweep_config"), (sweep.loader.repository, "load_config")):
        monkeypatch.setattr(owner, name, remembering(getattr(owner, name)))
    draw = random.Random(0)  # noqa: S311 - no secret
    every = [f"{name}={value}" for name, words in {**LEAVES, **GROUPS}.items() for value in words]
    jobs = [[word] for word in [*every, *SPECIAL]] + TWICE + [some_job(draw) for _ in range(80)]
    jobs = jobs[part // 2 :: part]
    together, refused = Expansion(sweep.loader, sweep.master), 0
    for number, job in enumerate(jobs):
        alone = outcome(sweep.composed, job, number)
        assert outcome(together.read_job, job, number) == alone, job
        refused += not alone.startswith("{")
    assert len(jobs) / 3 < refused < len(jobs) / 2


def test_only_another_choice_needs_another_composition(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    composed: list[list[str]] = []
    load = sweep.loader.load_sweep_config
    monkeypatch.setattr(
        sweep.loader, "load_sweep_config", lambda master, words: (composed.append(words), load(master, words))[1]
    )
    jobs = list(
        itertools.product(["optimizer=adam", "optimizer=sgd"], ["lr=1", "lr=2"], [f"seed={s}" for s in range(50)])
    )
    expanded = sweep.expanded(*jobs)
    assert composed == [["optimizer=adam"], ["optimizer=sgd"]]
    assert [(f"optimizer={v['optimizer.name']}", f"lr={v['lr']:g}", f"seed={v['seed']}") for v in expanded] == jobs


def test_the_first_wrong_job_is_the_one_that_is_told(sweep: Sweep) -> None:
    jobs = [[f"seed={seed}", "lr=fast" if seed == 2999 else "lr=0.1"] for seed in range(3000)]
    told = outcome(sweep.expanded, *jobs, ["placment=pre"])
    assert told == "lr must be a number; got 'fast'"


@pytest.mark.parametrize(
    ("content", "overrides"),
    [
        ("lr: ${norm.eps}", ["norm.eps=0.5"]),
        ("seed: ${hydra:job.num}", ["lr=0.5"]),
        ("hidden: ['${batch_size}', 3]", ["batch_size=20"]),
        ("lr: ???", ["lr=0.5"]),
        ("lr: ???", ["seed=1"]),
        ("data: {root: '${oc.env:HOME}'}", ["seed=1"]),
        ("optimizer: {momentum: 0.7}", ["optimizer=adam", "lr=1"]),
        ("hydra: {sweeper: {params: {lr: '1,2'}}}", ["optimizer=heavy", "optimizer.momentum=0.3"]),
        ("", ["optimizer=heavy", "seed=1"]),
        ("", ["optimizer=reaching", "lr=0.5"]),
        ("", ["optimizer=reaching"]),
        ("", ["seed=5"]),
    ],
)
def test_configurations_of_the_user_may_refer_and_reach_wherever_hydra_lets_them(
    content: str, overrides: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "heavy.yaml").write_text("defaults: [sgd]\nmomentum: 0.95\n")
    (tmp_path / "optimizer" / "reaching.yaml").write_text("# @package _global_\nlr: 3\noptimizer: {name: adam}\n")
    (tmp_path / "mine.yaml").write_text(f"defaults: [config, _self_]\n{content}\n")
    with begun(tmp_path, "mine", f"hydra.searchpath=[{values.find_conf()}]") as theirs:
        for owner in (theirs.loader, theirs.loader.repository):
            name = "load_config" if owner is theirs.loader.repository else "load_sweep_config"
            monkeypatch.setattr(owner, name, remembering(getattr(owner, name)))
        jobs = [overrides, [*overrides, "placement=pre"], *[overrides[:1]][: len(overrides) - 1]]
        for number, job in enumerate(jobs, 3):
            expected = outcome(theirs.composed, job, number)
            assert outcome(Expansion(theirs.loader, theirs.master).read_job, job, number) == expected


def test_a_group_of_the_user_that_is_called_like_a_key_is_a_group(tmp_path: Path) -> None:
    (tmp_path / "lr").mkdir()
    (tmp_path / "lr" / "low.yaml").write_text("# @package _global_\nlr: 0.001\nnorm: {eps: 0.5}\n")
    (tmp_path / "mine.yaml").write_text("defaults: [config, {lr: low}, _self_]\n")
    with begun(tmp_path, "mine", f"hydra.searchpath=[{values.find_conf()}]") as theirs:
        (job,) = theirs.expanded(["lr=low", "seed=1"])
        assert (job["lr"], job["norm.eps"], job["seed"]) == (0.001, 0.5, 1)
        assert outcome(theirs.expanded, ["lr=0.5"]) == outcome(theirs.composed, ["lr=0.5"])
