package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

func TestLogger(t *testing.T) {
	for _, tt := range []struct {
		log  Log
		want int // of the lines at debug, info, warn and error
		err  string
	}{
		{Log{"debug", "json"}, 4, "<nil>"},
		{Log{"warn", "json"}, 2, "<nil>"},
		{Log{"error", "console"}, 1, "<nil>"},
		{Log{"loud", "json"}, 0, `log level: unrecognized level: "loud"`},
	} {
		var b bytes.Buffer
		log, err := tt.log.Logger(&b)
		if fmt.Sprint(err) != tt.err {
			t.Errorf("Logger(%+v) = %v, want %s", tt.log, err, tt.err)
		}
		if err != nil {
			continue
		}
		log.Debug("a")
		log.Info("b")
		log.Warn("c")
		log.Error("d", zap.Duration("in", time.Minute))
		lines := strings.Split(strings.TrimSpace(b.String()), "\n")
		if len(lines) != tt.want {
			t.Errorf("%+v: %d lines, want %d:\n%s", tt.log, len(lines), tt.want, &b)
		}
		last := lines[len(lines)-1]
		if isJSON := json.Valid([]byte(last)); isJSON != (tt.log.LogFormat == "json") || !strings.Contains(last, "1m0s") {
			t.Errorf("%+v: the last line is %s", tt.log, last)
		}
	}
}
