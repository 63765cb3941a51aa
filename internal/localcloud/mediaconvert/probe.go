package mediaconvert

import (
	"context"
	"errors"
	"path"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/ffmpeg"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/rules"
	"github.com/vodfleet/vodfleet/internal/localcloud/mediaconvert/transcode"
	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
)

func (s *Service) probe(r *request) (doc, error) {
	var b struct {
		InputFiles []struct {
			FileURL string `json:"fileUrl"`
		} `json:"inputFiles"`
	}
	if err := r.decode(&b); err != nil {
		return nil, err
	}
	if len(b.InputFiles) != 1 {
		return nil, badRequest("/inputFiles: Should have exactly 1 items")
	}
	uri := b.InputFiles[0].FileURL
	if strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://") {
		return nil, unserved("/inputFiles/0/fileUrl: an input that is not in S3")
	}
	bucket, key, ok := rules.SplitS3(uri)
	if !ok || key == "" {
		return nil, badRequest("/inputFiles/0/fileUrl: %q is not the URL of an object", uri)
	}
	source, err := s.look(r.Context(), bucket, key)
	switch {
	case errors.Is(err, objects.ErrNotFound):
		return nil, notFound("Unable to open input file [%s]: not found", uri)
	case errors.Is(err, ffmpeg.ErrNotMedia):
		return nil, badRequest("Unable to probe input file [%s]: %s", uri, strings.TrimPrefix(err.Error(), "probe: "))
	case err != nil:
		return nil, err
	}
	return doc{"probeResults": []any{viewSource(key, source)}}, nil
}

// look probes an object, a few at once.
func (s *Service) look(ctx context.Context, bucket, key string) (*transcode.Source, error) {
	select {
	case s.probes <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.probes }()
	return s.engine.Probe(ctx, bucket, key)
}

// formats are the API's names of containers by ffmpeg's.
var formats = map[string]string{
	"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska", "mxf": "mxf", "wav": "wave", "avi": "avi",
	"mpegts": "mpegts", "mpeg": "mpegps", "mp3": "mp3",
}

// mimeTypes are the types that the API tells of containers.
var mimeTypes = map[string]string{
	"mp4": "video/mp4", "quicktime": "video/quicktime", "matroska": "video/x-matroska", "webm": "video/webm", "mxf": "application/mxf",
	"wave": "audio/wav", "avi": "video/x-msvideo", "mpegts": "video/mp2t", "mpegps": "video/mpeg", "mp3": "audio/mpeg",
}

func viewSource(key string, source *transcode.Source) doc {
	m := source.Media
	format := formats[m.Format]
	switch {
	case format == "mp4" && m.Brand == "qt":
		format = "quicktime"
	case format == "matroska" && strings.EqualFold(path.Ext(key), ".webm"):
		format = "webm"
	}
	container := doc{"duration": m.Duration}
	if format != "" {
		container["format"] = format
	}
	if m.Bitrate > 0 {
		container["bitRate"] = m.Bitrate
	}
	tracks := []any{}
	mapping := map[string][]any{}
	for i := range m.Streams {
		st := &m.Streams[i]
		kind := map[string]string{"video": "video", "audio": "audio"}[st.Type]
		if kind == "" {
			kind = "data"
		}
		mapping[kind] = append(mapping[kind], i+1)
		tracks = append(tracks, viewTrack(i+1, kind, st, m.Duration))
	}
	container["tracks"] = tracks
	maps := doc{}
	for kind, list := range mapping {
		maps[kind+"TrackIndexes"] = list
	}
	meta := doc{"eTag": `"` + source.Info.ETag + `"`, "fileSize": source.Info.Size, "lastModified": source.Info.LastModified.Unix()}
	if t := mimeTypes[format]; t != "" {
		meta["mimeType"] = t
	}
	return doc{"container": container, "metadata": meta, "trackMappings": []any{maps}}
}

func viewTrack(index int, kind string, st *ffmpeg.Stream, whole float64) doc {
	t := doc{"index": index, "trackType": kind, "codec": codecOf(st.Codec), "duration": st.Duration}
	if st.Duration == 0 {
		t["duration"] = whole
	}
	switch kind {
	case "video":
		rate := doc{"numerator": st.FrameRate.Num, "denominator": st.FrameRate.Den}
		v := doc{
			"width": st.Width, "height": st.Height, "frameRate": rate, "bitDepth": max(st.BitDepth, 8), "rotation": st.Rotation,
			"codecMetadata": doc{"width": st.Width, "height": st.Height, "bitDepth": max(st.BitDepth, 8), "codedFrameRate": rate, "profile": st.Profile},
		}
		if st.Bitrate > 0 {
			v["bitRate"] = st.Bitrate
		}
		for member, of := range map[string][2]string{
			"colorPrimaries": {"p", st.Primaries}, "transferCharacteristics": {"t", st.Transfer}, "matrixCoefficients": {"m", st.Matrix},
		} {
			if name := colors[of[0]+":"+of[1]]; name != "" {
				v[member] = name
			}
		}
		t["videoProperties"] = v
	case "audio":
		a := doc{"channels": st.Channels, "sampleRate": st.SampleRate}
		if st.Bitrate > 0 {
			a["bitRate"] = st.Bitrate
		}
		if st.BitDepth > 0 {
			a["bitDepth"] = st.BitDepth
		}
		if st.Language != "" {
			a["languageCode"] = st.Language
		}
		t["audioProperties"] = a
	default:
		d := doc{}
		if st.Language != "" {
			d["languageCode"] = st.Language
		}
		t["dataProperties"] = d
	}
	return t
}

// codecs are the API's names of codecs by ffmpeg's.
var codecs = map[string]string{
	"aac": "AAC", "ac3": "AC3", "eac3": "EAC3", "flac": "FLAC", "mp2": "MP2", "mp3": "MP3", "opus": "OPUS", "vorbis": "VORBIS",
	"av1": "AV1", "h264": "AVC", "hevc": "HEVC", "jpeg2000": "JPEG2000", "mjpeg": "MJPEG", "mpeg1video": "MPEG1", "mpeg4": "MP4V",
	"mpeg2video": "MPEG2", "prores": "PRORES", "qtrle": "QTRLE", "theora": "THEORA", "rawvideo": "UNCOMPRESSED", "vp8": "VP8", "vp9": "VP9",
	"eia_608": "C608", "webvtt": "WEBVTT",
}

func codecOf(name string) string {
	if strings.HasPrefix(name, "pcm_") {
		return "PCM"
	}
	if c := codecs[name]; c != "" {
		return c
	}
	return "UNKNOWN"
}

// colors are the API's names of primaries (p), transfer characteristics (t)
// and matrix coefficients (m) by ffmpeg's.
var colors = map[string]string{
	"p:bt709": "ITU_709", "p:bt470m": "ITU_470M", "p:bt470bg": "ITU_470BG", "p:smpte170m": "SMPTE_170M", "p:smpte240m": "SMPTE_240M",
	"p:bt2020": "ITU_2020", "p:smpte432": "SMPTE_EG_432_1", "p:smpte431": "SMPTE_431_2",
	"t:bt709": "ITU_709", "t:bt470m": "ITU_470M", "t:bt470bg": "ITU_470BG", "t:smpte170m": "SMPTE_170M", "t:smpte240m": "SMPTE_240M",
	"t:smpte2084": "SMPTE_2084", "t:arib-std-b67": "ARIB_B67", "t:bt2020-10": "ITU_2020_10bit", "t:linear": "LINEAR",
	"m:bt709": "ITU_709", "m:bt470bg": "ITU_470BG", "m:smpte170m": "SMPTE_170M", "m:smpte240m": "SMPTE_240M", "m:bt2020nc": "ITU_2020_NCL",
	"m:bt2020c": "ITU_2020_CL", "m:gbr": "RGB",
}
