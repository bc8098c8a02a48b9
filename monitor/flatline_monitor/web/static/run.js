// Keeps the page of a run up to date while the run goes on, and lets code be copied.
import { Curves } from "/static/charts.js";

const EVERY_MS = 2_000;
const SELDOM_MS = 60_000;
const PATIENCE_MS = 10_000;
const GOING_ON = ["running", "stalled"];

const section = document.getElementById("curves");
const status = document.getElementById("live");
const sources = new Map([...document.querySelectorAll("[data-live]")].map((e) => [e.id, e.outerHTML]));

document.documentElement.classList.add("js");
const curves = new Curves(section.querySelector(".charts"));
let seen = ""; // the history that is shown
let behind = false; // a section was in use when it should have been renewed
let state = "running";
let wait = EVERY_MS;
let timer = null; // of the next look; null while there is none, or one is under way

async function fetched(path) {
  const answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(`the monitor answers ${answer.status}`);
  return answer.text();
}

async function look() {
  timer = null;
  try {
    const text = await fetched(section.dataset.history);
    if (text !== seen) {
      const history = JSON.parse(text);
      curves.show(history);
      if (seen || history.state !== section.dataset.state) behind = await renew();
      state = history.state;
      seen = text;
    } else if (behind) {
      behind = await renew();
    }
    wait = EVERY_MS;
    say(GOING_ON.includes(state) ? "live" : "");
  } catch (error) {
    wait = Math.min(2 * wait, SELDOM_MS);
    const why = error instanceof TypeError ? "the monitor does not answer" : error.message;
    say(`not up to date: ${why}; trying again`);
  }
  if (!seen || behind || GOING_ON.includes(state) || wait > EVERY_MS) timer = setTimeout(next, wait);
}

// A hidden page waits until somebody looks at it.
function next() {
  timer = null;
  if (!document.hidden) return look();
  document.addEventListener("visibilitychange", look, { once: true });
}

/** Replace the sections that are no longer what the monitor says; say whether one had to wait. */
async function renew() {
  let left = false;
  const page = new DOMParser().parseFromString(await fetched(section.dataset.run), "text/html");
  for (const fresh of page.querySelectorAll("[data-live]")) {
    const old = document.getElementById(fresh.id);
    const source = fresh.outerHTML;
    if (!old || source === sources.get(fresh.id)) continue;
    if (isInUse(old)) {
      left = true;
      continue;
    }
    sources.set(fresh.id, source);
    for (const details of old.querySelectorAll("details[id]")) {
      const again = fresh.querySelector(`#${CSS.escape(details.id)}`);
      if (again) again.open = details.open;
    }
    old.replaceWith(fresh);
  }
  return left;
}

/** Say whether somebody has marked text in it, or goes through it by keyboard. */
function isInUse(element) {
  const selection = getSelection();
  const marked = !selection.isCollapsed && element.contains(selection.anchorNode);
  return marked || element.querySelector(":focus-visible") !== null;
}

function say(words) {
  if (status.textContent !== words) status.textContent = words;
}

async function copied(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    // Not a secure context: plain HTTP on another machine. What is marked can still be copied.
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  button.textContent = (await copied(button.parentElement.querySelector("code"))) ? "Copied" : "Ctrl+C";
  setTimeout(() => {
    button.textContent = "Copy";
  }, EVERY_MS);
});

// A link to something that is folded unfolds it.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (target?.tagName === "DETAILS") target.open = true;
}

addEventListener("hashchange", unfold);
unfold();
look();
