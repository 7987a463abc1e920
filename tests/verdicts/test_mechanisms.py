"""What a study asks beside who is better: answered from measurements, also where the answer is no."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from bnexp.runs import Run
from bnexp.statistics import comparisons
from bnexp.statistics.arms import ARM, score_runs
from bnexp.statistics.layers import add_run_columns
from bnexp.statistics.measures import measure_drift, measure_saturation
from bnexp.verdicts.answers import Answer, answer_cells
from bnexp.verdicts.mechanisms import Measured, write_answer
from tests.support.synthetic import STEPS, grid, name, product, rows

BN = ("pre", "post")
SWEEP = product(BN, ["tanh"], seeds=range(8))
NOTHING = pd.DataFrame()


def accuracy(effect: float) -> Callable[[Run], float]:
    return lambda run: (
        0.9 + effect * (run.placement == "post") + 0.0003 * ((run.seed * 3 + (run.placement == "post")) % 5)
    )


def measure(saturated: dict[str, float], moves: dict[str, float] | None = None) -> pd.DataFrame:
    """Return rows of layers 1 to 3, the last the output, in which a placement has this share and moves that much."""
    rng, parts = np.random.default_rng(0), []
    for run in SWEEP:
        for step in (0, 20, STEPS):
            for layer in range(1, len(run.hidden) + 2):
                hidden = layer <= len(run.hidden)
                share = saturated[run.placement] + rng.normal(0, 0.01) if hidden else np.nan
                middle = (moves or saturated)[run.placement] * (step == STEPS) if hidden else np.nan
                parts.append((name(run), step, layer, share, middle - 1, middle, middle + 1))
    columns = ["run", "step", "layer", "saturated", "unit_q15", "unit_q50", "unit_q85"]
    return pd.DataFrame(parts, columns=columns)


def answer(effect: float, layers: pd.DataFrame, asked: str = "saturated") -> str:
    runs, _ = rows(SWEEP, accuracy(effect))
    whole = grid(runs)
    (one,) = answer_cells(comparisons.compare_at_best(whole), whole.design)
    return write_answer(one, asked, Measured(add_run_columns(layers, score_runs(runs), ARM), NOTHING, NOTHING))


def test_a_better_arm_that_is_the_more_saturated_one_is_not_explained_by_saturation() -> None:
    text = answer(0.02, measure({"pre": 0.12, "post": 0.31}))
    assert text.startswith("The better arm, post, is the more saturated one (31.")
    assert " against 12." in text or " against 11." in text
    assert text.endswith("n = 8): saturation does not explain it.")


def test_a_better_arm_that_is_less_saturated_may_be_and_equal_ones_are_not() -> None:
    assert "is the less saturated one" in answer(0.02, measure({"pre": 0.31, "post": 0.12}))
    assert "saturation may explain it, which is no proof" in answer(-0.02, measure({"pre": 0.12, "post": 0.31}))
    assert "is not shown to be more or less saturated" in answer(0.02, measure({"pre": 0.3, "post": 0.3}))
    assert "no difference is shown that saturation could explain" in answer(0.0, measure({"pre": 0.1, "post": 0.3}))


def test_the_share_is_the_mean_over_hidden_layers_at_the_end_and_drift_that_of_the_last_one() -> None:
    runs = score_runs(rows(SWEEP, accuracy(0.0))[0])
    layers = measure({"pre": 0.2, "post": 0.2}, {"pre": 0.5, "post": 1.0})
    whole = add_run_columns(layers, runs, ARM)
    run = name(SWEEP[0])
    own = layers[(layers["run"] == run) & (layers["step"] == STEPS)]
    assert measure_saturation(whole)[run] == pytest.approx(own["saturated"].mean())
    assert measure_drift(whole)[run] == pytest.approx(0.5 / 2)  # from 0 to 0.5 in one step, of a spread of 2


def test_what_moves_more_is_said_to_move_more() -> None:
    layers = measure({"pre": 0.2, "post": 0.2}, {"pre": 0.5, "post": 1.0})
    layers["unit_q50"] += np.random.default_rng(1).normal(0, 0.01, len(layers))
    assert "moves under post more than under pre (0.5" in answer(0.0, layers, "drift")


def spread(low: float, high: float) -> pd.DataFrame:
    middle = [(1.0, 0.9, 1.1), ((low + high) / 2, low, high)]
    frame = pd.DataFrame(middle, columns=["sensitivity", "low", "high"])
    return frame.assign(activation="tanh", level=BN, mean=frame["sensitivity"], reached=8, n=8, threshold=0.9)


@pytest.mark.parametrize(("asked", "word"), [("sensitivity", "less"), ("speed", "faster")])
def test_cost_and_speed_are_compared_with_the_first_level(asked: str, word: str) -> None:
    runs, _ = rows(SWEEP, accuracy(0.0))
    whole = grid(runs)
    (one,) = answer_cells(comparisons.compare_at_best(whole), whole.design)
    less, alike = (Measured(NOTHING, frame, frame) for frame in (spread(0.1, 0.3), spread(0.5, 1.0)))
    assert write_answer(one, asked, less).endswith(f"; {word} than pre: post.")
    assert write_answer(one, asked, alike).endswith(f"; no other is shown to be {word} than pre.")


def test_an_answer_that_does_not_exist_is_one_sentence() -> None:
    with pytest.raises(
        ValueError, match=r"study.answers must name some of .*; got 'saturation': did you mean saturated"
    ):
        answer(0.0, measure({"pre": 0.2, "post": 0.2}), "saturation")


def test_a_study_may_say_which_two_levels_its_question_is_about() -> None:
    sweep = product(["pre"], ["relu", "elu", "tanh"], seeds=range(8))
    whole = grid(rows(sweep, lambda run: 0.9 + 0.01 * ["relu", "elu", "tanh"].index(run.activation))[0], "activation")
    effects = comparisons.compare_at_best(whole)

    def subject(*about: str) -> set[str]:
        one: Answer = answer_cells(effects, whole.design, about)[0]
        return {side.level for side in one.subject.sides}

    assert subject() == {"elu", "tanh"}
    assert subject("relu", "tanh") == {"relu", "tanh"}
    assert subject("relu", "gelu") == {"elu", "tanh"}  # not both are compared
