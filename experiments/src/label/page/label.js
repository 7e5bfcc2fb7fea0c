// The page keeps nothing that matters: an answer counts once the server has said that it is stored.
import { Player, SPEEDS } from "/clips.js";

const HELD = 3; // Questions on this page: the one shown, and those loaded ahead.
const PATIENCE = 2000; // Milliseconds between two looks for new questions, or two attempts.
const GUARD = 250; // Milliseconds in which a new pair takes no answer, so that none is given by accident.

const $ = id => document.getElementById(id);
const body = document.body;
const stored = (storage, key, value) => {
  // A browser may forbid storage; then names and colours last as long as the page.
  try {
    if (value !== undefined) storage.setItem(key, value);
    return storage.getItem(key);
  } catch {
    return value ?? null;
  }
};
const random = () => Array.from(crypto.getRandomValues(new Uint32Array(4)), n => n.toString(36)).join("");

let annotator = stored(localStorage, "telos-annotator") ?? "";
// The same after a reload, so that the page gets its questions back; another one in every tab.
const client = stored(sessionStorage, "telos-client") ?? stored(sessionStorage, "telos-client", random());
let token = takeToken();
let queue = []; // Questions held, the first of them on show.
let shown = null;
let shownAt = 0;
let busy = false;
let mine = 0;

// --- Speaking with the server -------------------------------------------------------------------

function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) history.replaceState(null, "", location.pathname);
  return given ? stored(sessionStorage, "telos-token", given) : stored(sessionStorage, "telos-token");
}

class Refused extends Error {
  constructor(status, { error, message }) {
    super(message);
    this.status = status;
    this.reason = error;
  }
}

async function request(path, content) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const options = content === undefined
    ? { headers }
    : { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(content) };
  const response = await fetch(path, options);
  if (response.status === 401) {
    await askForToken();
    return request(path, content);
  }
  if (!response.ok) {
    const said = await response.json().catch(() => ({ error: "unknown", message: response.statusText }));
    throw new Refused(response.status, said);
  }
  return response;
}

const sleep = time => new Promise(done => setTimeout(done, time));

/// Repeats a request until the server has spoken: the key of an answer makes that safe.
async function persist(path, content) {
  for (;;) {
    try {
      const said = await (await request(path, content)).json();
      banner(null);
      return said;
    } catch (error) {
      const later = error instanceof Refused ? [429, 503].includes(error.status) : true;
      if (!later) throw error;
      banner(error instanceof Refused
        ? `The server says: ${error.message}. Trying again…`
        : "The server does not answer. Nothing is lost; trying again…");
      await sleep(PATIENCE);
    }
  }
}

function banner(text) {
  $("banner").hidden = !text;
  $("banner").textContent = text ?? "";
}

// --- Questions ----------------------------------------------------------------------------------

async function picture(query, side) {
  for (;;) {
    try {
      const blob = await (await request(`/api/clip/${query}/${side}`)).blob();
      return await createImageBitmap(blob);
    } catch (error) {
      if (error instanceof Refused && ![429, 503].includes(error.status)) throw error;
      await sleep(PATIENCE);
    }
  }
}

function load(question) {
  question.pictures ??= Promise.all([0, 1].map(side => picture(question.query, side)));
  // Whoever shows it hears of a failure; nobody else needs to.
  question.pictures.catch(() => {});
  return question;
}

async function refill() {
  const { queries, status } = await persist("/api/next", { annotator, client, count: HELD });
  const held = new Map(queue.map(question => [question.query, question]));
  const order = queue.slice(0, 1).filter(question => queries.some(({ query }) => query === question.query));
  const rest = queries.filter(({ query }) => query !== order[0]?.query);
  queue = [...order, ...rest.map(question => held.get(question.query) ?? question)].map(load);
  report(status);
}

async function show() {
  if (queue.length === 0) {
    await refill();
  }
  const question = queue[0];
  if (!question) {
    return idle();
  }
  if (question === shown) return;
  state("loading");
  let pictures;
  try {
    pictures = await question.pictures;
  } catch (error) {
    // A clip that cannot be drawn can only be skipped.
    banner(`${error.message}. You can only skip it.`);
    shown = question;
    body.dataset.query = question.query;
    player.clear();
    return state("broken");
  }
  if (queue[0] !== question) return show();
  shown = question;
  shownAt = performance.now();
  player.show(pictures.map((picture, side) => ({ picture, layout: question.clips[side] })));
  $("scrubber").max = player.moments - 1;
  body.dataset.query = question.query;
  state("asking");
  if (queue.length < HELD) refill().catch(fail);
}

function idle() {
  shown = null;
  delete body.dataset.query;
  player.clear();
  state("idle");
  clearTimeout(idle.timer);
  idle.timer = setTimeout(() => body.dataset.state === "idle" && show().catch(fail), PATIENCE);
}

/// What the page is doing: loading, asking, sending, broken (a pair that cannot be drawn) or idle.
function state(now) {
  body.dataset.state = now;
  const waiting = now === "idle";
  for (const id of ["pair", "player", "answers"]) $(id).hidden = waiting;
  $("idle").hidden = !waiting;
  for (const id of ["left", "right", "equal"]) $(id).disabled = now !== "asking";
  $("skip").disabled = now !== "asking" && now !== "broken";
  $("undo").disabled = now === "sending" || mine === 0;
}

// --- Answers ------------------------------------------------------------------------------------

const BUTTONS = { first: "left", second: "right", equal: "equal", skip: "skip" };

async function answer(choice) {
  const broken = body.dataset.state === "broken" && choice === "skip";
  if (busy || !(broken || body.dataset.state === "asking")) return;
  const latency = performance.now() - shownAt;
  if (!broken && latency < GUARD) return;
  busy = true;
  state("sending");
  $(BUTTONS[choice]).classList.add("chosen");
  if (choice === "first" || choice === "second") $("pair").classList.add("decided");
  const { query } = shown;
  try {
    const content = { annotator, client, query, choice, latency_ms: Math.round(latency), key: random() };
    const { status } = await persist("/api/answer", content);
    report(status);
    saved("Saved");
    await sleep(120); // Long enough to see what was chosen.
  } catch (error) {
    // Somebody else was quicker, or the question is gone: on with the next one.
    if (!(error instanceof Refused) || ![404, 409].includes(error.status)) {
      unmark();
      busy = false;
      state(broken ? "broken" : "asking");
      throw error;
    }
    saved(error.message);
  }
  unmark();
  queue = queue.filter(question => question.query !== query);
  busy = false;
  await show();
}

function unmark() {
  $("pair").classList.remove("decided");
  for (const id of Object.values(BUTTONS)) $(id).classList.remove("chosen");
}

async function undo() {
  if (busy || mine === 0) return;
  busy = true;
  const before = body.dataset.state;
  state("sending");
  try {
    const { query, status } = await persist("/api/undo", { annotator, client });
    report(status);
    saved("Undone");
    const { queries } = await persist("/api/next", { annotator, client, count: HELD + 1 });
    const again = queries.find(question => question.query === query);
    queue = [again, ...queue.filter(question => question.query !== query)].filter(Boolean).map(load);
  } catch (error) {
    state(before);
    if (!(error instanceof Refused)) throw error;
    saved(error.message);
  } finally {
    busy = false;
  }
  await show();
  if (body.dataset.state === "sending") state(before);
}

function saved(text) {
  $("saved").textContent = text;
  $("saved").classList.add("shown");
  clearTimeout(saved.timer);
  saved.timer = setTimeout(() => $("saved").classList.remove("shown"), 1500);
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;

function report(status) {
  const { task, env, budget, asked, answered, annotators, agreement, kappa, compared } = status;
  $("task").textContent = task;
  document.title = `${env}: which is better?`;
  mine = annotators.find(({ name }) => name === annotator)?.answers ?? 0;
  $("counts").textContent =
    `${answered} of ${budget} answered, ${asked - answered} waiting, ${mine} by you`;
  $("answered").style.width = `${(100 * answered) / Math.max(budget, asked, 1)}%`;
  $("asked").style.width = `${(100 * asked) / Math.max(budget, asked, 1)}%`;
  $("bar").setAttribute("aria-valuemax", budget);
  $("bar").setAttribute("aria-valuenow", answered);
  const others = annotators.filter(({ name }) => name !== annotator);
  const parts = others.map(({ name, answers }) => `${name}: ${answers}`);
  if (agreement > 1) {
    parts.push(`${agreement} people answer each question`);
    parts.push(kappa === null ? "no agreement to measure yet" : `Cohen's κ ${kappa.toFixed(2)} over ${plural(compared, "pair")} of answers`);
  }
  $("people").textContent = parts.join(" · ");
  const done = answered >= budget;
  $("idle-title").textContent = done ? "All questions are answered" : "Nothing to ask just now";
  $("idle-text").textContent = done
    ? `${plural(answered, "answer")} of ${budget}. Thank you.`
    : "The robot practises with what it has learned. Its next questions appear here by themselves.";
  $("idle-undo").hidden = mine === 0;
  $("undo").disabled = busy || mine === 0;
}

function fail(error) {
  banner(`Something went wrong: ${error.message}`);
  throw error;
}

// --- Playback, names, colours -------------------------------------------------------------------

const player = new Player([$("left"), $("right")].map(clip => clip.querySelector("canvas")), (moment, time) => {
  $("scrubber").value = moment;
  $("time").textContent = `${time.toFixed(1)} / ${player.duration.toFixed(1)} s`;
});

function playing(now) {
  player.playing = now;
  $("play").textContent = now ? "❚❚" : "▶";
  $("play").setAttribute("aria-label", now ? "Pause" : "Play");
}

function faster(by) {
  const at = Math.min(Math.max(SPEEDS.indexOf(player.speed) + by, 0), SPEEDS.length - 1);
  player.speed = SPEEDS[at];
  $("speed").textContent = `${player.speed}×`;
}

function dialog(id) {
  const element = $(id);
  if (!element.open) element.showModal();
  return new Promise(done => element.addEventListener("close", done, { once: true }));
}

async function askForName() {
  $("name-input").value = annotator;
  do {
    await dialog("name-dialog");
  } while (!$("name-input").value.trim());
  annotator = $("name-input").value.trim();
  stored(localStorage, "telos-annotator", annotator);
  $("name").textContent = annotator;
}

async function askForToken() {
  // Several requests may be refused at once; one question is enough.
  askForToken.asked ??= dialog("token-dialog").then(() => {
    token = stored(sessionStorage, "telos-token", $("token-input").value.trim());
    $("token-input").value = "";
    askForToken.asked = null;
  });
  await askForToken.asked;
}

function theme(choice) {
  if (choice) document.documentElement.dataset.theme = choice;
}

const KEYS = {
  ArrowLeft: () => answer("first"), 1: () => answer("first"),
  ArrowRight: () => answer("second"), 2: () => answer("second"),
  ArrowDown: () => answer("equal"), e: () => answer("equal"),
  s: () => answer("skip"),
  u: undo, Backspace: undo,
  " ": () => playing(!player.playing),
  ",": () => { playing(false); player.step(-1); },
  ".": () => { playing(false); player.step(1); },
  "[": () => faster(-1), "]": () => faster(1),
  "?": () => dialog("help-dialog"),
};

document.addEventListener("keydown", event => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  // On the slider, arrows move it.
  if (event.target === $("scrubber") && event.key.startsWith("Arrow")) return;
  const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  Promise.resolve(action()).catch(fail);
});
for (const [choice, id] of Object.entries(BUTTONS)) {
  $(id).addEventListener("click", () => answer(choice).catch(fail));
}
for (const id of ["undo", "idle-undo"]) $(id).addEventListener("click", () => undo().catch(fail));
$("play").addEventListener("click", () => playing(!player.playing));
$("speed").addEventListener("click", () => faster(player.speed === SPEEDS.at(-1) ? -SPEEDS.length : 1));
$("scrubber").addEventListener("input", event => { playing(false); player.seek(Number(event.target.value)); });
$("scrubber").addEventListener("pointerup", () => $("scrubber").blur());
$("help").addEventListener("click", () => dialog("help-dialog"));
$("rename").addEventListener("click", async () => {
  const before = annotator;
  await askForName();
  if (annotator === before) return;
  [queue, shown] = [[], null];
  await show().catch(fail);
});
$("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const dark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  theme(stored(localStorage, "telos-theme", dark ? "light" : "dark"));
});

theme(stored(localStorage, "telos-theme"));
playing(player.playing);
faster(0);
state("loading");
if (!annotator) await askForName();
$("name").textContent = annotator;
await show().catch(fail);
