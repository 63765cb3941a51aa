"use strict";

// play plays one stream from start to end and then seeks. It answers what was
// shown; a stream that does not play is an answer, too, in error.
async function play({player, url, rate, seeks, pause, lean, patience}) {
  const video = document.getElementById("video");
  const seen = {error: "", frames: 0, dropped: 0, duration: 0, width: 0, height: 0, sizes: [], sound: false, early: false, looks: []};
  let stop = () => {};
  const broken = new Promise((_, fail) => {
    const say = (what) => fail(new Error(what));
    video.addEventListener("error", () => say("video: " + (video.error?.message || "code " + video.error?.code)));
    const jumps = []; // which the player made by itself
    video.addEventListener("seeking", () => seen.frames || jumps.push(video.currentTime));
    setTimeout(() => say(`no end after ${patience} ms, at ${video.currentTime} of ${video.duration} s` +
      (jumps.length ? `, jumped to ${jumps.slice(-5)}` : "")), patience);
    stop = attach(player, video, url, lean, say);
  });
  broken.catch(() => {});
  const event = (name) => Promise.race([broken, new Promise((ok) => video.addEventListener(name, ok, {once: true}))]);
  const count = () => {
    const quality = video.getVideoPlaybackQuality();
    seen.frames = quality.totalVideoFrames;
    seen.dropped = quality.droppedVideoFrames;
    seen.duration = Number.isFinite(video.duration) ? video.duration : 0;
    seen.width = video.videoWidth;
    seen.height = video.videoHeight;
    seen.sound = (video.webkitAudioDecodedByteCount || 0) > 0;
  };
  try {
    const ended = Promise.race([event("ended"), event("end").then(() => (seen.early = !video.ended))]);
    video.addEventListener("resize", () => seen.sizes.push(`${video.videoWidth}x${video.videoHeight}`));
    video.muted = true;
    video.defaultPlaybackRate = video.playbackRate = rate;
    await Promise.race([broken, video.play()]);
    if (pause) {
      while (!(video.currentTime >= video.duration / 3)) await event("timeupdate");
      video.pause();
      const answer = await Promise.race([broken, fetch("pause")]);
      if (!answer.ok) throw new Error(`pause: ${await answer.text()}`);
      await Promise.race([broken, video.play()]);
    }
    await ended;
    count();
    for (const share of seeks) {
      const seeked = event("seeked");
      video.currentTime = share * video.duration;
      await seeked;
      while (video.seeking) await event("seeked");
      await painted(video);
      seen.looks.push({at: video.currentTime, png: picture(video)});
    }
  } catch (err) {
    if (!seen.frames) count();
    seen.error = String(err?.message || err);
  }
  stop();
  return seen;
}

// attach gives the video to a player and returns how to end that. A lean one
// buffers two seconds, and starts with the best rendition.
function attach(player, video, url, lean, say) {
  switch (player) {
    case "hls.js": {
      const hls = new Hls({enableWorker: false, ...(lean && {maxBufferLength: 2, maxMaxBufferLength: 2, abrEwmaDefaultEstimate: 1e8, testBandwidth: false})});
      hls.on(Hls.Events.ERROR, (_, data) => data.fatal && say(`hls.js: ${data.type} ${data.details} ${data.url || data.frag?.url || ""} ${data.response?.code || ""}`));
      hls.loadSource(url);
      hls.attachMedia(video);
      return () => hls.destroy();
    }
    case "dash.js": {
      const dash = dashjs.MediaPlayer().create();
      // No jumps over gaps, which hide what is missing; a switch may leave some.
      dash.updateSettings({debug: {logLevel: dashjs.Debug.LOG_LEVEL_NONE}, streaming: {gaps: {jumpGaps: lean}}});
      if (lean) dash.updateSettings({streaming: {abr: {initialBitrate: {video: 100000}}, buffer: {bufferTimeDefault: 2, bufferTimeAtTopQuality: 2, bufferTimeAtTopQualityLongForm: 2}}});
      // Now and then dash.js sees the end before the browser does, and stops
      // short of the last frames.
      dash.on(dashjs.MediaPlayer.events.PLAYBACK_ENDED, (e) => e.isLast !== false && video.dispatchEvent(new Event("end")));
      dash.on(dashjs.MediaPlayer.events.ERROR, (e) => say(`dash.js: ${e.error?.code} ${e.error?.message}`));
      dash.initialize(video, url, false);
      return () => dash.destroy();
    }
    default:
      video.src = url;
      return () => video.removeAttribute("src");
  }
}

// painted waits for the frame that a seek shows, or a moment where the browser
// had it already.
function painted(video) {
  return new Promise((ok) => {
    video.requestVideoFrameCallback(ok);
    setTimeout(ok, 250);
  });
}

function picture(video) {
  const canvas = document.createElement("canvas");
  canvas.width = 320;
  canvas.height = Math.max(1, Math.round(320 * video.videoHeight / Math.max(1, video.videoWidth)));
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/png").split(",")[1];
}
