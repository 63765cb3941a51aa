// The player of the library page: a dialog that plays any stream of an asset,
// with thumbnails over its scrub bar and the links to copy.
import { engines } from "./engines.js";
import { streams } from "./streams.js";
import { thumbnails } from "./thumbs.js";

const $ = (id) => document.getElementById(id);
const video = $("video"), seek = $("seek"), dialog = $("player"), quality = $("quality");
let playing = null; // the asset
let all = []; // its streams
let engine = null; // {how, stop, choose} of what plays
let current = null; // the stream that plays
let turn = 0; // of what was started last: what comes late is dropped
const chosen = new Map(); // player by kind of stream, where somebody chose one

const clock = (s) => {
  s = Math.floor(s || 0);
  const rest = String(s % 60).padStart(2, "0"), m = Math.floor(s / 60);
  return m < 60 ? `${m}:${rest}` : `${Math.floor(m / 60)}:${String(m % 60).padStart(2, "0")}:${rest}`;
};

function trouble(text) {
  $("failed").textContent = `This does not play: ${text}`;
  $("failed").hidden = false;
}

// levels lists the qualities that the stream has.
function levels(list) {
  const name = ([width, height, bits], i) => {
    const side = Math.min(width || 0, height || 0);
    return (side ? `${side}p` : `Quality ${i + 1}`) + (bits ? `, ${(bits / 1e6).toFixed(1)} Mb/s` : "");
  };
  quality.replaceChildren(new Option("Auto", "-1"), ...list.map((l, i) => new Option(name(l, i), String(i))));
  quality.disabled = list.length < 2;
}

// tell says what plays, how, and in which size.
function tell() {
  const size = video.videoWidth ? `${video.videoWidth} × ${video.videoHeight}` : "";
  $("how").textContent = current && engine ? [`${current.name}, played by ${engine.how}`, size].filter(Boolean).join(" · ") : "";
}

function stop() {
  engine?.stop();
  engine = null;
  video.removeAttribute("src");
  video.load();
}

async function start(stream) {
  const mine = ++turn, at = video.currentTime;
  stop();
  current = stream;
  $("failed").hidden = true;
  levels([]);
  for (const row of $("streams").rows) {
    const on = row.dataset.stream === stream?.id;
    row.classList.toggle("on", on);
    row.querySelector(".start")?.setAttribute("aria-pressed", String(on));
  }
  dialog.dataset.engine = dialog.dataset.stream = "";
  if (!stream) return trouble("there is no stream");
  const here = await engines(stream.kind);
  if (mine !== turn) return;
  const player = here.find((e) => e.id === chosen.get(stream.kind)) ?? here[0];
  if (!player) return trouble(`no player for ${stream.name} here`);
  const late = (f) => (what) => { if (mine === turn) f(what); };
  engine = player.start(video, stream.url, { trouble: late(trouble), levels: late(levels) });
  dialog.dataset.engine = engine.how;
  dialog.dataset.stream = stream.id;
  tell();
  if (at > 0) video.addEventListener("loadedmetadata", () => { if (mine === turn) video.currentTime = at; }, { once: true });
  video.play().catch(() => {}); // browsers may want a click first: the button is there
}

function element(name, className, text) {
  const e = document.createElement(name);
  if (className) e.className = className;
  if (text) e.textContent = text;
  return e;
}

// copier is a button that copies a link.
function copier(url, of) {
  const b = element("button", "copy", "Copy link");
  b.type = "button";
  b.title = url;
  b.setAttribute("aria-label", `Copy the link to ${of}`);
  b.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(url);
      b.textContent = "Copied";
      $("said").textContent = `Copied the link to ${of}`;
    } catch { prompt("Copy this link", url); }
    setTimeout(() => { b.textContent = "Copy link"; }, 1500);
  });
  return b;
}

// rowOf is a stream's: what it is, who plays it, its link.
function rowOf(stream) {
  const row = element("tr");
  row.dataset.stream = stream.id;
  const play = element("button", "start", stream.name);
  play.type = "button";
  play.setAttribute("aria-pressed", "false");
  play.addEventListener("click", () => start(stream));
  const first = element("th");
  first.scope = "row";
  first.append(play);
  const what = element("td", "what");
  const note = stream.kept ? "stays at this link when the video is replaced" : "";
  what.append(element("b", "", stream.package), [stream.package && " ", stream.about, stream.about && note && "; ", note].filter(Boolean).join(""));
  const who = element("td");
  const select = element("select", "who");
  select.setAttribute("aria-label", `Player of ${stream.name}, package ${stream.package}`);
  select.disabled = true;
  who.append(select);
  engines(stream.kind).then((here) => {
    select.replaceChildren(...here.map((e) => new Option(e.label, e.id)));
    if (!here.length) select.append(new Option("none here"));
    select.disabled = here.length < 2;
    if (chosen.has(stream.kind)) select.value = chosen.get(stream.kind);
  });
  select.addEventListener("change", () => {
    chosen.set(stream.kind, select.value);
    for (const other of all) if (other.kind === stream.kind) $("streams").querySelector(`[data-stream="${CSS.escape(other.id)}"] .who`).value = select.value;
    start(stream);
  });
  const link = element("td", "link");
  link.append(copier(stream.url, `${stream.name} of ${playing.title}`));
  row.append(first, what, who, link);
  return row;
}

function extras(asset) {
  const links = [["playback.json", asset.urls.playback], ["the poster", asset.urls.poster], ["the thumbnails", asset.urls.thumbnails]].filter(([, url]) => url);
  $("extras").replaceChildren(...links.map(([name, url]) => {
    const item = element("li", "", name.replace("the ", ""));
    item.append(" ", copier(url, `${name} of ${asset.title}`));
    return item;
  }));
}

let sprite = null; // of the asset, where it has thumbnails

// open plays an asset: the stream of that ID, or the first.
export async function open(asset, id) {
  if (playing?.asset === asset.asset && dialog.open) {
    const other = all.find((s) => s.id === id);
    if (other && other !== current) start(other);
    return;
  }
  playing = asset;
  sprite = null;
  all = streams(asset.urls, asset.renditions);
  $("playing").textContent = asset.title;
  $("warnings").textContent = (asset.warnings ?? []).join("; ");
  $("warnings").hidden = !asset.warnings?.length;
  video.poster = asset.urls.poster ?? "";
  $("streams").replaceChildren(...all.map(rowOf));
  extras(asset);
  if (!dialog.open) dialog.showModal();
  video.currentTime = 0;
  start(all.find((s) => s.id === id) ?? all[0]);
  if (asset.urls.thumbnails) {
    const found = await thumbnails(asset.urls.thumbnails).catch(() => null);
    if (playing === asset) sprite = found;
  }
}

export function close() {
  if (dialog.open) dialog.close();
}

dialog.addEventListener("close", () => {
  turn++;
  stop();
  playing = current = null;
});

const length = () => (Number.isFinite(video.duration) ? video.duration : playing?.duration ?? 0);
function tick() {
  if (document.activeElement !== seek || !seek.matches(":active")) seek.value = video.currentTime;
  $("time").textContent = `${clock(video.currentTime)} / ${clock(length())}`;
  seek.setAttribute("aria-valuetext", `${clock(video.currentTime)} of ${clock(length())}`);
}
video.addEventListener("timeupdate", tick);
video.addEventListener("resize", tell);
video.addEventListener("durationchange", () => { seek.max = length() || 1; tick(); });
for (const what of ["play", "pause", "ended"]) {
  video.addEventListener(what, () => {
    $("toggle").dataset.shows = video.paused ? "play" : "pause";
    $("toggle").setAttribute("aria-label", video.paused ? "Play" : "Pause");
  });
}
video.addEventListener("error", () => { if (video.error && video.hasAttribute("src")) trouble(video.error.message || "the browser cannot"); });
const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());
video.addEventListener("click", toggle);
video.addEventListener("keydown", (e) => {
  if (e.key === " ") { toggle(); e.preventDefault(); }
  if (e.key === "ArrowRight") video.currentTime += 5;
  if (e.key === "ArrowLeft") video.currentTime -= 5;
});
$("toggle").addEventListener("click", toggle);
$("mute").addEventListener("click", () => { video.muted = !video.muted; });
video.addEventListener("volumechange", () => { $("mute").setAttribute("aria-pressed", String(video.muted)); });
$("full").addEventListener("click", () => video.requestFullscreen?.());
$("close").addEventListener("click", () => dialog.close());
quality.addEventListener("change", () => engine?.choose(Number(quality.value)));
seek.addEventListener("input", () => { video.currentTime = Number(seek.value); peek(Number(seek.value)); });

// peek shows the thumbnail of a moment above the scrub bar.
function peek(at) {
  const tile = sprite?.(at), preview = $("preview");
  if (!tile) { preview.hidden = true; return; }
  const frame = preview.firstElementChild, image = frame.firstElementChild;
  frame.style.width = `${tile.w}px`;
  frame.style.height = `${tile.h}px`;
  if (image.src !== tile.image) image.src = tile.image;
  image.style.transform = `translate(${-tile.x}px, ${-tile.y}px)`;
  preview.lastElementChild.textContent = clock(at);
  const box = seek.getBoundingClientRect(), half = tile.w / 2 + 8;
  const x = seek.offsetLeft + box.width * (length() ? at / length() : 0);
  preview.style.left = `${Math.min(Math.max(x, half), seek.offsetLeft * 2 + box.width - half)}px`;
  preview.hidden = false;
}
seek.addEventListener("pointermove", (e) => {
  const box = seek.getBoundingClientRect();
  peek(Math.min(1, Math.max(0, (e.clientX - box.left) / box.width)) * length());
});
for (const what of ["pointerleave", "blur"]) seek.addEventListener(what, () => { $("preview").hidden = true; });
