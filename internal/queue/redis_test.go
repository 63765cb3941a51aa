package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
	"github.com/vodfleet/vodfleet/internal/queue/redistest"
)

func TestParseRedis(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want asynq.RedisClientOpt
		tls  string // name that the certificate must bear
	}{
		{"redis://localhost", asynq.RedisClientOpt{Addr: "localhost:6379"}, ""},
		{" REDIS://localhost:7000/ ", asynq.RedisClientOpt{Addr: "localhost:7000"}, ""},
		{"redis://:secret@cache.example.com:6380/3", asynq.RedisClientOpt{Addr: "cache.example.com:6380", Password: "secret", DB: 3}, ""},
		{"rediss://fleet:s%40c%2Fr%3At@cache.example.com", asynq.RedisClientOpt{Addr: "cache.example.com:6379", Username: "fleet", Password: "s@c/r:t"}, "cache.example.com"},
		{"redis://fleet:a:b+c@h", asynq.RedisClientOpt{Addr: "h:6379", Username: "fleet", Password: "a:b+c"}, ""},
		{"redis://fleet:p@ss@h", asynq.RedisClientOpt{Addr: "h:6379", Username: "fleet", Password: "p@ss"}, ""},
		{"redis://[::1]:6379/0", asynq.RedisClientOpt{Addr: "[::1]:6379"}, ""},
		{"rediss://[2001:db8::7]", asynq.RedisClientOpt{Addr: "[2001:db8::7]:6379"}, "2001:db8::7"},
		{"redis://:@h", asynq.RedisClientOpt{Addr: "h:6379"}, ""},
	} {
		got, err := ParseRedis(tt.url)
		opt, ok := got.(asynq.RedisClientOpt)
		if err != nil || !ok {
			t.Errorf("ParseRedis(%s) = %#v, %v", tt.url, got, err)
			continue
		}
		name := ""
		if opt.TLSConfig != nil {
			name, opt.TLSConfig = opt.TLSConfig.ServerName, nil
		}
		if opt != tt.want || name != tt.tls {
			t.Errorf("ParseRedis(%s) = %+v with TLS name %q, want %+v with %q", tt.url, opt, name, tt.want, tt.tls)
		}
	}
}

func TestParseRedisSentinel(t *testing.T) {
	const text = "rediss-sentinel://fleet:p%23w@s1:26000,s2,[::1]:26001/2?master=main&sentinel_username=watch&sentinel_password=w%26p"
	got, err := ParseRedis(text)
	if err != nil {
		t.Fatal(err)
	}
	opt := got.(asynq.RedisFailoverClientOpt)
	hosts := []string{"s1:26000", "s2:26379", "[::1]:26001"}
	if opt.MasterName != "main" || !slices.Equal(opt.SentinelAddrs, hosts) || opt.Username != "fleet" || opt.Password != "p#w" ||
		opt.SentinelUsername != "watch" || opt.SentinelPassword != "w&p" || opt.DB != 2 || opt.TLSConfig == nil || opt.TLSConfig.ServerName != "" {
		t.Errorf("ParseRedis = %+v", opt)
	}
	if got, want := Where(opt), "main/2 behind s1:26000,s2:26379,[::1]:26001"; got != want {
		t.Errorf("Where = %q, want %q", got, want)
	}
	plain, err := ParseRedis("redis-sentinel://s1?master=main")
	if err != nil || plain.(asynq.RedisFailoverClientOpt).TLSConfig != nil {
		t.Errorf("ParseRedis = %+v, %v, want no TLS", plain, err)
	}
}

func TestParseRedisRefuses(t *testing.T) {
	for _, tt := range []struct{ url, want string }{
		{"", "scheme: want redis://, rediss:// or redis-sentinel://"},
		{"hunter2", "scheme: want redis://, rediss:// or redis-sentinel://"},
		{"hunter2://h", "scheme: want redis://, rediss:// or redis-sentinel://"},
		{"redis://", "host 1: missing, or not the name or address of a host"},
		{"redis:///3", "host 1: missing, or not the name or address of a host"},
		{"redis://:hunter2@", "host 1: missing, or not the name or address of a host"},
		{"redis://:hun/ter2@h:6379", "password: a /, ? or @ in it must be written as %2F, %3F or %40"},
		{"redis://:hun?ter2@h:6379", "password: a /, ? or @ in it must be written as %2F, %3F or %40"},
		{"redis://:hun#ter2@h:6379", "a # must be written as %23"},
		{"redis://:hunter2%zz@h", "user or password: a % that escapes nothing; write it as %25"},
		{"redis://hunter2@h", "password: missing, while there is a user; a password alone is written as :PASSWORD@"},
		{"redis://:hunter2/h", "host 1: want a port from 1 to 65535"},
		{"redis://h:hunter2", "host 1: want a port from 1 to 65535"},
		{"redis://h:0", "host 1: want a port from 1 to 65535"},
		{"redis://h:1:2", "host 1: want HOST or HOST:PORT, an IPv6 address in brackets"},
		{"redis://[hunter2]:1", "<nil>"}, // a name needs no brackets and takes no harm from them
		{"redis://[a:b]", "host 1: missing, or not the name or address of a host"},
		{"redis://h/hunter2", "database: want a number from 0 to 9999"},
		{"redis://h/-1", "database: want a number from 0 to 9999"},
		{"redis://h/0/1", "database: want a number from 0 to 9999"},
		{"redis://h?hunter2=1", "options: none is known of a single Redis"},
		{"redis://h?a=%zz", "options: want NAME=VALUE, joined by &, percent-encoded"},
		{"redis://a,b", "host: several of them; that is redis-sentinel://"},
		{"redis-sentinel://a,b", "master: missing; add ?master=NAME as the sentinels know it"},
		{"redis-sentinel://a,,b?master=m", "host 2: missing, or not the name or address of a host"},
		{"redis-sentinel://a?master=m&master=n", "options: want master, sentinel_username and sentinel_password, each at most once"},
		{"redis-sentinel://a?master=m&hunter2=n", "options: want master, sentinel_username and sentinel_password, each at most once"},
		{"redis-sentinel://a?master=m&sentinel_username=u", "sentinel_password: missing, while there is a sentinel_username"},
		{"redis-sentinel://" + strings.Repeat("a,", 16) + "a?master=m", "host: more than 16"},
		{"redis://" + strings.Repeat("a", maxRedisURL), "4104 bytes, want at most 4096"},
	} {
		want := "redis URL: " + tt.want
		if tt.want == "<nil>" {
			want = tt.want
		}
		if _, err := ParseRedis(tt.url); fmt.Sprint(err) != want {
			t.Errorf("ParseRedis(%.60s) = %v, want %s", tt.url, err, want)
		}
	}
}

// What Asynq's own parser does with the URLs that ours takes.
func TestParseRedisTraps(t *testing.T) {
	bare, err := asynq.ParseRedisURI("redis://fleet:hunter2@h:6379")
	if err != nil || bare.(asynq.RedisClientOpt).Username != "" {
		t.Errorf("asynq takes the user now: %+v, %v", bare, err)
	}
	if _, err := asynq.ParseRedisURI("redis://:hunter2%zz@h"); err == nil || !strings.Contains(err.Error(), "hunter2") {
		t.Errorf("asynq keeps the password to itself now: %v", err)
	}
	bare, err = asynq.ParseRedisURI("redis-sentinel://fleet:hunter2@s1:26379,s2:26379?master=m")
	if opt := bare.(asynq.RedisFailoverClientOpt); err != nil || opt.Password != "" || opt.SentinelPassword != "hunter2" {
		t.Errorf("asynq gives the password to Redis now: %+v, %v", opt, err)
	}
}

func FuzzParseRedis(f *testing.F) {
	for _, s := range []string{"redis://", "rediss://u:p@h:1/2", "redis-sentinel://a,b?master=m", "redis://[::1]", "x", "redis://%", "redis://h?%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// A secret anywhere in a URL that is refused stays out of the error.
		const secret = "Zq9ZQ"
		for _, text := range []string{s, s + secret, "redis://:" + secret + s, s + secret + "@h"} {
			opt, err := ParseRedis(text)
			if err != nil && strings.Contains(err.Error(), secret) && !strings.Contains(s, secret) {
				t.Errorf("ParseRedis(%q) tells the secret: %v", text, err)
			}
			if (err == nil) != (opt != nil) {
				t.Errorf("ParseRedis(%q) = %v, %v", text, opt, err)
			}
		}
	})
}

func TestDial(t *testing.T) {
	for _, opt := range []asynq.RedisConnOpt{nil, wrongOpt{}} {
		if c, err := Dial(opt); err == nil {
			t.Errorf("Dial(%T) = %v", opt, c)
		}
	}
}

type wrongOpt struct{}

func (wrongOpt) MakeRedisClient() any { return 7 }

// An ACL user of a real Redis, and the policy that would lose tasks.
func TestRedisWithACL(t *testing.T) {
	s := redistest.Start(t, "--user", "default", "off", "--user", "fleet", "on", ">s@c/ret", "~*", "&*", "+@all", "--maxmemory-policy", "allkeys-lru")
	dial := func(url string) redis.UniversalClient {
		opt, err := ParseRedis(url)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Dial(opt)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	err := checkRedis(t.Context(), dial("redis://fleet:s%40c%2Fret@"+s.Addr), false)
	if fmt.Sprint(err) != evicts {
		t.Errorf("checkRedis = %v, want %s", err, evicts)
	}
	err = dial("redis://fleet:wrong@" + s.Addr).Ping(context.Background()).Err()
	if e := redis.Error(nil); !errors.As(err, &e) || transient(err) {
		t.Errorf("Ping with a wrong password = %v, transient %v, want Redis's refusal", err, transient(err))
	}
}
