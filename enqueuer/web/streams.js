// What an asset can be played as, and the links to that.

const kinds = { hls: "HLS", dash: "DASH", smooth: "Smooth Streaming" };
const about = {
  cmaf: "fMP4 segments that HLS and DASH share", hls: "MPEG-TS segments", dash: "fMP4 segments",
  smooth: "fragments at the edge", mp4: "one file, for downloads",
};

// streams lists what there is to play: what players start from comes first,
// each package once for each kind, with the link that a viewer should keep.
export function streams(urls, renditions = []) {
  const all = [], started = new Set();
  for (const p of urls.packages ?? []) {
    for (const kind of Object.keys(kinds)) {
      if (!p[kind]) continue;
      const first = !started.has(kind) && urls[kind];
      started.add(kind);
      const url = first || p[kind], kept = Boolean(first) && first !== p[kind];
      all.push({ id: `${kind}-${p.name}`, kind, name: kinds[kind], package: p.name, about: about[p.name] ?? "", url, kept });
    }
    (p.files ?? []).forEach((url, n) => {
      const side = Math.min(renditions[n]?.width || 0, renditions[n]?.height || 0);
      all.push({ id: `file-${p.name}-${n}`, kind: "file", name: `MP4${side ? ` ${side}p` : p.files.length > 1 ? ` ${n + 1}` : ""}`, package: p.name, about: about[p.name] ?? "", url, kept: false });
    });
  }
  for (const kind of Object.keys(kinds)) {
    if (urls[kind] && !started.has(kind)) all.push({ id: kind, kind, name: kinds[kind], package: "", about: "", url: urls[kind], kept: false });
  }
  return all;
}

// formats names what an asset is there as, shortly.
export function formats(urls) {
  const all = [];
  if (!urls) return all;
  const has = (kind) => urls[kind] || urls.packages?.some((p) => p[kind]);
  if (has("hls")) all.push("HLS");
  if (has("dash")) all.push("DASH");
  if (has("smooth")) all.push("Smooth");
  if (urls.packages?.some((p) => p.files?.length)) all.push("MP4");
  return all;
}
