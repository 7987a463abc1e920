"""What changes do to a gap: shares against a written reference, verdicts against arrays that are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from bnexp.errors import UserError
from bnexp.runs import Run, find_acting
from bnexp.statistics.arms import ScoredRuns, score_runs
from bnexp.statistics.hypotheses import Prediction, read_hypotheses
from bnexp.statistics.interventions import (
    find_base,
    find_base_runs,
    judge_hypotheses,
    measure_contributions,
    measure_gaps,
    measure_interventions,
    measure_share,
)
from bnexp.statistics.interventions import (
    test_prediction as find_p,
)
from bnexp.statistics.interventions import (
    test_share as find_p_of_share,
)

GHOST = {
    "name": "noise",
    "claim": "It is noise.",
    "change": {"norm.kind": "ghost"},
    "activations": ["relu"],
    "held_out": ["elu"],
    "predicts": "closes",
    "share": 0.5,
    "refuted_by": "more than half is left",
}


def draw(gap: float, changed: float, n: int, seed: int = 0, sd: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=n)
    return gap + sd * (shared + rng.normal(size=n)), changed + sd * (shared + rng.normal(size=n))


@pytest.mark.parametrize(("gap", "changed"), [(5.0, 1.0), (-4.0, -3.0), (3.0, 5.0), (-6.0, 2.0)])
def test_the_ends_of_a_share_are_where_a_paired_t_test_is_just_not_significant(gap: float, changed: float) -> None:
    b, c = draw(gap, changed, 9)
    share, low, high = measure_share(b, c)
    assert share == pytest.approx(1 - c.mean() / b.mean())
    p = lambda s: stats.ttest_1samp(c - (1 - s) * b, 0).pvalue - 0.05  # noqa: E731
    assert low == pytest.approx(optimize.brentq(p, share - 20, share), abs=1e-9)
    assert high == pytest.approx(optimize.brentq(p, share, share + 20), abs=1e-9)


@pytest.mark.parametrize("share", [0.5, -0.5, 0.2])
@pytest.mark.parametrize("sign", [1, -1])
def test_the_test_of_a_share_agrees_with_its_interval(share: float, sign: int) -> None:
    for seed in range(40):
        b, c = draw(sign * 4.0, sign * 2.5, 8, seed)
        _, low, high = measure_share(b, c)
        if not np.isnan(low):
            above, below = find_p_of_share(b, c, share)
            assert (low > share) == (above < 0.025)
            assert (high < share) == (below < 0.025)


def test_a_gap_whose_interval_holds_zero_has_no_share() -> None:
    b, c = draw(0.1, 0.0, 8)
    assert stats.ttest_1samp(b, 0).pvalue > 0.05
    assert np.isnan(measure_share(b, c)).all()
    assert np.isnan(measure_share(b[:1], c[:1])).all()
    assert np.isnan(measure_share(np.zeros(5), np.ones(5))).all()


def test_gaps_without_chance_have_a_share_without_width() -> None:
    assert measure_share(np.full(4, 2.0), np.full(4, 0.5)) == pytest.approx((0.75, 0.75, 0.75))
    assert find_p_of_share(np.full(4, 2.0), np.full(4, 0.5), 0.5) == (0.0, 1.0)
    assert find_p_of_share(np.full(4, 2.0), np.full(4, 1.5), 0.5) == (1.0, 0.0)


def test_the_interval_of_a_share_covers_it() -> None:
    """Fieller's interval is exact for normal gaps; where it is missing nothing is claimed, which counts as covered."""
    covered = []
    for seed in range(2000):
        b, c = draw(2.0, 1.2, 8, seed)
        _, low, high = measure_share(b, c)
        covered.append(np.isnan(low) or low <= 0.4 <= high)
    assert 0.935 < np.mean(covered) < 0.975


def test_a_prediction_is_refuted_no_more_often_than_is_said_where_it_is_just_right() -> None:
    wrong = dict.fromkeys(Prediction, 0)
    true = {Prediction.closes: 1.0, Prediction.enlarges: 3.0, Prediction.leaves: 1.0}
    for predicts in Prediction:
        for seed in range(1500):
            _, p_wrong = find_p(*draw(2.0, true[predicts], 8, seed, sd=0.5), predicts, 0.5)
            wrong[predicts] += p_wrong <= 0.025
    assert all(0.01 <= count / 1500 <= 0.045 for count in wrong.values()), wrong


def make_runs(gaps: dict[tuple[str, str], float], seeds: int = 6) -> ScoredRuns:
    """Return runs whose post − pre is the gap of (kind, activation) and a little chance."""
    rng, rows = np.random.default_rng(1), []
    for (kind, activation), gap in gaps.items():
        for placement in ("pre", "post"):
            for seed in range(seeds):
                run = Run(placement=placement, activation=activation, norm_kind=kind, seed=seed, steps=10, evaluate=5)
                accuracy = 0.9 + (placement == "post") * gap + 1e-4 * rng.normal()
                rows.append(
                    find_acting(run) | {"run": f"{kind}{activation}{placement}{seed}", "test_accuracy": accuracy}
                )
    frame = pd.DataFrame(rows).assign(status="done", classes=10)
    accuracies = ("train", "validation", "test")
    columns = {f"{part}_{what}": 0.9 for part in accuracies for what in ("accuracy", "loss")}
    return score_runs(frame.assign(**{name: value for name, value in columns.items() if name not in frame}))


def test_the_runs_of_the_base_are_those_that_the_gaps_are_of() -> None:
    runs = make_runs({("batch", "relu"): 0.1, ("batch", "elu"): 0.1, ("ghost", "relu"): 0.3})
    base = find_base(runs)
    found = find_base_runs(runs, base)
    assert set(found["norm_kind"]) == {"batch"}
    assert len(found) == measure_gaps(runs, base)["n"].sum() * 2 == 24
    longer = runs.assign(run=runs["run"] + "long", norm_eps=1e-3)  # no setting is left out, whatever its name
    assert find_base_runs(pd.concat([runs, longer]), base)["run"].tolist() == found["run"].tolist()


def test_contributions_are_told_against_none_where_it_is_trained_and_else_against_batch_normalization() -> None:
    runs = make_runs({("batch", "relu"): 0.02, ("layer", "relu"): 0.05})
    found = measure_contributions(runs, find_base(runs))
    assert found[["kind", "placement", "against"]].to_numpy().tolist() == [
        ["layer", "pre", "batch"], ["layer", "post", "batch"]
    ]  # fmt: skip
    assert found["mean"].to_numpy() == pytest.approx([0, 0.03], abs=3e-4)
    bare = runs[(runs["norm_kind"] == "batch") & (runs["placement"] == "pre")].copy()
    idle = [name for name in bare if name.startswith("norm_")]
    bare = bare.assign(placement="none", run=bare["run"] + "none", test_accuracy=bare["test_accuracy"] - 0.1)
    bare[idle] = None
    found = measure_contributions(ScoredRuns(pd.concat([runs, bare])), find_base(runs)).set_index(["kind", "placement"])
    assert set(found["against"]) == {"none"}
    assert found["mean"].to_dict() == pytest.approx(
        {("batch", "pre"): 0.1, ("batch", "post"): 0.12, ("layer", "pre"): 0.1, ("layer", "post"): 0.15}, abs=3e-4
    )


def judge(gaps: dict[tuple[str, str], float], **other: object) -> pd.Series:
    runs = make_runs(gaps)
    (row,) = judge_hypotheses(
        measure_interventions(runs, find_base(runs), read_hypotheses([GHOST | other]))
    ).itertuples()
    return row


BASE = {("batch", "relu"): -0.01, ("batch", "elu"): -0.01, ("batch", "tanh"): 0.01}


def test_a_hypothesis_stands_where_every_activation_bears_it_out() -> None:
    row = judge(BASE | {("ghost", "relu"): -0.001, ("ghost", "elu"): -0.002})
    assert (row.verdict, row.right, row.wrong) == ("stands", ("relu", "elu"), ())


def test_one_activation_on_which_it_is_wrong_refutes_it() -> None:
    row = judge(BASE | {("ghost", "relu"): -0.001, ("ghost", "elu"): -0.009})
    assert (row.verdict, row.right, row.wrong) == ("refuted", ("relu",), ("elu",))


def test_an_enlargement_is_the_opposite_prediction() -> None:
    gaps = BASE | {("ghost", "relu"): -0.02, ("ghost", "elu"): -0.02}
    assert judge(gaps, predicts="enlarges").verdict == "stands"
    assert judge(gaps).verdict == "refuted"
    assert judge(gaps, predicts="leaves").verdict == "refuted"
    same = BASE | {("ghost", "relu"): -0.01, ("ghost", "elu"): -0.01}
    assert judge(same, predicts="leaves").verdict == "stands"


def test_what_is_not_trained_or_has_no_gap_is_said_to_be_so() -> None:
    assert judge(BASE).verdict == "not trained"
    row = judge(BASE | {("ghost", "relu"): -0.001})
    assert (row.verdict, row.missing) == ("undecided", ("elu",))
    row = judge({**BASE, ("batch", "relu"): 0.0, ("ghost", "relu"): -0.01, ("ghost", "elu"): -0.002})
    assert (row.verdict, row.no_gap) == ("stands", ("relu",))
    none = {**BASE, ("batch", "relu"): 0.0, ("batch", "elu"): 0.0, ("ghost", "relu"): 0.0, ("ghost", "elu"): 0.0}
    assert judge(none).verdict == "no gap"


def test_a_change_of_one_side_leaves_the_other_arm_where_it_was() -> None:
    runs = make_runs(BASE | {("batch", "centred_relu"): -0.003})
    hypothesis = read_hypotheses(
        [GHOST | {"change": {"activation": "centred_relu"}, "side": "pre", "held_out": ["tanh"]}]
    )
    row = measure_interventions(runs, find_base(runs), hypothesis).iloc[0]
    relu, shifted = (runs[(runs["activation"] == name)] for name in ("relu", "centred_relu"))
    post = relu[relu["placement"] == "post"]["test_accuracy"].mean()
    assert row["changed_mean"] == pytest.approx(post - shifted[shifted["placement"] == "pre"]["test_accuracy"].mean())


def test_the_base_is_what_most_arms_were_trained_under_and_has_its_gaps() -> None:
    runs = make_runs(BASE | {("ghost", "relu"): -0.02})
    base = find_base(runs.iloc[::-1].reset_index(drop=True))
    assert base.norm_kind == "batch"
    gaps = measure_gaps(runs, base).set_index("activation")
    assert gaps["mean"].round(3).to_dict() == {"relu": -0.01, "elu": -0.01, "tanh": 0.01}
    assert (gaps["n"] == 6).all()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"share": 0}, "study.hypotheses[1].share must be a number above 0 and at most 1; got 0"),
        ({"predicts": "close"}, "study.hypotheses[1].predicts must be one of closes, enlarges, leaves; got 'close'"),
        (
            {"change": {"norm.knd": 1}},
            "study.hypotheses[1].change must give keys of a run their values; got 'norm.knd'",
        ),
        ({"change": {"norm.kind": "gost"}}, "study.hypotheses[1].change: norm.kind must be one of"),
        ({"change": {}}, "study.hypotheses[1].change must give keys of a run their values, such as"),
        ({"activations": ["rulu"]}, "study.hypotheses[1].activations must be one of"),
        ({"activations": "relu"}, "study.hypotheses[1].activations must be a list of activations"),
        ({"activations": []}, "study.hypotheses[1].activations must be a list of activations"),
        ({"claim": " "}, "study.hypotheses[1].claim must be words; got ' '"),
        ({"because": "so"}, "study.hypotheses[1] must say name, claim, change"),
    ],
)
def test_a_hypothesis_that_cannot_be_read_is_one_sentence(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError) as error:
        read_hypotheses([GHOST | wrong])
    assert str(error.value).startswith(sentence)


def test_what_lacks_or_is_twice_is_said() -> None:
    with pytest.raises(UserError, match="must say its share; got none"):
        read_hypotheses([{name: value for name, value in GHOST.items() if name != "share"}])
    with pytest.raises(UserError, match="got 'noise' twice"):
        read_hypotheses([GHOST, GHOST])
    with pytest.raises(UserError, match=r"must say name, .*; got 3"):
        read_hypotheses([3])


def test_hypotheses_are_read_from_what_they_are_written_as() -> None:
    layers = GHOST | {"change": {"norm.layers": [1, 2], "lr": 0.3}}
    hypotheses = read_hypotheses([layers])
    assert hypotheses[0].words == "norm.layers=[1,2] lr=0.3"
    assert read_hypotheses([one.encode() for one in hypotheses]) == hypotheses
