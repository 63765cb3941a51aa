package origins

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/objects"
	"github.com/vodfleet/vodfleet/internal/localcloud/smooth"
)

// IIS returns a web server over the bucket that behaves as Microsoft IIS with
// IIS Media Services does: it answers /NAME.ism/Manifest and fragments itself,
// whatever their case, says who it is in its Server header, and hands out no
// .ism, .ismc, .ismv and .isma file as it is. So Smooth Streaming breaks where
// a distribution's flag makes the edge ask for these files.
func IIS(c Config) http.Handler {
	s := &iis{Config: c}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Server", "Microsoft-IIS/10.0")
		h.Set("X-Powered-By", "ASP.NET")
		s.serve(w, r)
	})
}

type iis struct {
	Config
	resolver smooth.Resolver
}

func (s *iis) serve(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if q, ok := smooth.Parse(path, true); ok {
		s.smooth(w, r, q)
		return
	}
	switch plain, _ := url.PathUnescape(path); extension(plain) { // what cannot be unescaped has no extension
	case smooth.Extension: // the media service's own, which wants /Manifest after it
		refuse(w, r, http.StatusForbidden)
	case ".ismc", ".ismv", ".isma": // hidden segments of the media service
		refuse(w, r, http.StatusNotFound)
	default:
		s.Config.serve(w, r, iisTag)
	}
}

// iisTag has the form of IIS's: change time in hexadecimal, a colon, a counter.
func iisTag(i objects.Info) string { return fmt.Sprintf(`"%.13s:0"`, i.ETag) }

func (s *iis) smooth(w http.ResponseWriter, r *http.Request, q smooth.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, r, http.StatusMethodNotAllowed)
		return
	}
	folder, err := url.PathUnescape(strings.TrimPrefix(q.Folder, "/"))
	if err != nil {
		refuse(w, r, http.StatusBadRequest)
		return
	}
	part, err := s.resolver.Resolve(r.Context(), &bucketFolder{&s.Config, folder}, q)
	if err != nil {
		status := http.StatusInternalServerError // 500.0, the media service's error
		if errors.Is(err, smooth.ErrNotFound) {
			status = http.StatusNotFound
		}
		refuse(w, r, status)
		return
	}
	defer part.Close()
	h := w.Header()
	maps.Copy(h, part.Header)
	h.Set("Content-Type", cmp.Or(map[string]string{"": "text/xml", "audio": "audio/mp4"}[part.Kind], "video/mp4"))
	if !q.Manifest {
		h.Set("ETag", fmt.Sprintf(`"%s-%d"`, strings.Trim(h.Get("ETag"), `"`), part.Offset))
	}
	info, _ := http.ParseTime(h.Get("Last-Modified"))
	http.ServeContent(w, r, "", info, part.Reader())
}

// bucketFolder is a folder of the bucket, by its keys' beginning.
type bucketFolder struct {
	*Config
	prefix string
}

// Open implements [smooth.Folder].
func (f *bucketFolder) Open(ctx context.Context, name string) (*smooth.File, error) {
	file, info, err := f.open(ctx, f.prefix+name)
	if errors.Is(err, objects.ErrNotFound) {
		return nil, fmt.Errorf("open %s: %w", name, smooth.ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	h := make(http.Header)
	describe(h, info, iisTag)
	h.Set("Last-Modified", info.LastModified.UTC().Format(http.TimeFormat))
	return &smooth.File{
		ReaderAt: file, Closer: file, ID: f.prefix + name, Size: info.Size, Header: h,
		Version: fmt.Sprint(info.ETag, info.Size, info.LastModified.UnixNano()),
	}, nil
}
