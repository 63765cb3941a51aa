// The library page: lists what library.json holds, and reads it again while
// something is in work. Titles and reasons are foreign text; they are only ever
// set as text.
import { open, close } from "./player.js";
import { formats } from "./streams.js";

const $ = (id) => document.getElementById(id);
const cards = new Map(); // by asset
const working = 2000, idle = 15000; // milliseconds between looks
let list = [], last = "", timer = 0;

const clock = (s) => {
  s = Math.max(0, Math.round(s));
  const rest = String(s % 60).padStart(2, "0"), m = Math.floor(s / 60);
  return m < 60 ? `${m}:${rest}` : `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")}:${rest}`;
};

// qualities names renditions by their short side, as ladders do.
const qualities = (renditions = []) =>
  [...new Set(renditions.map((r) => Math.min(r.width || 0, r.height || 0)))].filter(Boolean).sort((a, b) => b - a).map((h) => `${h}p`);

function make(asset) {
  const card = $("card").content.firstElementChild.cloneNode(true);
  const at = (name) => card.querySelector(name);
  const parts = { card, button: at(".open"), image: at("img"), duration: at(".duration"), title: at(".title"), state: at(".state"), formats: at(".formats"), renditions: at(".renditions"), reason: at(".reason") };
  parts.button.addEventListener("click", () => {
    const shown = list.find((a) => a.asset === asset);
    if (shown?.urls) { location.hash = asset; }
  });
  parts.image.addEventListener("error", () => { parts.image.hidden = true; });
  cards.set(asset, parts);
  return parts;
}

function fill(a) {
  const p = cards.get(a.asset) ?? make(a.asset);
  const failed = a.state === "failed";
  p.card.className = `card ${failed ? "failed" : a.state === "published" ? "published" : "working"}`;
  p.title.textContent = a.title;
  p.state.textContent = a.state;
  p.button.disabled = !a.urls;
  p.button.setAttribute("aria-label", a.urls ? `Play ${a.title}` : `${a.title}, ${a.state}`);
  p.renditions.textContent = qualities(a.renditions).join(" · ") || (a.urls ? "sound only" : "");
  p.formats.textContent = formats(a.urls).join(" · ");
  p.duration.textContent = clock(a.duration ?? 0);
  p.duration.hidden = !a.duration;
  p.reason.textContent = p.reason.title = a.reason ?? "";
  p.reason.hidden = !a.reason;
  const poster = a.urls?.poster;
  if (poster && p.image.dataset.of !== poster) {
    p.image.dataset.of = p.image.src = poster;
    p.image.hidden = false;
  }
  return p.card;
}

function draw() {
  const wanted = $("find").value.trim().toLocaleLowerCase();
  const shown = list.filter((a) => a.title.toLocaleLowerCase().includes(wanted));
  const now = shown.map(fill);
  const grid = $("grid");
  now.forEach((card, i) => { if (grid.children[i] !== card) grid.insertBefore(card, grid.children[i] ?? null); });
  while (grid.children.length > now.length) grid.lastElementChild.remove();
  $("nothing").hidden = list.length > 0;
}

function count() {
  const n = { published: 0, "in work": 0, failed: 0 };
  for (const a of list) n[a.state === "failed" ? "failed" : a.state === "published" ? "published" : "in work"]++;
  return Object.entries(n).filter(([, k]) => k).map(([name, k]) => `${k} ${name}`).join(" · ") || "empty";
}

async function load() {
  clearTimeout(timer);
  try {
    const answer = await fetch("library.json", { cache: "no-cache" });
    if (!answer.ok && answer.status !== 404) throw new Error(`library.json: ${answer.status}`);
    const text = answer.ok ? await answer.text() : "[]";
    if (text !== last) {
      list = (JSON.parse(text) ?? []).sort((a, b) => a.title.localeCompare(b.title) || (a.asset < b.asset ? -1 : 1));
      last = text;
      $("counts").textContent = count();
      draw();
      follow();
    }
    $("trouble").hidden = true;
  } catch (err) {
    $("trouble").textContent = `The list cannot be read: ${err.message}. Trying again.`;
    $("trouble").hidden = false;
  }
  if (!document.hidden) timer = setTimeout(load, list.length === 0 || list.some((a) => a.open) ? working : idle);
}

// follow opens the player of the asset, and of the stream, that the address
// names: #ASSET or #ASSET/STREAM.
function follow() {
  const [asset, stream] = location.hash.slice(1).split("/");
  const shown = list.find((a) => a.asset === asset);
  if (shown?.urls) open(shown, stream);
  else if (!location.hash) close();
}

$("find").addEventListener("input", draw);
addEventListener("hashchange", follow);
$("player").addEventListener("close", () => { if (location.hash) history.pushState(null, "", location.pathname + location.search); });
document.addEventListener("visibilitychange", () => { if (!document.hidden) load(); });
load();
