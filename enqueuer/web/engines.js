// The players: hls.js, dash.js with its part for Smooth Streaming, and whatever
// the browser plays by itself. The libraries are in vendor/, where the build has
// put them; without them the browser's own player is left.

// script loads a vendored library once; it tells whether that is there.
const scripts = new Map();
function script(file) {
  if (!scripts.has(file)) {
    scripts.set(file, new Promise((resolve) => {
      const s = document.createElement("script");
      s.src = `vendor/${file}`;
      s.onload = () => resolve(true);
      s.onerror = () => resolve(false);
      document.head.append(s);
    }));
  }
  return scripts.get(file);
}

const own = {
  id: "browser", label: "the browser",
  ready: async () => true,
  start(video, url) {
    video.src = url;
    return { how: "the browser itself", stop() {}, choose() {} };
  },
};

const hlsJS = {
  id: "hls.js", label: "hls.js",
  ready: async () => (await script("hls.min.js")) && Boolean(globalThis.Hls?.isSupported()),
  start(video, url, on) {
    const { Hls } = globalThis, hls = new Hls();
    hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) on.trouble(`hls.js: ${data.details}`); });
    hls.on(Hls.Events.MANIFEST_PARSED, () => on.levels(hls.levels.map((l) => [l.width, l.height, l.bitrate])));
    hls.loadSource(url);
    hls.attachMedia(video);
    return { how: `hls.js ${Hls.version}`, stop: () => hls.destroy(), choose: (n) => { hls.nextLevel = n; } };
  },
};

function startDash(video, url, on) {
  const player = globalThis.dashjs.MediaPlayer().create();
  let ids = [];
  player.updateSettings({ debug: { logLevel: 0 } });
  player.on("error", (e) => on.trouble(`dash.js: ${e.error?.message ?? e.error}`));
  player.on("streamInitialized", () => {
    const all = player.getRepresentationsByType("video") ?? [];
    ids = all.map((r) => r.id);
    on.levels(all.map((r) => [r.width, r.height, r.bandwidth]));
  });
  player.initialize(video, url, false);
  return {
    how: `dash.js ${player.getVersion()}`, stop: () => player.destroy(),
    choose(n) {
      player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: n < 0 } } } });
      if (n >= 0) player.setRepresentationForTypeById("video", ids[n]);
    },
  };
}

const dashReady = async () => (await script("dash.all.min.js")) && Boolean(globalThis.dashjs?.MediaPlayer);
const dashJS = { id: "dash.js", label: "dash.js", ready: dashReady, start: startDash };
const dashMSS = {
  ...dashJS,
  ready: async () => (await dashReady()) && (await script("dash.mss.min.js")) && Boolean(globalThis.dashjs.MssHandler),
};

const plays = (type) => document.createElement("video").canPlayType(type) !== "";

// engines are the players that can play a kind of stream here, the best first.
export async function engines(kind) {
  const all = { hls: [hlsJS], dash: [dashJS], smooth: [dashMSS] }[kind] ?? [];
  const here = [];
  for (const engine of all) if (await engine.ready()) here.push(engine);
  const types = { hls: "application/vnd.apple.mpegurl", dash: "application/dash+xml", smooth: "application/vnd.ms-sstr+xml", file: "video/mp4" };
  if (plays(types[kind])) here.push(own);
  return here;
}
