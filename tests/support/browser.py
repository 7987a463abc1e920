"""Debian's Chromium, started with nothing that it would fetch by itself, and how pages are shown in it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

from bnexp.report import page
from bnexp.report.page import Page

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-default-apps", "--force-color-profile=srgb"),
)

CONTRAST = """
const light = (colour) => colour.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
  .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
function behind(element) {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
  return layers;
}
function painted(layers) {
  canvas.clearRect(0, 0, 1, 1);
  for (const layer of layers) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
  return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
const least = {};
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.checkVisibility() || element.closest("svg, script, option, select, noscript")) continue;
  const ground = behind(element), back = light(painted(ground));
  const text = light(painted([...ground, getComputedStyle(element).color]));
  const contrast = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
  const name = `${element.tagName}.${element.className}`;
  least[name] = Math.min(least[name] ?? 99, contrast);
}
return least;
"""
"""JavaScript that returns, by kind of element, the least contrast (WCAG 2) of a text with what is behind it."""


@contextmanager
def start(profile: Path) -> Iterator[Chrome]:
    """Start a browser that keeps its files in the folder `profile`; skip the test where there is none."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    if driver is None or chromium is None:
        pytest.skip("no browser: chromedriver and chromium must be on the PATH (Debian: chromium-driver, chromium)")
    options = ChromeOptions()
    options.binary_location = chromium
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()


def show(browser: Chrome, folder: Path, content: Page, width: int = 1280, scheme: str = "light") -> None:
    """Open the page `content` on a screen `width` pixels wide, with the logs empty but for what it causes."""
    metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    preference = [
        {"name": "prefers-color-scheme", "value": scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": preference})
    browser.get("about:blank")
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    (folder / "index.html").write_text(page.to_html(content), encoding="utf-8")
    browser.get((folder / "index.html").as_uri())
    if content.explorer is not None:
        browser.execute_script("document.querySelector('#explorer').scrollIntoView()")
        wait_until(browser, "return document.querySelectorAll('#plot svg').length === 1")


def wait_until(browser: Chrome, condition: str) -> None:
    WebDriverWait(browser, 30, poll_frequency=0.02).until(lambda driver: driver.execute_script(condition))


def list_requests(browser: Chrome) -> list[str]:
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]


def column(browser: Chrome, header: str) -> list[str]:
    """Return what stands in the rows in sight below `header`, in the first table that has it."""
    script = """
    for (const table of document.querySelectorAll("table")) {
      const at = [...table.tHead.rows[0].cells].findIndex((cell) => cell.textContent.trim() === arguments[0]);
      const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
      if (at >= 0) return rows.map((row) => row.cells[at].textContent);
    }"""
    texts: list[str] = browser.execute_script(script, header)
    return texts
