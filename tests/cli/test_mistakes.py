"""A mistake of the user is one sentence on standard error, exit code 2, and nothing trained or written."""

import shlex
from pathlib import Path
from typing import Any

import pytest
from hydra.errors import HydraException

from bnexp.cli import values
from tests.cli.conftest import Command, Ended, Fakes, process

KEY = "a key must be one of those that `bnexp --help` lists; got"
SWEEP = "several values must come with -m, which asks for a sweep; got"
FORM = "an argument must be KEY=VALUE, or with -m also KEY=V1,V2 or 'KEY=range(10)'; got"
QUOTE = "see `bnexp --help`, and quote what is special, as in KEY=\"'~/a b'\""
NONE = "must have a value; got none: give it one, or leave it out to take its default"
WORD = "the first word must be KEY=VALUE, -m, or one of plan, report, show, check, data; got"
REPORT = "the command must be `bnexp report DIR [DIR ...] [compare=KEY] [margin=POINTS] [out=FOLDER]`"
DATA = "data must be one of digits, fashion_mnist, mnist; got"
STORE = "a store must be a folder with results in runs/; found none in"
ACTIVATIONS = "relu, leaky_relu, elu, selu, gelu, silu, tanh, sigmoid, softplus, identity"

MISTAKES = [
    ("placment=pre", f"{KEY} 'placment': did you mean placement?"),
    ("optimzer=adam", f"{KEY} 'optimzer': did you mean optimizer?"),
    ("--cfg job placment=pre", f"{KEY} 'placment': did you mean placement?"),
    ("rate=1", f"{KEY} 'rate'"),
    ("eps=1", f"{KEY} 'eps': did you mean optimizer.eps or norm.eps?"),
    ("+unknown=1", f"{KEY} 'unknown'"),
    ("+lr=1", "a + must stand only before a new key; got '+lr', which is known: leave out the +"),
    ("hydra.foo=1", "Hydra must know a key; got 'hydra.foo': `bnexp --cfg hydra` lists its keys"),
    ("placement=midle", "placement must be one of none, pre, post; got 'midle'"),
    ("activation=sigmoyd", f"activation must be one of {ACTIVATIONS}; got 'sigmoyd': did you mean sigmoid?"),
    ("optimizer.name=adan", "optimizer must be one of sgd, adam, adamw; got 'adan': did you mean adam?"),
    ("device=gpu", "device must be one of auto, cpu, cuda; got 'gpu': did you mean cpu?"),
    ("data=minst", f"{DATA} 'minst': did you mean mnist?"),
    (
        "data=null",
        "a group must be given the name of a choice, such as data=mnist; got a value of another kind (NoneType)",
    ),
    ("hydra/env=defalt", "hydra/env must be one of default; got 'defalt': did you mean default?"),
    ("lr=fast", "lr must be a number; got 'fast'"),
    ("lr=null", "lr must be a number; got null"),
    ("lr=0", "lr must be a finite number greater than 0; got 0.0"),
    ("seed=1.5", "seed must be a whole number; got 1.5"),
    ("report=maybe", "report must be true or false; got 'maybe'"),
    ("hidden=100", "hidden must be a list of whole numbers such as [100,100]; got 100"),
    ("hidden=[a]", 'hidden must be a list of whole numbers such as [100,100]; got ["a"]'),
    ("hidden=[]", "hidden must be a list of at least one width, each at least 1, such as [100,100]; got []"),
    ("steps=many", "steps must be a whole number; got 'many'"),
    ("data.root=[]", "data.root must be a name; got []"),
    ("epochs=0", "epochs must be at least 1; got 0"),
    ("batch_size=1", "batch_size must be at least 2, because one example cannot be normalised; got 1"),
    (
        "data.train=61",
        "the last batch of an epoch must hold at least two examples, because one cannot be normalised; got 61 examples "
        "in batches of 60: take batch_size=59 or 61",
    ),
    ("optimizer.momentum=1", "optimizer.momentum must be at least 0 and less than 1; got 1.0"),
    ("norm.eps=-1", "norm.eps must be a finite number of at least 0; got -1.0"),
    ("lr=???", f"lr {NONE}"),
    ("~lr", f"lr {NONE}"),
    ("~norm.eps", f"norm.eps {NONE}"),
    (
        "'lr=${rate}'",
        "lr must have a value that can be worked out; got one that cannot (Interpolation key 'rate' not found)",
    ),
    ("workers=-1", "workers must be at least 0, which trains in this process; got -1"),
    ("workers=all", "workers must be a whole number; got 'all'"),
    ("engine.lanes=0", "engine.lanes must be at least 1; got 0"),
    ("engine=slurm", "engine must be one of local; got 'slurm'"),
    ("name=a/b", "name must be a plain folder name without slashes or a leading dot; got 'a/b'"),
    ("lr=0.1,1", f"{SWEEP} 'lr=0.1,1' without it: add -m"),
    ("'seed=range(3)'", f"{SWEEP} 'seed=range(3)' without it: add -m"),
    ("hidden=9,9", f"{SWEEP} 'hidden=9,9' without it: add -m, or write hidden=[9,9] for one list"),
    ("lr=[1,2", f"{FORM} 'lr=[1,2': {QUOTE}"),
    ("data.root=~/x", f"{FORM} 'data.root=~/x': {QUOTE}"),
    ("-m 'seed=rang(3)'", f"{FORM} 'seed=rang(3)' (Unknown function 'rang'): {QUOTE}"),
    ("-m lr", f"{FORM} 'lr': {QUOTE}"),
    (
        "-m 'lr=interval(0,1)'",
        "a sweep must be over values that can be listed; got 'lr=interval(0,1)': take range(...) or a list, or choose "
        "a sweeper that samples intervals by hydra/sweeper=NAME",
    ),
    ("-m 'seed=range(0)'", "a sweep must ask for at least one run; got 'seed=range(0)', which has no values"),
    ("-m 'data=glob(x*)'", "a sweep must ask for at least one run; got 'data=glob(x*)', which has no values"),
    ("-m lr=0.1,0.2,-1", "lr must be a finite number greater than 0; got -1.0"),
    ("-m 'seed=range(2999,-2,-1)'", "seed must be a whole number of at least 0; got -1"),
    ("-m lr=0.1 hydra.sweeper.max_batch_size=0", "hydra.sweeper.max_batch_size must be at least 1; got 0"),
    ("-m workers=1,2", "workers must be the same for all runs of a sweep; got 1 and 2: take one"),
    ("-m placement=pre,past", "placement must be one of none, pre, post; got 'past': did you mean post?"),
    ("-m data=mnist,minst", f"{DATA} 'minst': did you mean mnist?"),
    ("-m name=a,b", "name must be the same for all runs of a sweep; got 'a' and 'b': take one"),
    ("-m report=true,false", "report must be the same for all runs of a sweep; got true and false: take one"),
    (
        "-m hydra.verbose=true,false",
        "Sweeping over Hydra's configuration is not supported : 'hydra.verbose=true,false'",
    ),
    ("--config-dir nowhere", "--config-dir must be a folder; got '{cwd}/nowhere'"),
    (
        "--config-name mine",
        "a configuration must be a YAML file of bnexp or in --config-dir; got 'mine', which is in neither",
    ),
    ("--sweep lr=1", "an option must be one that Hydra knows; got unrecognized arguments: --sweep: see `bnexp --help`"),
    ("--resolve lr=1", "The --resolve flag can only be used in conjunction with --cfg or --help"),
    ("lr=1 --run -c job", "Only one of --run, --multirun, --cfg, --info and --shell_completion can be specified"),
    ("repot outputs/x", f"{WORD} 'repot': did you mean report?"),
    ("placement", f"{WORD} 'placement': give it a value, placement=…"),
    ("nonsense", f"{WORD} 'nonsense': see `bnexp --help`"),
    ("report", f"{REPORT}; got `bnexp report`"),
    ("report compare=lr", f"{REPORT}; got no DIR"),
    ("report a metric=loss", f"{REPORT}; got 'metric=loss' in it"),
    ("report a margin=none", "margin must be a number of percentage points above 0 and below 100; got 'none'"),
    ("report a out=", f"{REPORT}; got 'out=' in it"),
    ("report a margin=0", "margin must be a number of percentage points above 0 and below 100; got '0'"),
    ("report nowhere", f"{STORE} nowhere: train into it first"),
    ("report nowhere elsewhere", f"{STORE} nowhere: train into it first"),
    ("show", "the command must be `bnexp show RUN [DIR]`; got `bnexp show`"),
    ("show abc nowhere", f"{STORE} nowhere: train into it first"),
    (
        "show abc",
        "RUN must be the beginning of one run's id; got 'abc', with which none of the ids in outputs begin: they are "
        "in the column `run` of a store's runs",
    ),
    ("data", "the command must be `bnexp data fetch|verify [data=NAME] [data.root=DIR]`; got `bnexp data`"),
    (
        "data fetch mnist",
        "the command must be `bnexp data fetch|verify [data=NAME] [data.root=DIR]`; got 'mnist' in it",
    ),
    ("data verify data=minst", "data must be one of mnist, fashion_mnist, digits; got 'minst': did you mean mnist?"),
]


@pytest.mark.parametrize(("words", "sentence"), MISTAKES, ids=[words for words, _ in MISTAKES])
def test_a_mistake_is_told_in_one_sentence_and_nothing_is_trained_or_written(
    words: str, sentence: str, command: Command, fakes: Fakes, tmp_path: Path
) -> None:
    ended = command(*shlex.split(words))
    assert ended == Ended(2, "", f"bnexp: {sentence.format(cwd=tmp_path) if '{cwd}' in sentence else sentence}\n")
    assert (fakes.sweeps, fakes.loaded, list(tmp_path.iterdir())) == ([], [], [])


def test_a_wording_of_hydra_that_is_not_known_here_is_still_one_line(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def new(_: Any) -> None:
        raise HydraException("Something\n  new.\nSee https://hydra.cc/docs")

    monkeypatch.setattr(values, "to_run", new)
    assert command("lr=1") == Ended(2, "", "bnexp: Something new\n")


def test_whoever_asks_hydra_for_the_traceback_gets_it(tmp_path: Path) -> None:
    for words in (["placment=pre"], ["lr=-1"]):
        ended = process("-m", "bnexp", *words, cwd=tmp_path, HYDRA_FULL_ERROR="1")
        assert ended.returncode == 1
        assert ended.stderr.startswith("Traceback") or "Error executing job" in ended.stderr
        assert "ConfigCompositionException" in ended.stderr or "UserError: lr must be" in ended.stderr
