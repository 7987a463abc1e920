"""A page with a confirmation: a part of its own, first, of which nothing enters what is explored."""

import html
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bnexp.report.build import Report, compose
from bnexp.report.estimates import estimate
from bnexp.report.evidence import Evidence, choose_design, gather
from bnexp.runs import Run
from bnexp.statistics.freezing import Wish, freeze_plan
from bnexp.store.records import SweepRecord
from bnexp.store.store import Store
from tests.support.synthetic import grid, name, product, rows

BN = ("pre", "post")
FRESH = 8


def accuracy(run: Run) -> float:
    """Return accuracies of which those of fresh seeds are far from those of explored ones."""
    jitter = 0.0005 * np.random.default_rng(run.seed + 100 * (run.placement == "post")).normal()
    return 0.9 + jitter + (run.placement == "post") * (0.02 if run.seed < 6 else -0.05)


def explored(path: Path) -> Store:
    runs, points = rows(product(BN, lrs=(0.1, 0.3), seeds=range(6)), accuracy)
    store = Store(path)
    store.write("explored", runs.assign(pack="explored", seconds=1.0, machine="m"), points)
    asked = runs["run"].tolist()
    store.write_sweep("a", SweepRecord(created="2026-01-01", command="bnexp -m ...", asked=asked))
    return store


def confirm(store: Store, trained: int) -> None:
    """Freeze what `store` explored, and train the first runs of the plan."""
    runs = store.runs
    plan = freeze_plan(grid(runs), Wish(n=FRESH), used=runs["seed"].tolist(), frozen="2026-02-01 10:00", rests_on=[])
    asked = list(map(name, plan.runs))
    store.write_sweep("b", SweepRecord(created="2026-02-01", command="bnexp confirm x", asked=asked, confirm=plan))
    if trained:
        fresh, points = rows(plan.runs[:trained], accuracy)
        store.write("fresh", fresh.assign(pack="fresh", seconds=1.0, machine="m"), points)


def effects(evidence: Evidence) -> pd.DataFrame:
    return estimate(evidence, choose_design(evidence, None), 0.001).effects


def pages(report: Report) -> tuple[str, str]:
    return html.unescape(report.files["index.html"].decode()), report.files["report.md"].decode()


def test_explored_estimates_are_the_same_to_the_last_digit_whatever_is_confirmed(tmp_path: Path) -> None:
    store = explored(tmp_path)
    before = gather([store])
    for trained in (FRESH, 2 * FRESH):
        confirm(store, trained)
        after = gather([store])
        pd.testing.assert_frame_equal(effects(after), effects(before))
        pd.testing.assert_frame_equal(after.points, before.points)
        assert estimate(after, choose_design(after, None), 0.001).completeness.complete


def test_a_page_shows_nothing_of_a_confirmation_that_is_not_complete_but_how_far_it_is(tmp_path: Path) -> None:
    store = explored(tmp_path)
    confirm(store, FRESH + 3)
    report = compose([store])
    page, markdown = pages(report)
    for text in (page, markdown, "\n".join(report.confirmed)):
        assert f"{FRESH + 3} of {2 * FRESH} runs trained" in text
    assert "The frozen plan" in page
    assert "Confirmed effects" not in page
    assert report.advice == ("", "")
    assert not any("confirmed" in path for path in report.files)
    assert report.headline.startswith("Post is better than pre (lr of pre and post at the edge of the grid) for relu.")


def test_a_page_begins_with_what_is_confirmed_and_calls_all_else_explored(tmp_path: Path) -> None:
    store = explored(tmp_path)
    confirm(store, 2 * FRESH)
    report = compose([store])
    page, markdown = pages(report)
    assert report.confirmed[0] == "Confirmed: Pre is better than post, against what was foretold for relu."
    assert page.index('id="confirmed"') < page.index('id="verdicts"')
    assert markdown.index("**Confirmed: Pre is better than post") < markdown.index(
        "**Explored: Post is better than pre"
    )
    assert '<span class="evidence">explored</span></h3>' in page
    assert '<span class="evidence">confirmed</span></h3>' in page
    confirmed, found = (
        pd.read_csv(io.BytesIO(report.files[f"tables/{table}.csv"])) for table in ("confirmed", "effects")
    )
    assert (set(confirmed["evidence"]), set(found["evidence"])) == ({"confirmed"}, {"explored"})
    assert confirmed["n"].tolist() == [FRESH]
    assert confirmed["mean"][0] == pytest.approx(-0.05, abs=1e-3)
    assert found["mean"][0] == pytest.approx(0.02, abs=1e-3)


def test_an_explored_page_says_what_would_settle_it(tmp_path: Path) -> None:
    report = compose([explored(tmp_path)])
    words, command = report.advice
    assert command == f"bnexp confirm {tmp_path}"
    assert "These verdicts are explored" in words
    assert "about 12 core seconds" in words  # two arms, six seeds, a second each
    assert command in pages(report)[0]


def test_seeds_that_were_added_are_told_on_the_page(tmp_path: Path) -> None:
    store = explored(tmp_path)
    assert compose([store]).looks == ""
    more, points = rows(product(BN, lrs=(0.1, 0.3), seeds=(6, 7)), accuracy)
    store.write("more", more.assign(pack="more", seconds=1.0, machine="m"), points)
    store.write_sweep("c", SweepRecord(created="2026-01-02", command="more", asked=more["run"].tolist()))
    report = compose([store])
    assert report.looks.startswith("Second look at an explored store: 1 command has added seeds")
    assert all(report.looks in text for text in pages(report))
