package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
	"github.com/vodfleet/vodfleet/tasks"
)

// Dashboard says how asynqmon is shown.
type Dashboard struct {
	Redis    asynq.RedisConnOpt
	Writable bool   // operators may pause queues, and run, archive and delete tasks
	User     string // with Password: HTTP basic authentication; empty for none
	Password string
}

// Handler returns asynqmon, and what closes its connections. State changes are
// refused unless d is writable, and then taken from pages of the same origin
// only: asynqmon's own are POSTs without a body, which any page could send.
func (d Dashboard) Handler() (http.Handler, func() error) {
	ui := asynqmon.New(asynqmon.Options{
		RootPath:         "/",
		RedisConnOpt:     d.Redis,
		PayloadFormatter: asynqmon.PayloadFormatterFunc(FormatPayload),
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(_ string, result []byte) string { return fmt.Sprintf("%d bytes", len(result)) }),
		ReadOnly:         !d.Writable,
	})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.Handle("/", d.authenticated(http.NewCrossOriginProtection().Handler(contained(ui))))
	return mux, ui.Close
}

// authenticated asks for the credentials; without any it takes only requests
// that name a loopback host, so that a web page cannot reach the dashboard
// through a name of its own.
func (d Dashboard) authenticated(next http.Handler) http.Handler {
	want := sha256.Sum256([]byte(d.User + "\x00" + d.Password))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.User == "" && d.Password == "" {
			if !loopbackHost(r.Host) {
				http.Error(w, "without credentials the dashboard answers on loopback names only", http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
			return
		}
		user, password, _ := r.BasicAuth()
		got := sha256.Sum256([]byte(user + "\x00" + password))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="vodfleet", charset="UTF-8"`)
			http.Error(w, "credentials needed", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// contained keeps the dashboard's page from loading or sending anything
// elsewhere: asynqmon names fonts on a foreign host.
func contained(next http.Handler) http.Handler {
	const policy = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		next.ServeHTTP(w, r)
	})
}

func loopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// CheckListen refuses an address beyond loopback without credentials.
func (d Dashboard) CheckListen(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("dashboard address %q: %w", addr, err)
	}
	if loopbackHost(host) || d.User != "" && d.Password != "" {
		return nil
	}
	return fmt.Errorf("dashboard address %q is open to other machines: give a user and a password, or listen on 127.0.0.1", addr)
}

// FormatPayload shows a payload of ours in words, a field a line; of others it
// tells the size only.
func FormatPayload(kind string, payload []byte) string {
	t, err := tasks.Decode(kind, payload)
	if err != nil {
		return err.Error() // which tells the size, and never the content
	}
	var b strings.Builder
	line := func(name string, value any) {
		s := fmt.Sprint(value)
		if strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) { // a line of its own making
			s = strconv.Quote(s)
		}
		if s != "" {
			fmt.Fprintf(&b, "%-10s %s\n", name, s)
		}
	}
	switch t := t.(type) {
	case tasks.Ingest:
		line("source", fmt.Sprintf("s3://%s/%q", t.Bucket, t.Key))
		line("asset", tasks.AssetID(t.Bucket, t.Key))
		line("lane", t.Lane)
		line("version", t.SourceVersion)
		line("profile", t.Profile)
		line("reference", t.Reference)
	case tasks.TranscodeSubmit:
		line("asset", t.Asset)
		line("build", t.Build)
		line("lane", t.Lane)
		line("profile", t.Profile)
		line("reference", t.Reference)
	case tasks.TranscodePoll:
		build(line, t.Asset, t.Build, t.Profile, t.Reference)
		line("job", t.Job)
	case tasks.Publish:
		build(line, t.Asset, t.Build, t.Profile, t.Reference)
	case tasks.InvalidateOrRename:
		line("asset", t.Asset)
		line("switch", t.Seq)
		line("profile", t.Profile)
		line("reference", t.Reference)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func build(line func(string, any), asset string, number int, profile, reference string) {
	line("asset", asset)
	line("build", number)
	line("profile", profile)
	line("reference", reference)
}
