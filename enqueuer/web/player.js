// The player of the library page: HLS by hls.js and DASH by dash.js where
// vendor/ has them, or whatever the browser plays by itself.
import { thumbnails } from "./thumbs.js";

const $ = (id) => document.getElementById(id);
const video = $("video"), seek = $("seek"), dialog = $("player"), quality = $("quality");
let playing = null; // the asset
let engine = null; // {stop, levels, choose}
let turn = 0; // of what was started last: what comes late is dropped

const clock = (s) => `${Math.floor((s || 0) / 60)}:${String(Math.floor(s || 0) % 60).padStart(2, "0")}`;

// script loads a vendored player once, and is null where there is none.
const scripts = new Map();
function script(file, name) {
  if (!scripts.has(file)) {
    scripts.set(file, new Promise((resolve) => {
      const s = document.createElement("script");
      s.src = `vendor/${file}`;
      s.onload = () => resolve(globalThis[name] ?? null);
      s.onerror = () => resolve(null);
      document.head.append(s);
    }));
  }
  return scripts.get(file);
}

function native(url) {
  video.src = url;
  return { how: "the browser itself", stop() {} };
}

async function startHLS(url) {
  const Hls = await script("hls.min.js", "Hls");
  if (!Hls?.isSupported()) return native(url);
  const hls = new Hls();
  hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) trouble(`hls.js: ${data.details}`); });
  hls.on(Hls.Events.MANIFEST_PARSED, () => show(hls.levels.map((l) => Math.min(l.width, l.height))));
  hls.loadSource(url);
  hls.attachMedia(video);
  return { how: `hls.js ${Hls.version}`, stop: () => hls.destroy(), choose: (n) => { hls.nextLevel = n; } };
}

async function startDASH(url) {
  const dashjs = await script("dash.all.min.js", "dashjs");
  if (!dashjs?.MediaPlayer) return native(url);
  const player = dashjs.MediaPlayer().create();
  const ids = [];
  player.updateSettings({ debug: { logLevel: 0 } });
  player.on("error", (e) => trouble(`dash.js: ${e.error?.message ?? e.error}`));
  player.on("streamInitialized", () => {
    const all = player.getRepresentationsByType?.("video") ?? [];
    ids.splice(0, ids.length, ...all.map((r) => r.id));
    show(all.map((r) => Math.min(r.width, r.height)));
  });
  player.initialize(video, url, false);
  return {
    how: `dash.js ${player.getVersion()}`, stop: () => player.destroy(),
    choose(n) {
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: n < 0 } } } });
      if (n >= 0) player.setRepresentationForTypeById?.("video", ids[n]);
    },
  };
}

// show lists the qualities that the stream has.
function show(sides) {
  quality.replaceChildren(new Option("Auto", "-1"), ...sides.map((side, i) => new Option(side ? `${side}p` : `Quality ${i + 1}`, String(i))));
  quality.hidden = sides.length < 2;
}

function trouble(text) {
  $("failed").textContent = `This does not play: ${text}`;
  $("failed").hidden = false;
}

async function start(kind) {
  const mine = ++turn, at = video.currentTime;
  engine?.stop();
  engine = null;
  video.removeAttribute("src");
  video.load();
  $("failed").hidden = quality.hidden = true;
  for (const k of ["hls", "dash"]) $(k).setAttribute("aria-pressed", String(k === kind));
  const url = playing.urls[kind] ?? playing.urls.packages?.find((p) => p[kind])?.[kind] ?? playing.urls.packages?.find((p) => p.files)?.files[0];
  if (!url) return trouble("there is no stream");
  const started = await (kind === "dash" ? startDASH(url) : startHLS(url));
  if (mine !== turn) return started.stop();
  engine = started;
  $("how").textContent = `${kind.toUpperCase()}, played by ${engine.how}`;
  dialog.dataset.engine = engine.how;
  if (at > 0) video.addEventListener("loadedmetadata", () => { video.currentTime = at; }, { once: true });
  video.play().catch(() => {}); // browsers may want a click first: the button is there
}

function copies(urls) {
  const links = [["HLS", urls.hls], ["DASH", urls.dash], ["Smooth", urls.smooth], ["playback.json", urls.playback]].filter(([, url]) => url);
  $("copies").replaceChildren(...links.map(([name, url]) => {
    const b = document.createElement("button");
    b.type = "button";
    b.textContent = `Copy ${name} link`;
    b.title = url;
    b.addEventListener("click", async () => {
      try { await navigator.clipboard.writeText(url); b.textContent = "Copied"; } catch { prompt("Copy this link", url); }
      setTimeout(() => { b.textContent = `Copy ${name} link`; }, 1500);
    });
    return b;
  }));
}

let sprite = null; // of the asset, where it has thumbnails

export async function open(asset) {
  if (playing?.asset === asset.asset && dialog.open) return;
  playing = asset;
  sprite = null;
  $("playing").textContent = asset.title;
  $("hls").disabled = !asset.urls.hls && !asset.urls.packages?.some((p) => p.hls || p.files);
  $("dash").disabled = !asset.urls.dash;
  $("warnings").textContent = (asset.warnings ?? []).join("; ");
  $("warnings").hidden = !asset.warnings?.length;
  const first = asset.renditions?.[0];
  video.poster = asset.urls.poster ?? "";
  video.style.aspectRatio = first?.width ? `${first.width} / ${first.height}` : "";
  copies(asset.urls);
  if (!dialog.open) dialog.showModal();
  video.currentTime = 0;
  start($("hls").disabled ? "dash" : "hls");
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
  engine?.stop();
  engine = playing = null;
  video.removeAttribute("src");
  video.load();
});

const length = () => (Number.isFinite(video.duration) ? video.duration : playing?.duration ?? 0);
function tick() {
  if (document.activeElement !== seek || !seek.matches(":active")) seek.value = video.currentTime;
  $("time").textContent = `${clock(video.currentTime)} / ${clock(length())}`;
  seek.setAttribute("aria-valuetext", `${clock(video.currentTime)} of ${clock(length())}`);
}
video.addEventListener("timeupdate", tick);
video.addEventListener("durationchange", () => { seek.max = length() || 1; tick(); });
for (const what of ["play", "pause", "ended"]) {
  video.addEventListener(what, () => {
    $("toggle").textContent = video.paused ? "▶" : "❚❚";
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
$("hls").addEventListener("click", () => start("hls"));
$("dash").addEventListener("click", () => start("dash"));
quality.addEventListener("change", () => engine?.choose?.(Number(quality.value)));
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
