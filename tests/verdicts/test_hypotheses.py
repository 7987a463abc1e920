"""What interventions say of a hypothesis, in words made from numbers."""

import numpy as np
import pandas as pd

from bnexp.statistics.hypotheses import read_hypotheses
from bnexp.statistics.interventions import COLUMNS, judge_hypotheses
from bnexp.verdicts.hypotheses import list_words, points_text, summarize, write_judged, write_verdicts

(NOISE,) = read_hypotheses(
    [
        {
            "name": "noise",
            "claim": "It is noise.",
            "change": {"norm.kind": "ghost"},
            "side": "pre",
            "activations": ["relu", "tanh"],
            "held_out": ["elu"],
            "predicts": "enlarges",
            "share": 0.5,
            "refuted_by": "it does not",
        }
    ]
)


def write(*rows: dict[str, object]) -> tuple[str, str, str]:
    shared = {"hypothesis": "noise", "held_out": False, "n": 8, "p_right": 0.5, "p_wrong": 0.5}
    measured = pd.DataFrame([shared | row for row in rows], columns=list(COLUMNS))
    (judged,) = write_judged((NOISE,), measured, judge_hypotheses(measured))
    return judged.badge, judged.kind, judged.sentence


RIGHT = {"share": -1.2, "low": -2.0, "high": -0.6, "p_right": 0.01, "p_wrong": 0.99}


def test_a_verdict_says_what_was_predicted_what_was_seen_and_for_which_it_held() -> None:
    right = [RIGHT | {"activation": "relu"}, RIGHT | {"activation": "elu", "held_out": True}]
    badge, kind, sentence = write(*right, {"activation": "tanh", "share": np.nan})
    assert (badge, kind) == ("stands", "better")
    assert sentence == (
        "It is noise. Predicted with norm.kind=ghost, for pre alone, was that the gap grows by at least 50 %. Of the "
        "gap closed (n = 8): relu −120 % [−200, −60], elu (held out) −120 % [−200, −60]. The prediction is borne out "
        "for relu and elu; nothing to close, because the gap's interval holds 0, for tanh."
    )


def test_one_that_is_wrong_or_open_is_named() -> None:
    wrong = {"activation": "tanh", "share": 0.1, "low": 0.0, "high": 0.2, "p_right": 1.0, "p_wrong": 1e-4}
    badge, kind, sentence = write(RIGHT | {"activation": "relu"}, wrong)
    assert (badge, kind) == ("refuted", "equivalent")
    assert sentence.endswith("The prediction is borne out for relu; wrong for tanh.")
    badge, _, sentence = write({"activation": "relu", "share": 0.1, "low": -1.0, "high": 0.9})
    assert badge == "undecided"
    assert sentence.endswith("The prediction is undecided for relu.")


def test_the_activation_that_says_most_against_a_prediction_stands_for_its_hypothesis() -> None:
    weak = {"activation": "tanh", "share": -0.6, "low": -0.9, "high": -0.51, "p_right": 0.02, "p_wrong": 0.98}
    shared = {"hypothesis": "noise", "held_out": False, "n": 8}
    rows = [shared | RIGHT | {"activation": "relu"}, shared | weak, shared | {"activation": "elu", "share": np.nan}]
    measured = pd.DataFrame(rows, columns=list(COLUMNS))
    judged = judge_hypotheses(measured)
    (row,) = summarize((NOISE,), measured, judged).to_dict("records")
    assert row["prediction"] == "norm.kind=ghost (pre): that the gap grows by at least 50 %"
    assert (row["activation"], row["share"], row["low"], row["high"]) == ("tanh", -0.6, -0.9, -0.51)
    assert row["verdict"] == "stands"
    assert write_verdicts(judged) == "Of 1 hypotheses that were written down before training, standing: 1 (noise)."
    empty = measured.assign(n=0, share=np.nan)
    (row,) = summarize((NOISE,), empty, judge_hypotheses(empty)).to_dict("records")
    assert (row["activation"], row["verdict"]) == (None, "not trained")


def test_what_is_not_trained_claims_nothing() -> None:
    badge, kind, sentence = write({"activation": "relu", "n": 0, "share": np.nan})
    assert (badge, kind) == ("not trained", "nothing")
    assert sentence.endswith("It is not trained yet.")


def test_lists_and_points_read_as_sentences_do() -> None:
    assert [list_words(list(words)) for words in ("", "a", "ab", "abc")] == ["", "a", "a and b", "a, b and c"]
    assert points_text(-0.0017, -0.00234, 0.001) == "−0.17 [−0.23, +0.10]"
