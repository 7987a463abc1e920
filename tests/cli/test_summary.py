"""The table in a terminal: a row per arm, and what went wrong."""

import dataclasses

import pandas as pd
from rich.console import Console

from bnexp.cli.summary import draw_table
from tests.support.synthetic import product, rows


def printed(runs: pd.DataFrame) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(draw_table(runs))
    return [" ".join(line.split()) for line in capture.get().splitlines()]


def test_the_table_has_a_row_per_arm_in_the_order_of_the_axes() -> None:
    sweep = product(["post", "none"], ["sigmoid", "relu"], [1.0, 0.1])
    runs, _ = rows(sweep, accuracy=lambda run: 0.9 + 0.01 * run.seed)
    lines = printed(runs)
    assert lines[0] == "placement activation lr validation (%) test (%) n diverged stuck"
    assert lines[2:10] == [
        f"{placement} {activation} {lr} 91.00 ± 1.00 91.00 ± 1.00 3 0 0"
        for placement in ("none", "post")
        for activation in ("relu", "sigmoid")
        for lr in ("0.1", "1")
    ]


def test_the_table_counts_what_went_wrong_and_says_how() -> None:
    sweep = product(["pre"], seeds=range(4))
    runs, _ = rows(sweep, accuracy=lambda run: 0.1 if run.seed == 1 else 0.9, diverged={sweep[0]: 7})
    runs.loc[runs["seed"] == 3, "status"] = "failed"
    lines = printed(runs)
    assert lines[2] == "pre relu 36.67 ± 46.19 36.67 ± 46.19 3 1 1"  # of 0.1, 0.1 and 0.9
    caption = " ".join(lines[3:])
    assert "Digits (8×8 pixels)" in caption
    assert "over n seeds" in caption
    assert "Choose by validation" in caption
    assert "Diverged runs count at chance accuracy" in caption
    assert "1 failed" in caption


def test_the_table_gives_one_seed_no_deviation() -> None:
    assert printed(rows(product(["pre"], seeds=[2]))[0])[2] == "pre relu 92.00 92.00 1 0 0"


def test_of_many_arms_the_table_shows_the_best_by_validation_and_says_how_many_it_hides() -> None:
    lrs = [round(0.01 * number, 2) for number in range(1, 41)]
    runs, _ = rows(product(["pre"], lrs=lrs, seeds=[0]), accuracy=lambda run: run.lr)
    runs["test_accuracy"] = 1 - runs["test_accuracy"]
    lines = printed(runs)
    shown = [line.split()[2] for line in lines if line.startswith("pre")]
    assert shown == [f"{lr:g}" for lr in lrs[10:]]
    assert "10 hidden" in " ".join(lines)


def test_a_table_of_nothing_but_failures_says_so() -> None:
    lines = printed(rows(product(["pre"]))[0].assign(status="failed"))
    assert not [line for line in lines if line.startswith("pre")]
    assert "3 failed" in " ".join(lines)


def test_a_short_last_batch_right_before_the_evaluations_is_told() -> None:
    def caption(placement: str, **settings: int) -> str:
        runs = [dataclasses.replace(run, **settings) for run in product([placement], seeds=[0])]
        return " ".join(printed(rows(runs)[0]))

    said = "The last batch of an epoch holds 20 examples, and its noisy step comes right before the evaluation"
    short = {"data_train": 1220, "steps": 42, "evaluate": 21}
    assert said in caption("none", **short)
    assert "data.train=1200 has whole batches only" in caption("pre", **short)
    for placement, settings in (
        ("pre", short | {"evaluate": 10}),
        ("pre", short | {"data_train": 1200, "evaluate": 20}),
        ("pre", short | {"data_train": 1235}),
    ):
        assert said[:20] not in caption(placement, **settings)
