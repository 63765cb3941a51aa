package delivery

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/media"
)

// streamed takes the files out of which the origin streams Smooth itself, and
// returns the others with what it is asked in their place. What is wrong with
// its Manifests is noted.
func (o *Origin) streamed(ctx context.Context, prefix cloud.Location, files []cloud.Object, wrong *problems) ([]cloud.Object, []question) {
	var questions []question
	for _, server := range slices.Clone(files) {
		if path.Ext(server.Key) != ".ism" || !o.iis && !o.hides(ctx, server) {
			continue
		}
		files = slices.DeleteFunc(files, func(f cloud.Object) bool {
			return path.Dir(f.Key) == path.Dir(server.Key) && strings.HasPrefix(path.Ext(f.Key), ".ism")
		})
		name := strings.TrimPrefix(server.Key, prefix.Key)
		body, status, _, err := o.get(ctx, http.MethodGet, o.url(server.Key)+"/Manifest", media.MaxManifest+1)
		switch {
		case err != nil:
			wrong.add(name, "the origin does not answer for its Manifest: %v", err)
			continue
		case status != http.StatusOK:
			wrong.add(name, "the origin answers %d for its Manifest", status)
			continue
		}
		client, err := media.ParseSmoothClient(body)
		if err != nil {
			wrong.add(name, "the origin's Manifest: %v", err)
			continue
		}
		questions = append(questions, fragments(name, o.url(server.Key), client)...)
	}
	return files, questions
}

// hides reports whether the origin is IIS and does not hand a server manifest
// out as a file: because it streams it, or because it does not have it yet.
func (o *Origin) hides(ctx context.Context, server cloud.Object) bool {
	_, status, header, err := o.get(ctx, http.MethodHead, o.url(server.Key), 0)
	return err == nil && status != http.StatusOK && strings.Contains(strings.ToLower(header.Get("Server")), "microsoft-iis")
}

// fragments asks for the first and the last fragment of every level, which the
// server reads from the beginning and the end of the level's file.
func fragments(name, base string, client media.SmoothClient) []question {
	var questions []question
	for _, st := range client.Streams {
		if len(st.Chunks) == 0 {
			continue
		}
		for _, l := range st.Levels {
			for _, chunk := range slices.Compact([]media.Chunk{st.Chunks[0], st.Chunks[len(st.Chunks)-1]}) {
				part := fmt.Sprintf("QualityLevels(%d)/Fragments(%s=%d)", l.Bitrate, url.PathEscape(st.Name), chunk.Start)
				questions = append(questions, question{name: name, part: clip(part), method: http.MethodGet, url: base + "/" + part})
			}
		}
	}
	return questions
}
