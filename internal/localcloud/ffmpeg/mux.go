package ffmpeg

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Piece is one segment file of a playlist.
type Piece struct {
	Path    string
	Seconds float64
	Size    int64 // bytes
}

// TS multiplexes tracks of the mezzanine into transport stream segments of at
// least the given seconds, cut at key frames, as files in dir.
func (t Tools) TS(ctx context.Context, tracks []string, seconds int, dir string) ([]Piece, error) {
	list := filepath.Join(dir, "list.m3u8")
	args := append(copyArgs(tracks),
		"-f", "hls", "-hls_time", strconv.Itoa(seconds), "-hls_list_size", "0", "-hls_playlist_type", "vod", "-hls_segment_type", "mpegts",
		"-hls_flags", "independent_segments", "-start_number", "1", "-hls_segment_filename", "file:"+filepath.Join(dir, "%05d.ts"), "file:"+list)
	if err := run(ctx, nil, t.ffmpeg(), args...); err != nil {
		return nil, fmt.Errorf("segment: %w", err)
	}
	return readPieces(list)
}

// MP4 multiplexes tracks of the mezzanine into one file that can be played
// while it is loaded.
func (t Tools) MP4(ctx context.Context, tracks []string, to string) error {
	if err := run(ctx, nil, t.ffmpeg(), append(copyArgs(tracks), "-f", "mp4", "-movflags", "+faststart", "file:"+to)...); err != nil {
		return fmt.Errorf("write MP4: %w", err)
	}
	return nil
}

// ISMV multiplexes tracks of the mezzanine into one file of Smooth Streaming
// fragments of the given seconds.
func (t Tools) ISMV(ctx context.Context, tracks []string, video bool, seconds int, to string) error {
	args := append(copyArgs(tracks), "-f", "ismv")
	if video {
		args = append(args, "-movflags", "+frag_keyframe", "-min_frag_duration", strconv.Itoa(seconds*1_000_000-100_000))
	} else {
		args = append(args, "-frag_duration", strconv.Itoa(seconds*1_000_000), "-avoid_negative_ts", "make_zero")
	}
	if err := run(ctx, nil, t.ffmpeg(), append(args, "file:"+to)...); err != nil {
		return fmt.Errorf("write ISMV: %w", err)
	}
	return nil
}

// copyArgs reads each file with its times as they are and copies its track.
func copyArgs(tracks []string) []string {
	args := []string{"-hide_banner", "-nostdin", "-y", "-loglevel", "error", "-copyts"}
	for _, p := range tracks {
		args = append(args, "-i", "file:"+p)
	}
	for i := range tracks {
		args = append(args, "-map", strconv.Itoa(i)+":0")
	}
	return append(args, "-c", "copy")
}

// readPieces reads the segments that a playlist of ours lists.
func readPieces(list string) ([]Piece, error) {
	f, err := os.Open(list)
	if err != nil {
		return nil, fmt.Errorf("read segments: %w", err)
	}
	defer f.Close()
	var pieces []Piece
	var length float64
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := lines.Text()
		if v, ok := strings.CutPrefix(line, "#EXTINF:"); ok {
			v, _, _ = strings.Cut(v, ",")
			if length, err = strconv.ParseFloat(v, 64); err != nil {
				return nil, fmt.Errorf("read segments: %w", err)
			}
		} else if line != "" && !strings.HasPrefix(line, "#") {
			p := Piece{Path: filepath.Join(filepath.Dir(list), filepath.Base(line)), Seconds: length}
			info, err := os.Stat(p.Path)
			if err != nil {
				return nil, fmt.Errorf("read segments: %w", err)
			}
			p.Size = info.Size()
			pieces = append(pieces, p)
		}
	}
	return pieces, nil
}
