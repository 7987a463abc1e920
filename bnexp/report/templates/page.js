// Sorting, filtering, copying and the curves of a report: no library, no request, nothing kept.
"use strict";
document.documentElement.classList.add("js");

// Tables: a click sorts up, the next one down, the third restores the order that the report gave.
function value(row, column) {
  const cell = row.cells[column], given = cell.dataset.value;
  if (given === undefined) return cell.textContent.trim().toLowerCase();
  return given === "" ? null : Number(given);
}

function compare(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return a.localeCompare(b, "en", { numeric: true });
}

function sorted(rows, column, sign) {
  const keyed = rows.map((row) => [value(row, column), row]);
  const known = keyed.filter(([key]) => key !== null), missing = keyed.filter(([key]) => key === null);
  known.sort(([a], [b]) => sign * compare(a, b));
  return [...known, ...missing].map(([, row]) => row);
}

function makeSortable(table) {
  const body = table.tBodies[0], given = [...body.rows], headers = [...table.tHead.rows[0].cells];
  const next = { none: "ascending", ascending: "descending", descending: "none" };
  headers.forEach((header, column) => header.querySelector("button").addEventListener("click", () => {
    const order = next[header.getAttribute("aria-sort")];
    headers.forEach((each) => each.setAttribute("aria-sort", "none"));
    header.setAttribute("aria-sort", order);
    body.append(...(order === "none" ? given : sorted(given, column, order === "ascending" ? 1 : -1)));
  }));
}

function makeFilterable(block) {
  const box = block.querySelector("input[type=search]"), told = block.querySelector("output");
  const rows = [...block.querySelectorAll("tbody tr")];
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/);
    rows.forEach((row, i) => { row.hidden = !words.every((word) => texts[i].includes(word)); });
    told.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
  };
  box.addEventListener("input", filter);
  filter();
}

// Where the browser forbids writing to the clipboard, the command is selected, ready for the user's own copy key.
async function copy(button) {
  const code = button.parentElement.querySelector("code"), label = button.textContent;
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Selected";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}

// Curves. A scale maps a number to the unit in which it is drawn; accuracies are drawn by the logarithm of the error
// rate, as in the report's figures, so that from 98 to 99 % is as far as from 80 to 90 %.
const PERFECT = 1e-3, WARM = 0.1, MARGIN = { top: 12, right: 26, bottom: 40, left: 62 };
const ACCURACIES = [0.1, 0.3, 0.5, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.96, 0.97, 0.975, 0.98, 0.985, 0.99, 0.993, 0.995, 0.997, 0.999];
const SCALES = {
  linear: (v) => v,
  accuracy: (v) => -Math.log10(Math.max(1 - v, 0) + PERFECT),
  loss: (v) => Math.log10(Math.max(v, 1e-9)),
};

function even(low, high, count) {
  const rough = (high - low) / count || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.max(0, Math.floor(high / step + 1e-9) - first + 1) }, (_, i) => (first + i) * step);
}

function ticks(kind, { least, most, low, high }) {
  const decades = Array.from({ length: 14 }, (_, i) => 10 ** (i - 8)).flatMap((power) => [power, 2 * power, 5 * power]);
  const inside = (v) => low <= SCALES[kind](v) && SCALES[kind](v) <= high;
  const listed = { linear: [], accuracy: ACCURACIES, loss: decades }[kind].filter(inside);
  return listed.length >= 3 ? listed : even(least, most, 5).filter(inside);
}

function node(parent, name, attributes, text = "") {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.textContent = text;
  return parent.appendChild(made);
}

function explore(block) {
  const data = JSON.parse(block.querySelector("script").textContent);
  const plot = block.querySelector("#plot"), slider = block.querySelector("#step"), readout = block.querySelector("#readout");
  const axes = [...block.querySelectorAll("[data-axis]")], levels = [...block.querySelectorAll("[data-level]")];
  const metric = block.querySelector("#metric"), log = block.querySelector("#log");
  let marker, x, drawn = [], steps = [], accuracy = true;

  function chosen() {
    const at = axes.map((select) => Number(select.value));
    return data.series.filter((series) => series.metric === Number(metric.value) && levels[series.level].checked
      && series.at.every((number, axis) => number < 0 || number === at[axis]));
  }

  // The means in sight, as they are and as they are drawn; of a logarithmic scale, those after the first tenth.
  function extent(kind, scale, last) {
    const late = (series, i) => kind === "linear" || data.steps[series.steps][i] >= WARM * last;
    const means = drawn.flatMap((series) => series.mean.filter((v, i) => v !== null && late(series, i)));
    const least = Math.min(...means), most = Math.max(...means);
    const room = 0.06 * (scale(most) - scale(least)) || 0.01;
    return { least, most, low: scale(least) - room, high: scale(most) + room };
  }

  function draw() {
    drawn = chosen();
    accuracy = metric.selectedOptions[0].dataset.name.endsWith("accuracy");
    plot.replaceChildren();
    readout.replaceChildren();
    slider.disabled = drawn.length === 0;
    if (slider.disabled) return void (plot.textContent = "No run of this combination is stored, or no line is switched on.");
    steps = [...new Set(drawn.flatMap((series) => data.steps[series.steps]))].sort((a, b) => a - b);
    const kind = !log.checked ? "linear" : accuracy ? "accuracy" : "loss", scale = SCALES[kind];
    const width = Math.max(plot.clientWidth, 240), height = Math.min(420, Math.max(260, 0.5 * width)), last = steps.at(-1) || 1;
    const seen = extent(kind, scale, last), bottom = height - MARGIN.bottom;
    x = (step) => MARGIN.left + step / last * (width - MARGIN.left - MARGIN.right);
    const y = (v) => bottom - (scale(v) - seen.low) / (seen.high - seen.low) * (bottom - MARGIN.top);
    const label = `${metric.selectedOptions[0].textContent} (${accuracy ? "%" : "nats"})`;
    const svg = node(plot, "svg", { viewBox: `0 0 ${width} ${height}`, height, role: "img",
      "aria-label": `${label} against optimizer steps, ${drawn.length} lines; the slider below reads their values` });
    frame(svg, width, bottom, y, last, label, ticks(kind, seen));
    const inside = node(svg, "g", { "clip-path": "url(#inside)" });
    for (const series of drawn) line(inside, series, y);
    marker = node(svg, "line", { y1: MARGIN.top, y2: bottom, class: "marker", "stroke-dasharray": "2 3" });
    svg.addEventListener("pointermove", (event) => point(event.offsetX));
    slider.max = steps.length - 1;
    slider.value = steps.length - 1;
    read();
  }

  function frame(svg, width, bottom, y, last, label, values) {
    const clip = node(node(svg, "defs", {}), "clipPath", { id: "inside" });
    node(clip, "rect", { x: MARGIN.left, y: MARGIN.top, width: width - MARGIN.left - MARGIN.right, height: bottom - MARGIN.top });
    let above = Infinity;
    for (const v of values) {
      if (above - y(v) < 20) continue;
      above = y(v);
      node(svg, "line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: above, y2: above });
      node(svg, "text", { x: MARGIN.left - 8, y: above + 4, "text-anchor": "end" }, String(Number((accuracy ? 100 * v : v).toPrecision(4))));
    }
    for (const step of even(0, last, width / 110)) {
      node(svg, "line", { class: "axis", x1: x(step), x2: x(step), y1: bottom, y2: bottom + 4 });
      node(svg, "text", { x: x(step), y: bottom + 17, "text-anchor": "middle" }, step.toLocaleString("en"));
    }
    node(svg, "line", { class: "axis", x1: MARGIN.left, x2: width - MARGIN.right, y1: bottom, y2: bottom });
    node(svg, "text", { x: (MARGIN.left + width - MARGIN.right) / 2, y: bottom + 35, "text-anchor": "middle" }, "optimizer steps");
    node(svg, "text", { transform: `translate(14 ${(MARGIN.top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, label);
  }

  function line(parent, series, y) {
    const at = data.steps[series.steps], known = at.map((_, i) => i).filter((i) => series.mean[i] !== null);
    const path = (numbers, indices) => indices.map((i) => `${x(at[i]).toFixed(1)} ${y(numbers[i]).toFixed(1)}`).join("L");
    const banded = known.filter((i) => series.low[i] !== null && series.high[i] !== null), colour = data.colours[series.level];
    if (banded.length) node(parent, "path", { class: "band", style: `fill: ${colour}`, "fill-opacity": 0.14,
      d: `M${path(series.high, banded)}L${path(series.low, [...banded].reverse())}Z` });
    node(parent, "path", { class: "curve", d: `M${path(series.mean, known)}`, fill: "none", style: `stroke: ${colour}`,
      "stroke-width": 2.2, "stroke-dasharray": data.dashes[series.level] });
  }

  function point(position) {
    const far = steps.map((step) => Math.abs(x(step) - position));
    slider.value = far.indexOf(Math.min(...far));
    read();
  }

  function read() {
    const step = steps[slider.value], shown = (v) => (accuracy ? (100 * v).toFixed(2) : v.toPrecision(3));
    marker.setAttribute("x1", x(step));
    marker.setAttribute("x2", x(step));
    slider.setAttribute("aria-valuetext", `step ${step}`);
    const texts = drawn.map((series) => {
      const i = data.steps[series.steps].indexOf(step), mean = series.mean[i] ?? null;
      const bounds = mean === null || series.low[i] === null ? "" : ` [${shown(series.low[i])}, ${shown(series.high[i])}]`;
      return [data.names[series.level], mean === null ? "not evaluated here" : `${shown(mean)}${accuracy ? " %" : ""}${bounds}, n = ${series.n}`];
    });
    readout.replaceChildren(...[["step", step.toLocaleString("en")], ...texts].map(([name, text]) => {
      const entry = document.createElement("span"), bold = document.createElement("b");
      bold.textContent = name;
      entry.append(bold, ` ${text}`);
      return entry;
    }));
  }

  block.addEventListener("change", (event) => { if (event.target !== slider) draw(); });
  slider.addEventListener("input", read);
  let width = plot.clientWidth;
  new ResizeObserver(() => {
    if (plot.clientWidth === width) return;
    width = plot.clientWidth;
    draw();
  }).observe(plot);
  draw();
}

// The curves are read from the page when they come into sight, or when the page is printed.
function exploreOnce(block) {
  let started = false;
  const start = () => { if (!started) { started = true; explore(block); } };
  new IntersectionObserver((entries) => { if (entries.some((entry) => entry.isIntersecting)) start(); }, { rootMargin: "400px" }).observe(block);
  addEventListener("beforeprint", start);
}

for (const table of document.querySelectorAll("table")) makeSortable(table);
for (const box of document.querySelectorAll(".filter")) makeFilterable(box.closest(".table"));
for (const button of document.querySelectorAll(".copy")) button.addEventListener("click", () => copy(button));
for (const block of document.querySelectorAll("#explorer")) exploreOnce(block);
