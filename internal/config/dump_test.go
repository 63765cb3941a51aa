package config

import (
	"maps"
	"testing"
	"time"
)

func TestDump(t *testing.T) {
	c := struct {
		Redis
		Ledger
		Sources
		Profile
		Viewer
		Grace
		inner string

		AdminAddr string
		Videos    []string `arg:"" name:"video"`
		Password  string   `secret:"value"`
		Unset     string   `secret:"value"`
	}{AdminAddr: ":1", inner: "x", Videos: []string{"a", "b"}, Password: "secret"}
	c.RedisURL = "rediss://me:secret@redis.example:6380/1?tls=secret"
	c.Grace.Grace = time.Hour
	for _, err := range []error{
		c.Ledger.Ledger.UnmarshalText([]byte("s3://ledger/fleet")),
		c.ViewerURL.UnmarshalText([]byte("https://d1.example.net/vod")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Sources.Sources = make([]Source, 1)
	if err := c.Sources.Sources[0].UnmarshalText([]byte("library/in")); err != nil {
		t.Fatal(err)
	}

	got := Dump(&c)

	want := map[string]string{
		"redis-url": "rediss://redis.example:6380/1", "ledger": "s3://ledger/fleet", "sources": "[s3://library/in/]", "profile": "",
		"output": "s3:///", "viewer-url": "https://d1.example.net/vod", "distribution-id": "", "grace": "1h0m0s",
		"admin-addr": ":1", "videos": "[a b]", "password": "(set)", "unset": "",
	}
	if !maps.Equal(got, want) {
		t.Errorf("Dump =\n%v, want\n%v", got, want)
	}
}

// Nothing that may be a password is shown.
func TestBare(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"},
		{"redis://:secret@host", "redis://host"},
		{"rediss://me:secret@[::1]:6379/2", "rediss://[::1]:6379/2"},
		{"redis-sentinel://me:secret@a:1,b:2/3?master=m&sentinel_password=secret", "redis-sentinel://a:1,b:2/3"},
		{"redis://:sec/ret@host", "redis://host"},
		{"redis://:sec@ret@host", "redis://host"},
		{"redis://:sec?ret@host", "(hidden)"},
		{"redis://me:secret?x@host", "(hidden)"},
		{"redis-sentinel://a/0?sentinel_password=p@secret", "(hidden)"},
		{"me:secret@host", "(hidden)"},
		{"secret://", "(hidden)"},
		{"S ecret://host", "(hidden)"},
		{"redis://host/secret", "(hidden)"},
		{"", "(hidden)"},
	} {
		if got := bare(tt.in); got != tt.want {
			t.Errorf("bare(%s) = %s, want %s", tt.in, got, tt.want)
		}
	}
}
