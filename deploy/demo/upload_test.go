package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// The wants are of md5sum: of "abcdefghij", and of the MD5s of "abcd", "efgh"
// and "ij" one after another.
func TestETagOf(t *testing.T) {
	for _, tt := range []struct {
		part int64
		want string
	}{
		{10, "a925576942e94b2ef57a066101b48876"},
		{64, "a925576942e94b2ef57a066101b48876"},
		{4, "446feba4c1b5cc7ad93bf4d44a0e36ac-3"},
		{5, "8e18a6d3619b553c27c7028ea9067e05-2"},
	} {
		got, err := etagOf(strings.NewReader("abcdefghij"), 10, tt.part)
		if err != nil || got != tt.want {
			t.Errorf("etagOf in parts of %d = %s, %v, want %s", tt.part, got, err, tt.want)
		}
	}
}

func TestSame(t *testing.T) {
	gone := errors.New("gone")
	for _, tt := range []struct {
		name  string
		there bool
		size  int64
		etag  string // of the file
		err   error  // of reading it
		want  string
		read  bool
	}{
		{"not there", false, 3, "e1", nil, "false <nil>", false},
		{"another size", true, 4, "e1", nil, "false <nil>", false},
		{"other bytes", true, 3, "e2", nil, "false <nil>", true},
		{"the same", true, 3, "e1", nil, "true <nil>", true},
		{"unreadable", true, 3, "e1", gone, "false gone", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			read := false
			got, err := same(cloud.Object{Size: 3, ETag: `"e1"`}, tt.there, tt.size, func() (string, error) {
				read = true
				return tt.etag, tt.err
			})
			if fmt.Sprint(got, " ", err) != tt.want || read != tt.read {
				t.Errorf("same = %v %v, read %v, want %s, %v", got, err, read, tt.want, tt.read)
			}
		})
	}
}

func TestUnquoteShell(t *testing.T) {
	var b bytes.Buffer
	for _, v := range []string{`'it'\''s'`, "plain", "''"} {
		fmt.Fprintln(&b, unquoteShell(v))
	}
	if want := "it's\nplain\n\n"; b.String() != want {
		t.Errorf("unquoteShell = %q, want %q", b.String(), want)
	}
}
