// Thumbnails of a WebVTT file whose cues name tiles of sprites:
// IMAGE#xywh=X,Y,W,H below START --> END.

const seconds = (t) => t.split(":").reduce((sum, part) => sum * 60 + Number(part), 0);

// thumbnails reads the file and returns what gives a moment's tile, or null.
export async function thumbnails(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const tiles = parse(await answer.text(), url);
  return (at) => {
    let low = 0, high = tiles.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (tiles[middle].from <= at) low = middle; else high = middle - 1;
    }
    return tiles[low] ?? null;
  };
}

export function parse(text, base) {
  const tiles = [];
  for (const cue of text.split(/\r?\n\r?\n/)) {
    const m = cue.match(/([\d:.]+) --> ([\d:.]+)[^\n]*\n(\S+)#xywh=(\d+),(\d+),(\d+),(\d+)/);
    if (!m) continue;
    const [x, y, w, h] = m.slice(4).map(Number);
    tiles.push({ from: seconds(m[1]), to: seconds(m[2]), image: new URL(m[3], base).href, x, y, w, h });
  }
  return tiles.sort((a, b) => a.from - b.from);
}
