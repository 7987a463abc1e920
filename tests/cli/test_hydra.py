"""Hydra's other roads: files of the user, other sweepers, other launchers, other programs."""

import math
import random
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn, JobStatus
from omegaconf import OmegaConf

from bnexp.choices import round_digits
from bnexp.cli import values
from tests.cli.conftest import DIVERGES, FAILS, Command, Fakes, process


def test_a_user_may_have_a_configuration_of_their_own_with_values_to_sweep_over(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    (tmp_path / "my" / "optimizer").mkdir(parents=True)
    (tmp_path / "my" / "optimizer" / "heavy.yaml").write_text("defaults: [sgd]\nmomentum: 0.95\n")
    (tmp_path / "my" / "rates.yaml").write_text(
        "defaults: [config, _self_]\nepochs: 2\nhydra: {sweeper: {params: {lr: '0.5,0.25', placement: 'pre,post'}}}\n"
    )
    ended = command("-m", "--config-dir", "my", "--config-name", "rates", "optimizer=heavy", "placement=none")
    assert (ended.code, ended.err) == (0, "")
    asked = [(run.lr, run.placement, run.momentum, run.epochs) for run in fakes.sweeps[0].runs]
    assert asked == [(0.5, "none", 0.95, 2), (0.25, "none", 0.95, 2)]
    assert {path.name for path in tmp_path.iterdir()} == {"my"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("momentun: 1", "a key must be one of those that `bnexp --help` lists; got 'optimizer.momentun': did you mean "
         "optimizer.momentum? (in optimizer/heavy.yaml)"),
        ("momentum: much", "optimizer.momentum must be a number; got 'much' (in optimizer/heavy.yaml)"),
        ("momentum: 2", "optimizer.momentum must be at least 0 and less than 1; got 2.0"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_file_of_the_user_is_told_in_one_sentence(
    content: str, sentence: str, command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "optimizer" / "heavy.yaml").write_text(f"defaults: [sgd]\n{content}\n")
    ended = command("--config-dir", ".", "optimizer=heavy")
    assert (ended.code, ended.err) == (2, f"bnexp: {sentence}\n")
    assert fakes.sweeps == []


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("lr=2", None),
        ("lr=fast", "lr must be a number; got 'fast'"),
        ("+rate=1", "a key must be one of those that `bnexp --help` lists; got 'rate'"),
        ("~lr", "lr must have a value; got none: give it one, or leave it out to take its default"),
    ],
)
def test_a_file_of_the_user_that_leaves_out_the_schema_is_held_to_it(
    word: str, sentence: str | None, command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    whole = (values.find_conf() / "config.yaml").read_text()
    (tmp_path / "bare.yaml").write_text(whole.replace("  - schema\n", ""))
    for words in ([word], ["-m", word]):
        ended = command("--config-dir", ".", "--config-name", "bare", *words)
        assert ended.err == ("" if sentence is None else f"bnexp: {sentence}\n")
    assert [run.lr for asked in fakes.sweeps for run in asked.runs] == ([2.0, 2.0] if sentence is None else [])


def test_a_file_of_the_user_that_is_no_yaml_is_told_in_one_line(command: Command, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("lr: [1\n: 2")
    ended = command("--config-dir", ".", "--config-name", "broken")
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert re.match(r"bnexp: while parsing .*broken\.yaml", ended.err)


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> list[JobReturn]:
    """All jobs that our launcher has returned, in order."""
    Plugins.instance()  # first: looking for plugins, Hydra executes their modules once more
    from hydra_plugins.hydra_bnexp.launcher import BnexpLauncher

    returned: list[JobReturn] = []
    launch = BnexpLauncher.launch

    def spy(self: Any, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        assert initial_job_idx == len(returned)
        launched = launch(self, job_overrides, initial_job_idx)
        returned.extend(launched)
        return launched

    monkeypatch.setattr(BnexpLauncher, "launch", spy)
    return returned


@pytest.mark.parametrize(("sweeper", "whole"), [("bnexp", False), ("basic", True)])
def test_a_sweeper_gets_the_validation_loss_of_each_job_in_order_and_another_one_its_configuration_too(
    sweeper: str, whole: bool, command: Command, fakes: Fakes, jobs: list[JobReturn]
) -> None:
    assert command("-m", f"lr=0.5,{DIVERGES},{FAILS},0.25", "epochs=1", f"hydra/sweeper={sweeper}").code == 1
    assert len(fakes.sweeps) == 1
    assert [job.status for job in jobs] == [JobStatus.COMPLETED] * 4
    losses = [job.return_value for job in jobs]
    assert losses == [0.5, math.inf, math.inf, 0.25]
    assert [list(job.overrides or []) for job in jobs[::3]] == [["lr=0.5", "epochs=1"], ["lr=0.25", "epochs=1"]]
    numbers = [OmegaConf.select(job.hydra_cfg, "hydra.job.num") for job in jobs if job.hydra_cfg]
    rates = [job.cfg.lr for job in jobs if job.cfg]
    assert (numbers, rates) == (([0, 1, 2, 3], [0.5, DIVERGES, FAILS, 0.25]) if whole else ([], []))


@pytest.mark.parametrize("sweeper", ["bnexp", "basic"])
def test_a_sweep_in_batches_numbers_its_jobs_through(
    sweeper: str, command: Command, fakes: Fakes, jobs: list[JobReturn]
) -> None:
    words = ["-m", "lr=0.5,0.4,0.3,0.2,0.1", "seed=${hydra:job.num}", f"hydra/sweeper={sweeper}"]
    assert command(*words, "hydra.sweeper.max_batch_size=2").code == 0
    asked = [[(run.lr, run.seed) for run in asked.runs] for asked in fakes.sweeps]
    assert asked == [[(0.5, 0), (0.4, 1)], [(0.3, 2), (0.2, 3)], [(0.1, 4)]]
    assert [job.return_value for job in jobs] == [0.5, 0.4, 0.3, 0.2, 0.1]


@pytest.mark.parametrize(
    "words",
    [
        ["lr=1,2", "placement=none,pre,post", "seed=range(3)"],
        ["lr=1,2", "seed=0", "lr=3,4,5"],
        ["lr=1", "seed=1,2", "lr=2"],
        ["hidden=[1,2],[3]", "data.root='a b','c,d'", "~norm.eps", "+x=null,1", "++y=[]", "optimizer={name:adam},sgd"],
        ["lr=choice(1,2)", "seed=shuffle(range(3))", "name=sort(b,a,reverse=true)", "steps=1e3,1.0", "~lr=1"],
        [],
    ],
)
def test_a_sweep_asks_for_the_jobs_of_the_basic_sweeper_in_its_order(words: list[str]) -> None:
    Plugins.instance()
    from hydra_plugins.hydra_bnexp.sweeper import combine

    overrides = OverridesParser.create().parse_overrides(words)
    random.seed(0)  # for shuffle
    (expected,) = BasicSweeper.split_arguments(overrides, None)
    random.seed(0)
    assert combine(overrides) == expected


def test_a_mistake_in_the_last_batch_is_told_before_the_first_is_trained(command: Command, fakes: Fakes) -> None:
    for wrong, sentence in (("-1", "a finite number greater than 0; got -1.0"), ("fast", "a number; got 'fast'")):
        ended = command("-m", f"lr=0.1,0.2,{wrong}", "hydra.sweeper.max_batch_size=1")
        assert (ended.code, ended.err) == (2, f"bnexp: lr must be {sentence}\n")
    assert fakes.sweeps == []


def test_callbacks_are_told_of_every_job_as_by_the_launcher_of_hydra(
    command: Command, fakes: Fakes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "listening.py").write_text(
        textwrap.dedent("""
            from hydra.core.hydra_config import HydraConfig

            heard = []

            class Listener:
                def __getattr__(self, name):
                    if not name.startswith("on_"):
                        raise AttributeError(name)
                    return lambda config, **_: heard.append((name, config))

                def on_job_start(self, config, *, task_function):
                    hydra = HydraConfig.get()
                    output = hydra.runtime.output_dir
                    heard.append(("on_job_start", hydra.job.num, output, config.lr, type(task_function)))

                def on_job_end(self, config, job_return):
                    job = job_return
                    heard.append(
                        ("on_job_end", HydraConfig.get().job.num, job.return_value, job.status, job.cfg, job.task_name,
                         list(job.overrides), job.working_dir, config.hydra.job.id, job.hydra_cfg.hydra.job.num)
                    )
            """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    import listening  # type: ignore[import-not-found]

    words = ["-m", "lr=0.5,0.25", "name=heard", "+hydra.callbacks.mine._target_=listening.Listener"]
    told = {}
    for launcher in ("bnexp", "basic"):
        assert command(*words, f"hydra/launcher={launcher}").code == 0
        told[launcher] = [entry for entry in listening.heard if entry[0].startswith("on_job_")]
        assert [entry[0] for entry in listening.heard if entry not in told[launcher]] == [
            "on_multirun_start",
            "on_multirun_end",
        ]
        listening.heard.clear()
    assert [entry[:2] for entry in told["bnexp"]] == [
        *[("on_job_start", 0), ("on_job_start", 1)],  # all before the first end, because they are trained together
        *[("on_job_end", 0), ("on_job_end", 1)],
    ]
    assert [len(asked.runs) for asked in fakes.sweeps] == [2, 1, 1]
    assert sorted(told["bnexp"], key=lambda e: e[:2]) == sorted(told["basic"], key=lambda e: e[:2])


@pytest.mark.filterwarnings("ignore")  # theirs, of their own old names
def test_optuna_searches_for_the_learning_rate_of_the_lowest_validation_loss(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="not installed: pip install 'bnexp[optuna]'")
    words = ["-m", "hydra/sweeper=optuna", "lr=interval(0.01,1)", "placement=choice(pre,post)", "name=searched"]
    assert command(*words, "hydra.sweeper.n_trials=5", "hydra.sweeper.n_jobs=3").code == 0
    assert [len(asked.runs) for asked in fakes.sweeps] == [3, 2]
    rates = [run.lr for asked in fakes.sweeps for run in asked.runs]
    assert len(set(rates)) == 5
    assert all(0.01 <= rate <= 1 for rate in rates)
    best = OmegaConf.load(tmp_path / "outputs" / "searched" / "logs" / "optimization_results.yaml")
    assert (best.best_value, round_digits(best.best_params.lr)) == (min(rates), min(rates))


@pytest.mark.filterwarnings("ignore")  # theirs, of their own old names
def test_a_search_that_optuna_keeps_in_a_file_is_gone_on_with_by_the_same_command(
    command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper", reason="not installed: pip install 'bnexp[optuna]'")
    optuna = pytest.importorskip("optuna")
    storage = f"sqlite:///{tmp_path / 'searches.db'}"
    words = ["-m", "hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1", "lr=interval(0.01,1)"]
    for searches in (1, 2):
        assert command(*words, f"hydra.sweeper.storage={storage}", "hydra.sweeper.study_name=s").code == 0
        study = optuna.load_study(study_name="s", storage=storage)
        rates = [asked.runs[0].lr for asked in fakes.sweeps]
        assert len(rates) == 2 * searches
        assert [trial.params["lr"] for trial in study.trials] == pytest.approx(rates, rel=1e-11)  # a run has 12 digits
        assert [trial.value for trial in study.trials] == rates  # the loss of a run of the fakes
        assert study.best_value == min(rates)


def test_the_number_of_a_job_can_be_used_in_its_values(command: Command, fakes: Fakes) -> None:
    assert command("-m", "placement=none,pre,post", "seed=${hydra:job.num}").code == 0
    assert [run.seed for run in fakes.sweeps[0].runs] == [0, 1, 2]


def test_a_sweeper_that_writes_finds_its_folder_below_the_store(command: Command, fakes: Fakes, tmp_path: Path) -> None:
    assert command("-m", "lr=0.1,0.2", "name=y").code == 0
    assert not (tmp_path / "outputs").exists()  # ours writes nothing
    fakes.sweeps.clear()
    assert command("-m", "hydra/sweeper=basic", "hydra.sweeper.max_batch_size=2", "lr=0.1,0.2,0.3", "name=x").code == 0
    assert [len(asked.runs) for asked in fakes.sweeps] == [2, 1]
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.glob("**/*.yaml")] == ["outputs/x/logs/multirun.yaml"]


def test_the_launcher_of_hydra_trains_the_runs_one_by_one(command: Command, fakes: Fakes, tmp_path: Path) -> None:
    ended = command("-m", "hydra/launcher=basic", f"lr=0.1,{FAILS}")
    assert (ended.code, "HYDRA" in ended.out) == (1, False)
    assert ended.err == "bnexp: 1 of 1 runs could not be trained; outputs/runs/logs/bnexp.log says why\n"
    assert [[run.lr for run in asked.runs] for asked in fakes.sweeps] == [[0.1], [FAILS]]
    assert [str(path.relative_to(tmp_path / "outputs")) for path in (tmp_path / "outputs").rglob("*")] == [
        "runs",
        "runs/logs",
    ]


def test_the_jobs_of_another_program_are_left_to_the_launcher_of_hydra(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(
        textwrap.dedent("""
            import hydra
            from bnexp.cli.hydra_errors import accept_lazy_help  # without it Hydra 1.3 does not start on Python 3.14

            @hydra.main(version_base="1.3", config_path=None)
            def main(cfg):
                print("x is", cfg.x)

            with accept_lazy_help():
                main()
        """)
    )
    ended = process("theirs.py", "-m", "hydra/launcher=bnexp", "+x=1,2", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.findall(r"^x is \d", ended.stdout, re.MULTILINE) == ["x is 1", "x is 2"]


@pytest.mark.parametrize("words", [["--info"], ["--hydra-help"], ["--cfg", "all"], ["-m", "lr=0.1,-1"]])
def test_looking_and_failing_leave_nothing_behind(words: list[str], tmp_path: Path) -> None:
    ended = process("-m", "bnexp", *words, cwd=tmp_path)
    assert ended.returncode == (2 if "-m" in words else 0), ended.stderr
    assert list(tmp_path.iterdir()) == []
