"""What keeps a number from being claimed, in words."""

import pytest

from bnexp.statistics.comparisons import compare_at_best
from bnexp.statistics.notes import (
    ChosenOnReported,
    FewTrained,
    NoRun,
    NoSharedSeed,
    Note,
    OneSeed,
    SeedsIncomplete,
    SeedsLeftOut,
    TooFewSeeds,
)
from bnexp.verdicts.notes import put_into_words, write_notes
from tests.support.synthetic import grid, product, rows


@pytest.mark.parametrize(
    ("notes", "words"),
    [
        ([], ""),
        ([OneSeed()], "n = 1: an interval needs at least 2 seeds"),
        ([TooFewSeeds(5, fewest=6, contrasts=9)], "n = 5: at least 6 seeds are needed for 9 contrasts"),
        ([TooFewSeeds(5, fewest=6, contrasts=1)], "n = 5: at least 6 seeds are needed for 1 contrast"),
        ([FewTrained(4, 10)], "both arms trained on 4 of 10 seeds, too few for a test"),
        ([SeedsIncomplete("pre", 2)], "2 seeds of pre without all learning rates left out"),
        ([NoRun("post")], "no run of post"),
        ([NoSharedSeed("post", "pre")], "post and pre share no seed"),
        ([SeedsLeftOut("pre", 4)], "4 seeds of pre without a partner left out"),
        (
            [SeedsLeftOut("pre", 1), ChosenOnReported("post")],
            "1 seed of pre without a partner left out; the lr of post was chosen on the seeds that are reported",
        ),
    ],
)
def test_a_note_is_one_sentence(notes: list[Note], words: str) -> None:
    assert write_notes(notes, "placement") == words


def test_a_level_that_is_a_number_is_named_with_its_key() -> None:
    assert write_notes([NoRun(1e-3)], "norm_eps") == "no run of norm.eps 0.001"


def test_the_words_stand_where_the_notes_stood() -> None:
    runs, _ = rows(product(["pre", "post"], seeds=range(3)))
    effects = compare_at_best(grid(runs))
    told = put_into_words(effects, "placement")
    assert list(told.columns) == [*effects.columns[:-1], "note"]
    assert list(told["note"]) == ["n = 3: at least 6 seeds are needed for 1 contrast"]
