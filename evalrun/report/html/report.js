// @ts-check
"use strict";

/**
 * The list of samples and the detail pane of a report. Everything that somebody else wrote becomes a text node.
 *
 * @typedef {(string | number | null | string[])[]} Row a sample, its fields in the order of `columns`
 * @typedef {{columns: string[], states: Record<string, string>, runs: string[], texts: number}} Data
 * @typedef {Record<string, any>} Details the texts, scores and times of a sample
 * @typedef {Node | string} Child
 */

const PAGE = 50;
const PART = 50; // samples whose texts are packed together
const MOST_WORDS = 1500; // of a text, in a word diff
const MOST_OTHERS = 8; // targets and runs that a sample is compared with
const LONG = 1500; // characters of a message from which on it is folded
const TYPING_MS = 60; // a pause of so long, and the list is searched
const HEADS = {
  sample: "sample", task: "task", target: "target", run: "run", state: "result", score: "score", answer: "answer",
  expected: "expected", ttft_s: "TTFT", e2e_s: "E2E", tokens: "tokens", cost_usd: "cost", flags: "warnings",
};
const NUMBERS = ["score", "ttft_s", "e2e_s", "tokens", "cost_usd"];
const EXTRA = ["expected", "ttft_s", "e2e_s", "tokens", "cost_usd", "flags"]; // hidden while the pane is beside the list
const SELECTS = ["state", "task", "target", "run", "flag"];

/** @type {Data} */
const data = JSON.parse(by("data").textContent || "{}");
const at = Object.fromEntries(data.columns.map((name, index) => [name, index]));
const parts = [...document.querySelectorAll("script.part")];
/** @type {Map<number, Promise<Details[]>>} */
const unpacked = new Map();
/** @type {Row[]} */
let rows = [];
/** What the search looks at, by row. @type {string[]} */
let haystacks = [];
/** The rows of one question, of all targets and runs. @type {Map<string, number[]>} */
const asked = new Map();
/** @type {string[]} */
let columns = [];
/** @type {{by: string, down: boolean, page: number, rows: number[], open: number}} */
const view = { by: "", down: false, page: 0, rows: [], open: -1 };

// ---------------------------------------------------------------- elements and texts

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
 * @param {string | number | Child[]} [inside]
 * @param {Record<string, string>} [attributes]
 * @returns {HTMLElement}
 */
function element(tag, inside = "", attributes = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (Array.isArray(inside)) made.append(...inside);
  else made.textContent = String(inside);
  return made;
}

/**
 * @param {string} text
 * @param {() => void} act
 */
function button(text, act) {
  const made = element("button", text, { type: "button" });
  made.addEventListener("click", act);
  return made;
}

/** @param {unknown} value */
function seconds(value) {
  if (typeof value !== "number") return "-";
  if (value === 0) return "0 s";
  if (value < 1) return `${Number((value * 1000).toPrecision(3))} ms`;
  return value < 1000 ? `${value.toPrecision(3)} s` : `${Math.round(value).toLocaleString("en")} s`;
}

/** @param {unknown} value */
function dollars(value) {
  if (typeof value !== "number") return "-";
  return value === 0 ? "$0" : `$${Number(value.toPrecision(3)).toFixed(Math.max(2, 2 - Math.floor(Math.log10(value))))}`;
}

/**
 * Control and direction-changing characters as visible escapes; line ends and tabs stay where lines do.
 * @param {unknown} text
 * @param {boolean} [lines]
 */
function visible(text, lines = false) {
  return String(text ?? "").replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Cn}]/gu, (c) => {
    if (lines && (c === "\n" || c === "\t")) return c;
    return `\\u{${(c.codePointAt(0) || 0).toString(16)}}`;
  });
}

/**
 * @param {Row} row
 * @param {string} name
 */
function shown(row, name) {
  const value = row[at[name]];
  if (name === "run") return visible(data.runs[Number(value)]);
  if (name === "state") return data.states[String(value)] + (row[at.flip] ? ", flipped" : "");
  if (name === "ttft_s" || name === "e2e_s") return seconds(value);
  if (name === "cost_usd") return dollars(value);
  if (name === "score" && typeof value === "number") return String(Number(value.toPrecision(3)));
  if (Array.isArray(value)) return visible(value.join(", ").replaceAll("_", " "));
  if (name === "sample" && Number(row[at.repeat])) return `${visible(value)} (repeat ${Number(row[at.repeat]) + 1})`;
  return value === null ? "-" : visible(value);
}

// ---------------------------------------------------------------- data

/**
 * @param {Element | null | undefined} script
 * @returns {Promise<any>}
 */
async function unpack(script) {
  const packed = Uint8Array.from(atob((script?.textContent || "").trim()), (c) => c.charCodeAt(0));
  return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).json();
}

/**
 * @param {number} index
 * @returns {Promise<Details | null>}
 */
async function details(index) {
  if (index >= data.texts) return null;
  const part = Math.floor(index / PART);
  const found = unpacked.get(part) || unpack(parts[part]);
  unpacked.set(part, found);
  return (await found)[index % PART];
}

/** @param {Row} row */
function question(row) {
  return JSON.stringify([row[at.task], row[at.sample], row[at.repeat]]);
}

/** @param {number} index */
function link(index) {
  const row = rows[index];
  return `#sample=${row[at.key]}${Number(row[at.run]) ? `-${row[at.run]}` : ""}`;
}

/**
 * Find the sample that a link names: by its key and run, or by the id of a sample.
 * @param {string} hash
 */
function linked(hash) {
  let name = hash.replace(/^#sample=/, "");
  try {
    name = decodeURIComponent(name);
  } catch {
    // a link that was cut in the middle of an escape
  }
  const index = rows.findIndex((_, number) => link(number) === `#sample=${name}`);
  return index >= 0 ? index : rows.findIndex((row) => row[at.sample] === name);
}

// ---------------------------------------------------------------- the list

/** @returns {number[]} */
function chosen() {
  const words = by("search").value.toLowerCase();
  const [state, task, target, run, flag] = SELECTS.map((id) => by(id).value);
  const found = [];
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index];
    if (task && row[at.task] !== task) continue;
    if (target && row[at.target] !== target) continue;
    if (run && String(row[at.run]) !== run) continue;
    if (state === "flip" ? !row[at.flip] : state === "not_right" ? row[at.state] === "right" : state && row[at.state] !== state) continue;
    if (flag && !(/** @type {string[]} */ (row[at.flags]).includes(flag))) continue;
    if (words && !haystacks[index].includes(words)) continue;
    found.push(index);
  }
  return view.by ? sorted(found) : found;
}

const collator = new Intl.Collator("en", { numeric: true });

/** @param {number[]} found */
function sorted(found) {
  const of = at[view.by];
  const sign = view.down ? -1 : 1;
  return found.sort((one, other) => {
    const [a, b] = [rows[one][of], rows[other][of]];
    if (a === null || b === null) return a === b ? one - other : a === null ? 1 : -1;
    const order = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
    return sign * order || one - other;
  });
}

function filter() {
  view.rows = chosen();
  view.page = 0;
  draw();
}

/** @param {string} name */
function sort(name) {
  view.down = view.by === name && !view.down;
  view.by = name;
  filter();
  /** @type {HTMLElement | null} */ (document.querySelector(`#list th[data-column=${name}] button`))?.focus();
}

function draw() {
  const pages = Math.max(1, Math.ceil(view.rows.length / PAGE));
  const some = view.rows.slice(view.page * PAGE, (view.page + 1) * PAGE);
  by("count").textContent = `${view.rows.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} requests.`;
  by("page").textContent = `page ${(view.page + 1).toLocaleString("en")} of ${pages.toLocaleString("en")}`;
  by("previous").disabled = view.page === 0;
  by("next").disabled = view.page + 1 >= pages;
  document.querySelector("#list thead tr")?.replaceChildren(...columns.map(head));
  document.querySelector("#list tbody")?.replaceChildren(...some.map(line));
}

/** @param {string} name */
function head(name) {
  const mine = view.by === name;
  const made = button(HEADS[/** @type {"sample"} */ (name)] + (mine ? (view.down ? " ↓" : " ↑") : ""), () => sort(name));
  const order = mine ? (view.down ? "descending" : "ascending") : "none";
  return element("th", [made], { scope: "col", "aria-sort": order, class: kind(name), "data-column": name });
}

/** @param {string} name */
function kind(name) {
  return [NUMBERS.includes(name) ? "number" : "", EXTRA.includes(name) ? "extra" : ""].join(" ").trim();
}

/** @param {number} index */
function line(index) {
  const row = rows[index];
  const cells = columns.map((name) => {
    if (name !== "sample") return element("td", shown(row, name), { class: kind(name) + (name === "state" ? ` state ${row[at.state]}` : "") });
    const anchor = element("a", shown(row, name), { href: link(index) });
    if (index === view.open) anchor.setAttribute("aria-current", "true");
    return element("th", [anchor], { scope: "row" });
  });
  const made = element("tr", cells, index === view.open ? { class: "open" } : {});
  made.addEventListener("click", () => {
    if (!String(getSelection())) go(index);
  });
  return made;
}

// ---------------------------------------------------------------- opening a sample

/** @param {number} index */
function go(index) {
  if (location.hash === link(index)) void open(index);
  else location.hash = link(index);
}

function follow() {
  if (!location.hash.startsWith("#sample=")) return;
  const index = linked(location.hash);
  if (index < 0) missing();
  else if (index !== view.open) void open(index);
}

function missing() {
  const pane = by("detail");
  pane.replaceChildren(element("p", "The linked sample is not in this file; `evalrun show RUN` lists all of them."));
  pane.hidden = false;
  pane.focus();
}

/** Bring a row to the page that is shown; what hides it is cleared. @param {number} index */
function reveal(index) {
  if (!view.rows.includes(index)) {
    by("filters").reset();
    view.rows = chosen();
  }
  view.page = Math.floor(view.rows.indexOf(index) / PAGE);
  draw();
}

/**
 * @param {number} index
 * @param {boolean} [stay] leave the keyboard's focus in the list
 */
async function open(index, stay = false) {
  view.open = index;
  const row = rows[index];
  const found = await details(index);
  if (view.open !== index) return;
  const pane = by("detail");
  const title = element("h3", `${shown(row, "sample")}: ${shown(row, "state")}`);
  const bar = element("p", [button("previous", () => step(-1)), button("next", () => step(1)), button("close", close),
    element("a", "link to this sample", { href: link(index) })], { class: "pages" });
  pane.replaceChildren(bar, title, facts(row, found));
  if (found) pane.append(...body(row, found), ...(await others(index, found)));
  else pane.append(element("p", "The texts of this sample are not in this file; `evalrun show RUN` has them."));
  if (view.open !== index) return;
  pane.hidden = false;
  by("viewer").classList.add("open");
  reveal(index);
  pane.scrollTop = 0;
  const current = /** @type {HTMLElement | null} */ (document.querySelector("#list a[aria-current]"));
  if (stay) current?.focus({ preventScroll: true });
  else pane.focus({ preventScroll: true });
  current?.scrollIntoView({ block: "nearest" });
  pane.scrollIntoView({ block: "nearest" });
}

function close() {
  const current = view.open;
  view.open = -1;
  by("detail").hidden = true;
  by("viewer").classList.remove("open");
  try {
    history.replaceState(null, "", location.href.replace(/#.*/, ""));
  } catch {
    // some browsers keep the address of a file as it is
  }
  draw();
  const shownRow = view.rows.slice(view.page * PAGE, (view.page + 1) * PAGE).indexOf(current);
  /** @type {HTMLElement | undefined} */ (document.querySelectorAll("#list tbody a")[shownRow])?.focus();
}

/** @param {number} by_ 1 is down the list, -1 up */
function step(by_) {
  const focused = [...document.querySelectorAll("#list tbody a")].findIndex((each) => each === document.activeElement);
  const from = view.open >= 0 || focused < 0 ? view.rows.indexOf(view.open) : view.page * PAGE + focused;
  const place = from + by_;
  if (place < 0 || place >= view.rows.length) return;
  const inList = by("list").contains(document.activeElement);
  const index = view.rows[place];
  void open(index, inList).then(() => history.replaceState(null, "", link(index)));
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || target.matches("input, select, textarea")) return;
  const inList = by("list").contains(target);
  const arrows = inList || target === by("detail");
  if (event.key === "j" || (arrows && event.key === "ArrowDown")) step(1);
  else if (event.key === "k" || (arrows && event.key === "ArrowUp")) step(-1);
  else if (event.key === "Escape" && view.open >= 0) close();
  else return;
  event.preventDefault();
}

// ---------------------------------------------------------------- the detail pane

/**
 * @param {Row} row
 * @param {Details | null} found
 */
function facts(row, found) {
  /** @type {[string, string][]} */
  const said = [
    ["task", shown(row, "task")], ["target", shown(row, "target")],
    ["run", data.runs.length > 1 ? shown(row, "run") : ""], ["model", visible(found?.model)],
    ["expected", row[at.expected] === null ? "" : shown(row, "expected")],
    ["answer", row[at.answer] === null ? "" : shown(row, "answer")],
    ["score", row[at.score] === null ? "" : shown(row, "score")],
    ["time", `TTFT ${shown(row, "ttft_s")}, E2E ${shown(row, "e2e_s")}`],
    ["tokens", tokens(row, found)], ["cost", shown(row, "cost_usd")], ["ended with", visible(found?.finish)],
    ["warnings", shown(row, "flags")], ["sent", visible(found?.at)],
    ["meta", Object.entries(found?.meta || {}).map(([name, value]) => `${visible(name)}: ${visible(value)}`).join(", ")],
  ];
  return element("dl", said.filter(([, value]) => value).flatMap(([name, value]) => [element("dt", name), element("dd", value)]));
}

/**
 * @param {Row} row
 * @param {Details | null} found
 */
function tokens(row, found) {
  const [prompt, cached, output, reasoning] = found?.usage || [];
  const counts = [["prompt", prompt], ["of these cached", cached], ["output", output ?? row[at.tokens]], ["of these reasoning", reasoning]];
  return counts.filter(([, n]) => typeof n === "number").map(([name, n]) => `${name} ${Number(n).toLocaleString("en")}`).join(", ");
}

/**
 * @param {Row} row
 * @param {Details} found
 * @returns {Child[]}
 */
function body(row, found) {
  const last = found.messages.length - 1;
  const made = [
    ...scores(found),
    ...found.messages.flatMap((/** @type {string[]} */ [role, text], /** @type {number} */ n) => folded(visible(role), text, n < last || text.length > LONG)),
  ];
  if (found.choices) made.push(element("ol", found.choices.map((/** @type {string} */ text) => element("li", visible(text))), { type: "A" }));
  if (found.expected !== undefined && found.expected !== row[at.expected]) made.push(...folded("expected", found.expected, false));
  made.push(...attempts(found), ...failure(found));
  if (found.reasoning) made.push(...folded("reasoning", found.reasoning, true));
  if (found.text || (found.text === "" && !found.calls && !found.refusal)) made.push(...folded("answer", found.text || "(empty)", false));
  if (found.refusal) made.push(...folded("refusal", found.refusal, false));
  for (const [name, text] of found.calls || []) made.push(...folded(`calls ${visible(name)}`, text, false));
  for (const [n, text] of (found.others || []).entries()) made.push(...folded(`answer ${n + 2}`, text, true));
  for (const text of found.warnings || []) made.push(element("p", `warning: ${visible(text)}`));
  made.push(...waterfall(found));
  return made;
}

/** @param {Details} found */
function scores(found) {
  const items = found.scores.map((/** @type {any[]} */ [scorer, value, answer, rule, why, disputed]) => {
    const read = answer === null ? "no answer found" : `read "${visible(answer)}"`;
    const how = [rule ? `by ${visible(rule)}` : "", visible(why), disputed ? "disputed" : ""].filter(Boolean).join("; ");
    return element("li", [element("b", visible(scorer)), `: ${value === null ? "no score" : value}; ${read}${how ? `; ${how}` : ""}`]);
  });
  return items.length ? [element("ul", items, { class: "scores" })] : [];
}

/** @param {Details} found */
function attempts(found) {
  return (found.attempts || []).map((/** @type {any[]} */ [kind_, status, message, took, wait]) =>
    element("p", `an attempt failed after ${seconds(took)}: ${visible(kind_)}${status ? `, HTTP ${status}` : ""}: ${visible(message)}; sent again after ${seconds(wait)}`));
}

/** @param {Details} found */
function failure(found) {
  if (!found.failure) return [];
  const [kind_, phase, status, message, partial] = found.failure;
  const took = found.took_s === undefined ? "" : ` after ${seconds(found.took_s)}`;
  const said = element("p", `failed${took}: ${visible(kind_)} (${visible(phase).replaceAll("_", " ")}${status ? `, HTTP ${status}` : ""}): ${visible(message)}`, { class: "failure" });
  return [said, ...(partial ? folded("partial answer", partial, false) : [])];
}

/**
 * A text in a frame, with a button that copies it as it is shown.
 * @param {string} title
 * @param {string} text
 * @param {boolean} closed
 */
function folded(title, text, closed) {
  const pre = element("pre", visible(text, true), { tabindex: "0", role: "group", "aria-label": title });
  const copy = button("copy", () => void copied(pre, copy));
  copy.setAttribute("aria-label", `copy ${title}`);
  const made = /** @type {HTMLDetailsElement} */ (element("details", [element("summary", title), copy, pre]));
  made.open = !closed;
  return [made];
}

/**
 * @param {HTMLElement} pre
 * @param {HTMLElement} copy
 */
async function copied(pre, copy) {
  try {
    await navigator.clipboard.writeText(pre.textContent || "");
    copy.textContent = "copied";
  } catch {
    getSelection()?.selectAllChildren(pre);
    copy.textContent = "selected";
  }
}

/**
 * Where the time went, as bars from the sending of the request on.
 * @param {Details} found
 */
function waterfall(found) {
  const t = found.timing;
  const end = t && Math.max(t.stream_s || 0, t.e2e_s || 0, t.ttft_s || 0);
  if (!end) return [];
  const thought = t.ttfo_s > t.ttft_s;
  const spans = [
    ["to the first byte", 0, t.first_byte_s], ["to the first token", t.first_byte_s ?? 0, t.ttft_s],
    ["reasoning", t.ttft_s, thought ? t.ttfo_s : null], ["answer", thought ? t.ttfo_s : t.ttft_s, t.e2e_s],
    ["to the stream's end", t.e2e_s ?? 0, t.stream_s],
  ].filter(([, from, to]) => typeof from === "number" && typeof to === "number" && to > from);
  const picture = drawing("svg", { viewBox: `0 0 520 ${20 * spans.length + 4}`, role: "img", class: "waterfall",
    "aria-label": spans.map(([name, from, to]) => `${name} ${seconds(to - from)}`).join(", ") });
  spans.forEach(([name, from, to], n) => {
    const text = drawing("text", { x: 0, y: 20 * n + 14 });
    text.textContent = `${name}: ${seconds(to - from)}`;
    const wide = Math.max(1, (320 * (to - from)) / end);
    picture.append(text, drawing("rect", { x: 195 + (320 * from) / end, y: 20 * n + 3, width: wide, height: 14, class: name === "to the first byte" ? "bar wait" : "bar" }));
  });
  return [element("figure", [element("figcaption", `time from sending: ${seconds(end)}`), picture])];
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function drawing(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/**
 * The same sample of other targets and runs, each with its difference word by word.
 * @param {number} index
 * @param {Details} found
 */
async function others(index, found) {
  const same = (asked.get(question(rows[index])) || []).filter((other) => other !== index).slice(0, MOST_OTHERS);
  const made = [];
  for (const other of same) {
    const theirs = await details(other);
    const title = `${shown(rows[other], "target")}${data.runs.length > 1 ? `, ${shown(rows[other], "run")}` : ""}: ${shown(rows[other], "state")}`;
    const inside = theirs ? differences(String(theirs.text ?? ""), String(found.text ?? "")) : ["its text is not in this file"];
    const pre = element("pre", inside, { tabindex: "0", role: "group", "aria-label": title });
    made.push(element("details", [element("summary", title), element("p", [element("a", "open it", { href: link(other) })]), pre]));
  }
  if (!made.length) return [];
  const how = element("p", [element("del", "struck: only there"), ", ", element("ins", "underlined: only here")], { class: "about" });
  return [element("h3", "The same sample elsewhere"), how, ...made];
}

/**
 * Words that one text has and the other has not, by their longest common sequence.
 * @param {string} before
 * @param {string} after
 * @returns {Child[]}
 */
function differences(before, after) {
  const [a, b] = [before, after].map((text) => (visible(text, true).match(/\s+|\S+/g) || []).slice(0, MOST_WORDS));
  const best = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--) best[i][j] = a[i] === b[j] ? best[i + 1][j + 1] + 1 : Math.max(best[i + 1][j], best[i][j + 1]);
  /** @type {Child[]} */
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

// ---------------------------------------------------------------- the start

/** @param {boolean} dark */
function theme(dark) {
  document.documentElement.classList.toggle("dark", dark);
  by("theme").setAttribute("aria-pressed", String(dark));
}

/**
 * Offer the values of a field; a field with one value is hidden.
 * @param {string} id
 * @param {[string, string][]} values each with its text
 * @param {number} least
 */
function offer(id, values, least = 2) {
  by(id).append(...values.map(([value, text]) => element("option", text, { value })));
  by(id).closest("label").hidden = values.length < least;
}

function options() {
  for (const id of ["task", "target"]) {
    const values = [...new Set(rows.map((row) => String(row[at[id]])))];
    offer(id, values.map((value) => [value, visible(value)]));
  }
  offer("run", data.runs.map((name, number) => [String(number), visible(name)]));
  const flags = [...new Set(rows.flatMap((row) => /** @type {string[]} */ (row[at.flags])))].sort();
  offer("flag", flags.map((value) => [value, visible(value.replaceAll("_", " "))]), 1);
  const states = new Set(rows.map((row) => String(row[at.state])));
  if (rows.some((row) => row[at.flip])) states.add("flip");
  for (const option of by("state").options) option.hidden = !["", "not_right"].includes(option.value) && !states.has(option.value);
}

async function start() {
  rows = await unpack(document.querySelector("script.rows"));
  haystacks = rows.map((row) => ["sample", "question", "answer", "expected"].map((name) => row[at[name]] ?? "").join("\n").toLowerCase());
  rows.forEach((row, index) => asked.set(question(row), [...(asked.get(question(row)) || []), index]));
  const alike = ["task", "target", "run"].filter((name) => rows.every((row) => row[at[name]] === rows[0][at[name]]));
  const empty = ["expected", "cost_usd"].filter((name) => rows.every((row) => row[at[name]] === null));
  if (rows.every((row) => !(/** @type {string[]} */ (row[at.flags]).length))) empty.push("flags");
  columns = Object.keys(HEADS).filter((name) => !alike.includes(name) && !empty.includes(name));
  options();
  filter();
  let typing = 0;
  by("filters").addEventListener("input", (/** @type {Event} */ event) => {
    clearTimeout(typing);
    typing = setTimeout(filter, event.target === by("search") ? TYPING_MS : 0);
  });
  by("filters").addEventListener("submit", (/** @type {Event} */ event) => event.preventDefault());
  by("previous").addEventListener("click", () => { view.page--; draw(); });
  by("next").addEventListener("click", () => { view.page++; draw(); });
  addEventListener("hashchange", follow);
  addEventListener("keydown", pressed);
  addEventListener("beforeprint", () => document.querySelectorAll("main > details").forEach((each) => each.setAttribute("open", "")));
  follow();
}

theme(matchMedia("(prefers-color-scheme: dark)").matches);
by("theme").addEventListener("click", () => theme(!document.documentElement.classList.contains("dark")));
void start();
