// @ts-check
"use strict";

/**
 * The list of samples and the detail pane of a report. Everything that somebody else wrote becomes a text node.
 *
 * @typedef {(string | number | null | string[])[]} Row a sample, its fields in the order of `columns`
 * @typedef {{columns: string[], states: Record<string, string>, runs: string[], rows: Row[]}} Data
 * @typedef {Record<string, any>} Details the texts, scores and times of a sample
 */

const PAGE = 50;
const MOST_WORDS = 1500;
const HEADS = {
  sample: "sample", task: "task", target: "target", run: "run", state: "", score: "score", answer: "answer",
  expected: "expected", ttft_s: "TTFT", e2e_s: "E2E", tokens: "tokens", cost_usd: "cost", flags: "warnings",
};

/** @type {Data} */
const data = JSON.parse(/** @type {HTMLElement} */ (document.getElementById("data")).textContent || "{}");
const at = Object.fromEntries(data.columns.map((name, index) => [name, index]));
const parts = [...document.querySelectorAll("script.part")];
/** @type {Map<number, Details[]>} */
const read = new Map();
const several = {
  run: data.runs.length > 1,
  task: new Set(data.rows.map((row) => row[at.task])).size > 1,
  target: new Set(data.rows.map((row) => row[at.target])).size > 1,
};
const columns = Object.keys(HEADS).filter((name) => !(name in several) || several[/** @type {"run"} */ (name)]);
/** @type {{by: string, down: boolean, page: number, rows: number[], open: number}} */
const view = { by: "", down: false, page: 0, rows: [], open: -1 };
/** In which part, and where in it, the details of a row are. @type {[number, number][]} */
const places = [];
{
  const next = new Map();
  for (const row of data.rows) {
    const part = Number(row[at.part]);
    const index = next.get(part) || 0;
    next.set(part, index + 1);
    places.push([part, index]);
  }
}

/**
 * @param {string} id
 * @returns {any}
 */
function by(id) {
  return document.getElementById(id);
}

/**
 * Make an element with a text, or with other elements in it.
 * @param {string} tag
 * @param {string | number | (Node | string)[]} [inside]
 * @param {Record<string, string>} [attributes]
 */
function element(tag, inside = "", attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (Array.isArray(inside)) made.append(...inside);
  else made.textContent = String(inside);
  return made;
}

/** @param {unknown} value */
function seconds(value) {
  if (typeof value !== "number") return "-";
  if (value < 1) return `${(value * 1000).toPrecision(3)} ms`;
  return value < 1000 ? `${value.toPrecision(3)} s` : `${Math.round(value)} s`;
}

/**
 * Control and direction-changing characters as visible escapes; line ends and tabs stay where lines do.
 * @param {unknown} text
 * @param {boolean} [lines]
 */
function visible(text, lines = false) {
  const shown = String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu, (c) => {
    if (lines && (c === "\n" || c === "\t")) return c;
    return `\\u{${(c.codePointAt(0) || 0).toString(16)}}`;
  });
  return shown;
}

/**
 * @param {Row} row
 * @param {string} name
 */
function shown(row, name) {
  const value = row[at[name]];
  if (name === "run") return data.runs[Number(value)];
  if (name === "state") return data.states[String(value)];
  if (name === "ttft_s" || name === "e2e_s") return seconds(value);
  if (name === "cost_usd") return typeof value === "number" ? `$${value.toPrecision(3)}` : "-";
  if (Array.isArray(value)) return value.join(", ").replaceAll("_", " ");
  if (name === "sample" && Number(row[at.repeat])) return `${visible(value)} (repeat ${Number(row[at.repeat]) + 1})`;
  return value === null ? "-" : visible(value);
}

/** @returns {number[]} */
function chosen() {
  const words = by("search").value.toLowerCase();
  const [state, task, target, flag] = ["state", "task", "target", "flag"].map((id) => by(id).value);
  const found = [];
  for (let index = 0; index < data.rows.length; index++) {
    const row = data.rows[index];
    if (task && row[at.task] !== task) continue;
    if (target && row[at.target] !== target) continue;
    if (state === "not_right" ? row[at.state] === "right" : state && row[at.state] !== state) continue;
    if (flag && !(/** @type {string[]} */ (row[at.flags]).includes(flag))) continue;
    if (words && !["sample", "question", "answer", "expected"].some((name) => String(row[at[name]] ?? "").toLowerCase().includes(words))) continue;
    found.push(index);
  }
  if (view.by) {
    const of = at[view.by];
    const sign = view.down ? -1 : 1;
    found.sort((one, other) => {
      const [a, b] = [data.rows[one][of], data.rows[other][of]];
      if (a === null || b === null) return a === b ? one - other : a === null ? 1 : -1;
      const order = typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
      return sign * order || one - other;
    });
  }
  return found;
}

function filter() {
  view.rows = chosen();
  view.page = 0;
  draw();
}

function draw() {
  const pages = Math.max(1, Math.ceil(view.rows.length / PAGE));
  const some = view.rows.slice(view.page * PAGE, (view.page + 1) * PAGE);
  by("count").textContent = `${view.rows.length.toLocaleString("en")} of ${data.rows.length.toLocaleString("en")}`;
  by("page").textContent = `page ${view.page + 1} of ${pages}`;
  by("previous").disabled = view.page === 0;
  by("next").disabled = view.page + 1 >= pages;
  const heads = columns.map((name) => {
    const sort = view.by === name ? (view.down ? "descending" : "ascending") : "none";
    const button = element("button", (HEADS[/** @type {"sample"} */ (name)] || "result") + (view.by === name ? (view.down ? " ↓" : " ↑") : ""), { type: "button" });
    button.addEventListener("click", () => {
      view.down = view.by === name && !view.down;
      view.by = name;
      filter();
    });
    return element("th", [button], { scope: "col", "aria-sort": sort });
  });
  document.querySelector("#list thead tr")?.replaceChildren(...heads);
  const rows = some.map((index) => {
    const row = data.rows[index];
    const cells = columns.map((name) => {
      const number = ["score", "ttft_s", "e2e_s", "tokens", "cost_usd"].includes(name);
      return element("td", shown(row, name), number ? { class: "number" } : {});
    });
    const made = element("tr", cells, { tabindex: "0", "aria-selected": String(index === view.open) });
    made.addEventListener("click", () => go(index));
    made.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        go(index);
      }
    });
    return made;
  });
  document.querySelector("#list tbody")?.replaceChildren(...rows);
}

/** @param {number} index */
function link(index) {
  const row = data.rows[index];
  const named = [row[at.task], row[at.target], row[at.sample], row[at.repeat], row[at.run]];
  return `#sample=${named.map((part) => encodeURIComponent(String(part))).join("/")}`;
}

/** @param {number} index */
function go(index) {
  if (location.hash === link(index)) void open(index);
  else location.hash = link(index);
}

/**
 * @param {number} index
 * @returns {Promise<Details | null>}
 */
async function details(index) {
  const [part, place] = places[index];
  if (part < 0) return null;
  if (!read.has(part)) {
    const packed = Uint8Array.from(atob(parts[part].textContent || ""), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    read.set(part, await new Response(stream).json());
  }
  return (read.get(part) || [])[place];
}

/** @param {number} index */
async function open(index) {
  view.open = index;
  const row = data.rows[index];
  const found = await details(index);
  if (view.open !== index) return;
  const pane = by("detail");
  pane.replaceChildren(element("h3", `${visible(row[at.sample])}: ${data.states[String(row[at.state])]}`));
  pane.append(...facts(row, found));
  if (found) pane.append(...body(found), waterfall(found), ...(await others(index, found)));
  else pane.append(element("p", "The texts of this sample are not in this file; `evalrun show` has them."));
  pane.hidden = false;
  draw();
  pane.scrollIntoView({ block: "nearest" });
  pane.focus({ preventScroll: true });
}

/**
 * @param {Row} row
 * @param {Details | null} found
 */
function facts(row, found) {
  const said = [
    `${visible(row[at.task])}, ${visible(row[at.target])}` + (several.run ? `, ${data.runs[Number(row[at.run])]}` : ""),
    `TTFT ${seconds(row[at.ttft_s])}, E2E ${seconds(row[at.e2e_s])}`,
    `${row[at.tokens] ?? "-"} tokens, cost ${shown(row, "cost_usd")}`,
  ];
  if (found?.usage) {
    const [prompt, cached, output, reasoning] = found.usage.map((/** @type {number | null} */ n) => n ?? "-");
    said.push(`prompt ${prompt} (cached ${cached}), output ${output} (reasoning ${reasoning})`);
  }
  if (found?.finish) said.push(`ended with ${visible(found.finish)}`);
  if (found?.model) said.push(`model ${visible(found.model)}`);
  const kept = /** @type {string[]} */ (row[at.flags]);
  if (kept.length) said.push(`warnings: ${kept.join(", ").replaceAll("_", " ")}`);
  const list = [element("p", said.join(" · "), { class: "about" })];
  if (row[at.expected] !== null) list.push(element("p", `expected ${visible(row[at.expected])}, answered ${row[at.answer] === null ? "nothing" : visible(row[at.answer])}`));
  return list;
}

/** @param {Details} found */
function body(found) {
  const made = [];
  for (const [scorer, value, answer, rule, why] of found.scores) {
    const score = value === null ? "no score" : value;
    const read_ = answer === null ? "no answer found" : `read ${visible(answer)}`;
    made.push(element("p", `${visible(scorer)}: ${score}; ${read_}${rule ? ` by ${visible(rule)}` : ""}${why ? `; ${visible(why)}` : ""}`));
  }
  for (const [kind, status, message, took] of found.attempts.map((/** @type {any[]} */ a) => [a[0], a[1], a[2], a[4]]))
    made.push(element("p", `an attempt failed after ${seconds(took)}: ${visible(kind)}${status ? ` ${status}` : ""}: ${visible(message)}`));
  for (const [role, text] of found.messages) made.push(...folded(visible(role), text, found.messages.length > 1 || text.length > 1500));
  if (found.failure) {
    const [kind, phase, status, message, partial] = found.failure;
    made.push(element("p", `failed: ${visible(kind)} (${visible(phase)}${status ? `, HTTP ${status}` : ""}): ${visible(message)}`));
    if (partial) made.push(...folded("partial answer", partial, false));
  }
  if (found.reasoning) made.push(...folded("reasoning", found.reasoning, true));
  if (found.text !== undefined) made.push(...folded("answer", found.text, false));
  if (found.refusal) made.push(...folded("refusal", found.refusal, false));
  for (const [name, text] of found.calls || []) made.push(...folded(`calls ${visible(name)}`, text, false));
  return made;
}

/**
 * @param {string} title
 * @param {string} text
 * @param {boolean} closed
 */
function folded(title, text, closed) {
  const pre = element("pre", visible(text, true), { tabindex: "0" });
  const made = element("details", [element("summary", title), pre]);
  /** @type {HTMLDetailsElement} */ (made).open = !closed;
  return [made];
}

/**
 * Where the time went, as bars from the sending of the request on.
 * @param {Details} found
 */
function waterfall(found) {
  const t = found.timing;
  const end = t && Math.max(t.stream_s || 0, t.e2e_s || 0, t.ttft_s || 0);
  if (!end) return element("p", "");
  const spans = [
    ["to first byte", 0, t.first_byte_s], ["to first token", 0, t.ttft_s], ["reasoning", t.ttft_s, t.ttfo_s > t.ttft_s ? t.ttfo_s : null],
    ["answer", t.ttfo_s ?? t.ttft_s, t.e2e_s], ["to the end of the stream", t.e2e_s, t.stream_s],
  ].filter(([, from, to]) => typeof from === "number" && typeof to === "number" && to > from);
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("viewBox", `0 0 700 ${20 * spans.length + 4}`);
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", spans.map(([name, from, to]) => `${name} ${seconds(to - from)}`).join(", "));
  spans.forEach(([name, from, to], line) => {
    const bar = document.createElementNS(picture.namespaceURI || "", "rect");
    const text = document.createElementNS(picture.namespaceURI || "", "text");
    for (const [key, value] of [["x", 200 + (380 * from) / end], ["y", 20 * line + 3], ["width", Math.max(1, (380 * (to - from)) / end)], ["height", 14]]) bar.setAttribute(String(key), String(value));
    bar.setAttribute("class", name === "to first byte" ? "bar wait" : "bar");
    text.setAttribute("x", "0");
    text.setAttribute("y", String(20 * line + 14));
    text.textContent = `${name} ${seconds(to - from)}`;
    picture.append(bar, text);
  });
  return element("figure", [picture]);
}

/**
 * The same sample of other targets and runs, each with its difference word by word.
 * @param {number} index
 * @param {Details} found
 */
async function others(index, found) {
  const row = data.rows[index];
  const made = [];
  for (let other = 0; other < data.rows.length && made.length < 8; other++) {
    const its = data.rows[other];
    if (other === index || its[at.sample] !== row[at.sample] || its[at.task] !== row[at.task] || its[at.repeat] !== row[at.repeat]) continue;
    const theirs = await details(other);
    const title = `${visible(its[at.target])}${several.run ? `, ${data.runs[Number(its[at.run])]}` : ""}: ${data.states[String(its[at.state])]}`;
    const pre = element("pre", differences(String(theirs?.text ?? ""), String(found.text ?? "")), { tabindex: "0" });
    made.push(element("details", [element("summary", `against ${title}`), pre]));
  }
  return made.length ? [element("h3", "The same sample elsewhere"), ...made] : [];
}

/**
 * Words that one text has and the other has not, by their longest common sequence.
 * @param {string} before
 * @param {string} after
 * @returns {(Node | string)[]}
 */
function differences(before, after) {
  const [a, b] = [before, after].map((text) => (visible(text, true).match(/\s+|\S+/g) || []).slice(0, MOST_WORDS));
  const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  /** @type {(Node | string)[]} */
  const made = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      made.push(a[i]);
      i++;
      j++;
    } else if (j < b.length && (i === a.length || best[i][j + 1] >= best[i + 1][j])) made.push(element("ins", b[j++]));
    else made.push(element("del", a[i++]));
  }
  return made;
}

function follow() {
  const [, name] = location.hash.match(/^#sample=(.*)$/) || [];
  if (name === undefined) return;
  const index = data.rows.findIndex((_, number) => link(number) === `#sample=${name}`);
  if (index >= 0) void open(index);
}

/** @param {boolean} dark */
function theme(dark) {
  document.documentElement.classList.toggle("dark", dark);
  by("theme").setAttribute("aria-pressed", String(dark));
}

function options() {
  for (const [id, of] of [["task", "task"], ["target", "target"]]) {
    const values = [...new Set(data.rows.map((row) => String(row[at[of]])))];
    by(id).append(...values.map((value) => element("option", visible(value), { value })));
    by(id).closest("label").hidden = values.length < 2;
  }
  const flags = [...new Set(data.rows.flatMap((row) => /** @type {string[]} */ (row[at.flags])))].sort();
  by("flag").append(...flags.map((value) => element("option", value.replaceAll("_", " "), { value })));
  by("flag").closest("label").hidden = !flags.length;
}

options();
theme(matchMedia("(prefers-color-scheme: dark)").matches);
by("theme").addEventListener("click", () => theme(!document.documentElement.classList.contains("dark")));
by("filters").addEventListener("input", filter);
by("filters").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
by("previous").addEventListener("click", () => { view.page--; draw(); });
by("next").addEventListener("click", () => { view.page++; draw(); });
addEventListener("hashchange", follow);
filter();
follow();
