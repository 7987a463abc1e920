"""The report's page in a real browser."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select

from bnexp.report import page
from bnexp.report.explorer import make_explorer
from bnexp.report.tables import Column, Table
from tests.support.browser import CONTRAST, column, list_requests, show, start, wait_until
from tests.support.pages import HOSTILE, LEVELS, PAGE, Answer, curves, hostile


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with start(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def click(browser: Chrome, header: str) -> str | None:
    """Click on `header` of the first table that has it, and return how the browser's accessibility tree is told."""
    button = browser.find_element(By.XPATH, f"//th/button[normalize-space()='{header}']")
    button.click()
    return button.find_element(By.XPATH, "..").get_attribute("aria-sort")


def list_curves(browser: Chrome) -> list[str]:
    return [str(line.get_attribute("d")) for line in browser.find_elements(By.CSS_SELECTOR, "#plot path.curve")]


def read_values(browser: Chrome) -> list[str]:
    return [entry.text for entry in browser.find_elements(By.CSS_SELECTOR, "#readout span")]


def test_the_page_raises_no_error_and_no_request_leaves_it(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, PAGE)
    for select in browser.find_elements(By.TAG_NAME, "select"):
        Select(select).select_by_index(1)
    assert browser.get_log("browser") == []
    urls = [url for url in list_requests(browser) if not url.startswith("data:")]
    assert urls == [(tmp_path / "index.html").as_uri()]
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    browser.execute_script(
        "addEventListener('securitypolicyviolation', (event) => { window.refused = event.blockedURI; });"
        "fetch('http://localhost:9/').catch(() => null);"
    )
    wait_until(browser, "return window.refused === 'http://localhost:9/'")


def test_no_word_is_taken_for_markup_or_script(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, hostile())
    assert browser.execute_script("return window.hacked === undefined")
    assert browser.find_elements(By.CSS_SELECTOR, "img") == []
    assert len(browser.find_elements(By.TAG_NAME, "script")) == 2
    assert browser.title == f"{HOSTILE} · bnexp"
    line = " ".join(HOSTILE.split())
    for where in (
        "h1",
        ".title",
        ".headline",
        ".verdict p",
        ".verdict code",
        "figcaption",
        "th",
        "td",
        ".table .caption",
    ):
        assert line in " ".join(browser.find_element(By.CSS_SELECTOR, where).text.split()), where
    for where in (
        "#explorer option",
        ".levels label",
        "#diverged td",
        "#provenance code",
        "dt",
        "dd",
        "#cite p",
        "pre.bibtex",
    ):
        assert line in " ".join(browser.find_element(By.CSS_SELECTOR, where).text.split()), where
    assert browser.find_element(By.CSS_SELECTOR, "figure svg").get_attribute("aria-label") == HOSTILE
    assert read_values(browser)[1].startswith(HOSTILE)
    assert HOSTILE in browser.find_element(By.CSS_SELECTOR, "figure svg text").get_attribute("textContent")


def test_a_click_sorts_by_number_and_the_third_one_restores_the_order(browser: Chrome, tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"mean": [0.098, 1.0, np.nan, -0.03, 0.782], "sd": 0.001, "lr": ["0.1 | 1", "10", "9", "1", ""]}
    )
    columns = (Column("mean", "accuracy (%)", ".1f", 100, ("sd",)), Column("lr", "lr"))
    show(browser, tmp_path, dataclasses.replace(PAGE, tables=(Table("t", "T", "", frame, columns),)))
    order = ["9.8 ± 0.1", "100.0 ± 0.1", "–", "−3.0 ± 0.1", "78.2 ± 0.1"]
    assert column(browser, "accuracy (%)") == order
    assert click(browser, "accuracy (%)") == "ascending"
    assert column(browser, "accuracy (%)") == [order[i] for i in (3, 0, 4, 1, 2)]
    assert click(browser, "accuracy (%)") == "descending"
    assert column(browser, "accuracy (%)") == [order[i] for i in (1, 4, 0, 3, 2)]
    assert click(browser, "accuracy (%)") == "none"
    assert column(browser, "accuracy (%)") == order
    click(browser, "accuracy (%)")
    click(browser, "lr")
    assert column(browser, "lr") == ["0.1 | 1", "1", "9", "10", ""]
    assert browser.find_element(By.CSS_SELECTOR, "th").get_attribute("aria-sort") == "none"


def test_a_filter_keeps_the_rows_with_all_of_its_words_also_after_sorting(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, dataclasses.replace(PAGE, tables=PAGE.tables[1:]))
    box = browser.find_element(By.CSS_SELECTOR, "input[type=search]")
    box.send_keys("Tanh pre")
    assert column(browser, "placement") == ["pre"] * 5
    click(browser, "lr")
    click(browser, "lr")
    assert column(browser, "lr") == ["1", "0.3", "0.1", "0.03", "0.01"]
    assert set(column(browser, "activation")) == {"tanh"}
    assert browser.find_element(By.CSS_SELECTOR, ".filter output").text == "5 of 45 rows"


def test_the_explorer_draws_a_line_per_level_and_other_ones_for_another_lr(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, PAGE)
    assert [label.text for label in browser.find_elements(By.CSS_SELECTOR, ".levels label")] == [
        x.label for x in LEVELS
    ]
    first, axes = list_curves(browser), browser.find_elements(By.CSS_SELECTOR, "[data-axis]")
    assert [Select(axis).first_selected_option.text for axis in axes] == ["tanh", "0.1"]
    assert len(set(first)) == len(LEVELS) == len(browser.find_elements(By.CSS_SELECTOR, "#plot path.band"))
    Select(axes[1]).select_by_visible_text("1")
    assert len(set(list_curves(browser)) | set(first)) == 2 * len(LEVELS)
    Select(axes[1]).select_by_visible_text("0.1")
    assert list_curves(browser) == first
    browser.find_element(By.ID, "log").click()
    assert not set(list_curves(browser)) & set(first)
    browser.find_element(By.CSS_SELECTOR, "[data-level='1']").click()
    assert len(list_curves(browser)) == len(LEVELS) - 1
    assert "pre" not in [entry.split()[0] for entry in read_values(browser)]


def test_the_values_are_read_with_the_keyboard_and_with_the_pointer(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, PAGE)
    rows = curves()
    rows = rows[(rows["metric"] == "validation_accuracy") & (rows["activation"] == "tanh") & (rows["lr"] == 0.1)]

    def expected(number: int) -> list[str]:
        at = rows[rows["step"] == rows["step"].unique()[number]].set_index("placement")
        values = [(100 * at.loc[level.name, ["mean", "low", "high"]]).map("{:.2f}".format) for level in LEVELS]
        texts = [
            f"{x.name} {v['mean']} % [{v['low']}, {v['high']}], n = 10" for x, v in zip(LEVELS, values, strict=True)
        ]
        return [f"step {at['step'].iloc[0]:,}", *texts]

    assert read_values(browser) == expected(-1)
    browser.find_element(By.ID, "step").send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert read_values(browser) == expected(-3)
    move = (
        "const at = new PointerEvent('pointermove', {bubbles: true}); Object.defineProperty(at, 'offsetX', {value: 0});"
    )
    browser.execute_script(move + "document.querySelector('#plot svg').dispatchEvent(at)")
    assert read_values(browser) == expected(0)


def test_a_combination_without_runs_is_said_in_words(browser: Chrome, tmp_path: Path) -> None:
    estimates = curves()
    estimates = estimates[(estimates["activation"] != "tanh") | (estimates["lr"] == 0.1)]
    explorer = make_explorer(
        estimates, "placement", LEVELS, ("activation", "lr"), start={"activation": "tanh", "lr": 1.0}, caption=""
    )
    (tmp_path / "index.html").write_text(page.to_html(dataclasses.replace(PAGE, explorer=explorer)))
    browser.get((tmp_path / "index.html").as_uri())
    browser.execute_script("document.querySelector('#explorer').scrollIntoView()")
    wait_until(browser, "return document.querySelector('#plot').textContent.startsWith('No run of this combination')")


PRINT = ("rgb(255, 255, 255)", "rgb(0, 0, 0)", "rgb(0, 114, 178)")
"""Paper, ink and the blue of `pre`."""

FIGURE = """
const styles = (selector) => [...document.querySelectorAll(selector)].map((element) => getComputedStyle(element));
const lines = styles("#figure-lr path").map((style) => style.stroke);
return {
  paper: styles("figure .plate")[0].backgroundColor, text: styles("#figure-lr text")[0].fill,
  curve: styles("#plot .curve")[1].stroke, line: lines.find((stroke) => stroke === styles("#plot .curve")[1].stroke),
};
"""
"""JavaScript that returns the colours of a figure: of its paper, a text, and the line of `pre`, twice."""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(browser: Chrome, tmp_path: Path, scheme: str) -> None:
    show(browser, tmp_path, PAGE, scheme=scheme)
    ground = "return getComputedStyle(document.body).backgroundColor === 'rgb(22, 24, 27)'"
    assert browser.execute_script(ground) == (scheme == "dark")
    contrasts: dict[str, float] = browser.execute_script(CONTRAST)
    assert {"H1.", "TD.", "SPAN.kind", "A.", "STRONG.", "DT."} <= set(contrasts)
    assert {name: contrast for name, contrast in contrasts.items() if contrast < 4.5} == {}
    colours = browser.execute_script(FIGURE)
    paper, ink, blue = colours["paper"], colours["text"], colours["curve"]
    dark = ("rgb(27, 30, 34)", "rgb(236, 236, 234)", "rgb(90, 180, 240)")
    assert (paper, ink, blue) == (
        dark if scheme == "dark" else ("rgb(255, 255, 255)", "rgb(0, 0, 0)", "rgb(0, 114, 178)")
    )
    assert colours["line"] == blue  # in the figure as in the explorer


def test_a_printed_page_has_figures_in_the_colours_of_print(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, PAGE, scheme="dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    printed = browser.execute_script(FIGURE)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert (printed["text"], printed["line"]) == PRINT[1:]


def test_a_phone_shows_the_page_without_scrolling_it_sideways(browser: Chrome, tmp_path: Path) -> None:
    long = Answer("w" * 60, "x" * 200, f"bnexp {'y' * 300}", "nothing", "nothing to compare")
    show(browser, tmp_path, dataclasses.replace(PAGE, verdicts=(*PAGE.verdicts, long), question="z" * 60), width=390)
    widths = browser.execute_script(
        "const e = document.documentElement; return [e.scrollWidth, e.clientWidth, innerWidth]"
    )
    assert widths == [390, 390, 390]
    assert browser.execute_script(
        "const b = document.querySelector('.table .scroll'); return b.scrollWidth > b.clientWidth"
    )


def test_on_paper_there_are_no_controls_and_nothing_is_cut_off(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, PAGE, scheme="dark")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    controls = browser.find_elements(By.CSS_SELECTOR, "nav, .copy, .filter, .choices, .step, .levels input, .files")
    assert len(controls) > 10
    assert [each.tag_name for each in controls if each.is_displayed()] == []
    boxes = "[...document.querySelectorAll('.scroll')].map((box) => getComputedStyle(box))"
    assert browser.execute_script(f"return {boxes}.every((s) => s.overflow === 'visible' && s.maxHeight === 'none')")
    assert browser.execute_script("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(list_curves(browser)) == len(LEVELS)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})


def test_headings_come_in_order_and_what_is_seen_has_a_name(browser: Chrome, tmp_path: Path) -> None:
    show(browser, tmp_path, PAGE)
    levels = [int(heading.tag_name[1]) for heading in browser.find_elements(By.CSS_SELECTOR, "h1, h2, h3, h4")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1
    drawings = browser.find_elements(By.CSS_SELECTOR, "svg:not([aria-hidden])")
    assert len(drawings) == 3
    assert all(each.get_attribute("role") == "img" and each.get_attribute("aria-label") for each in drawings)
    assert all(field.accessible_name for field in browser.find_elements(By.CSS_SELECTOR, "input, select, button"))
    ids: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('[id]')].map((element) => element.id)"
    )
    assert len(ids) == len(set(ids))
    links = re.findall(r'(?:href="#|url\(#)([^")]+)', page.to_html(PAGE))
    assert "provenance" in links
    assert set(links) <= set(ids)


def test_a_page_without_explorer_figures_and_diverged_runs_says_what_there_is_not(
    browser: Chrome, tmp_path: Path
) -> None:
    bare = dataclasses.replace(PAGE, explorer=None, figures=(), diverged=None, verdicts=())
    show(browser, tmp_path, bare)
    assert browser.get_log("browser") == []
    assert browser.find_element(By.ID, "diverged").text.endswith("No run diverged.")
    assert [link.text for link in browser.find_elements(By.CSS_SELECTOR, "nav a")][:3] == [
        "Verdicts",
        "Tables",
        "Diverged runs",
    ]
