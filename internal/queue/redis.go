package queue

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

const (
	maxRedisURL  = 4 << 10 // bytes
	maxHosts     = 16      // sentinels
	maxDatabase  = 9999
	redisPort    = "6379"
	sentinelPort = "26379"
)

// ParseRedis reads the URL of the fleet's Redis, in one of these forms:
//
//	redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]
//	rediss://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE]
//	redis-sentinel://[[USER]:PASSWORD@]HOST[:PORT],HOST[:PORT],…[/DATABASE]?master=NAME
//
// rediss is over TLS, and so is rediss-sentinel. User and password are those of
// Redis itself, percent-encoded; those of the sentinels are the options
// sentinel_username and sentinel_password. An error says which part is wrong
// and quotes none of it, as any part may turn out to be the password.
//
// [asynq.ParseRedisURI] does less: it drops the user, takes the credentials for
// those of the sentinels, and puts the whole URL into its errors.
func ParseRedis(text string) (asynq.RedisConnOpt, error) {
	opt, err := parseRedis(text)
	if err != nil {
		return nil, fmt.Errorf("redis URL: %w", err)
	}
	return opt, nil
}

// redisURL is a URL of Redis, taken apart.
type redisURL struct {
	user, password string
	hosts          []string // HOST:PORT
	database       int
	options        url.Values
}

func parseRedis(text string) (asynq.RedisConnOpt, error) {
	if len(text) > maxRedisURL {
		return nil, fmt.Errorf("%d bytes, want at most %d", len(text), maxRedisURL)
	}
	scheme, rest, found := strings.Cut(strings.TrimSpace(text), "://")
	scheme = strings.ToLower(scheme)
	base, sentinel := strings.CutSuffix(scheme, "-sentinel")
	if !found || base != "redis" && base != "rediss" {
		return nil, errors.New("scheme: want redis://, rediss:// or redis-sentinel://")
	}
	port := redisPort
	if sentinel {
		port = sentinelPort
	}
	u, err := splitURL(rest, port)
	if err != nil {
		return nil, err
	}
	var secure *tls.Config
	if base == "rediss" {
		secure = &tls.Config{MinVersion: tls.VersionTLS12} // each host's name is filled in when it is dialled
	}
	if sentinel {
		return u.sentinel(secure)
	}
	switch {
	case len(u.hosts) > 1:
		return nil, errors.New("host: several of them; that is redis-sentinel://")
	case len(u.options) > 0:
		return nil, errors.New("options: none is known of a single Redis")
	}
	if secure != nil {
		secure.ServerName, _, _ = net.SplitHostPort(u.hosts[0])
	}
	return asynq.RedisClientOpt{
		Addr: u.hosts[0], Username: u.user, Password: u.password, DB: u.database, TLSConfig: secure,
	}, nil
}

func (u redisURL) sentinel(secure *tls.Config) (asynq.RedisConnOpt, error) {
	opt := asynq.RedisFailoverClientOpt{
		MasterName:       u.options.Get("master"),
		SentinelAddrs:    u.hosts,
		SentinelUsername: u.options.Get("sentinel_username"),
		SentinelPassword: u.options.Get("sentinel_password"),
		Username:         u.user, Password: u.password, DB: u.database, TLSConfig: secure,
	}
	for name, values := range u.options {
		known := name == "master" || name == "sentinel_username" || name == "sentinel_password"
		if !known || len(values) > 1 {
			return nil, errors.New("options: want master, sentinel_username and sentinel_password, each at most once")
		}
	}
	if opt.MasterName == "" {
		return nil, errors.New("master: missing; add ?master=NAME as the sentinels know it")
	}
	if opt.SentinelUsername != "" && opt.SentinelPassword == "" {
		return nil, errors.New("sentinel_password: missing, while there is a sentinel_username")
	}
	return opt, nil
}

// splitURL takes apart what follows the scheme. [url.Parse] would do it with
// errors that quote the text, and does not know of several hosts.
func splitURL(rest, port string) (u redisURL, err error) {
	rest, query, _ := strings.Cut(rest, "?")
	if u.options, err = url.ParseQuery(query); err != nil {
		return u, errors.New("options: want NAME=VALUE, joined by &, percent-encoded")
	}
	if strings.ContainsAny(rest+query, "#") {
		return u, errors.New("a # must be written as %23")
	}
	authority, path, _ := strings.Cut(rest, "/")
	if strings.Contains(path+query, "@") {
		return u, errors.New("password: a /, ? or @ in it must be written as %2F, %3F or %40")
	}
	hosts := authority
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		hosts = authority[at+1:]
		if u.user, u.password, err = splitUser(authority[:at]); err != nil {
			return u, err
		}
	}
	if u.hosts, err = splitHosts(hosts, port); err != nil {
		return u, err
	}
	if path = strings.TrimSuffix(path, "/"); path != "" {
		u.database, err = strconv.Atoi(path)
		if err != nil || u.database < 0 || u.database > maxDatabase {
			return u, fmt.Errorf("database: want a number from 0 to %d", maxDatabase)
		}
	}
	return u, nil
}

func splitUser(text string) (user, password string, err error) {
	user, password, _ = strings.Cut(text, ":")
	var errs [2]error
	user, errs[0] = url.PathUnescape(user)
	password, errs[1] = url.PathUnescape(password)
	switch {
	case errs != [2]error{}:
		return "", "", errors.New("user or password: a % that escapes nothing; write it as %25")
	case user != "" && password == "":
		return "", "", errors.New("password: missing, while there is a user; a password alone is written as :PASSWORD@")
	}
	return user, password, nil
}

func splitHosts(text, port string) ([]string, error) {
	if strings.Count(text, ",") >= maxHosts {
		return nil, fmt.Errorf("host: more than %d", maxHosts)
	}
	var all []string
	for i, h := range strings.Split(text, ",") {
		host, p := h, port
		if strings.Contains(strings.TrimPrefix(h[strings.LastIndexByte(h, ']')+1:], "]"), ":") {
			var err error
			if host, p, err = net.SplitHostPort(h); err != nil {
				return nil, fmt.Errorf("host %d: want HOST or HOST:PORT, an IPv6 address in brackets", i+1)
			}
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("host %d: want a port from 1 to 65535", i+1)
		}
		if host == "" || strings.ContainsAny(host, "[]@ %\t\r\n\\\"") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
			return nil, fmt.Errorf("host %d: missing, or not the name or address of a host", i+1)
		}
		all = append(all, net.JoinHostPort(host, p))
	}
	return all, nil
}

// Where names the Redis of an option for logs and errors, without credentials.
func Where(opt asynq.RedisConnOpt) string {
	switch o := opt.(type) {
	case asynq.RedisClientOpt:
		return fmt.Sprintf("%s/%d", o.Addr, o.DB)
	case asynq.RedisFailoverClientOpt:
		return fmt.Sprintf("%s/%d behind %s", o.MasterName, o.DB, strings.Join(o.SentinelAddrs, ","))
	}
	return fmt.Sprintf("%T", opt)
}

// Dial returns a client of the same Redis for what is not Asynq's: Lua scripts,
// counters, lengths. It does not connect; the first command does. The caller
// closes it.
func Dial(opt asynq.RedisConnOpt) (redis.UniversalClient, error) {
	if opt == nil {
		return nil, errors.New("dial redis: no option")
	}
	client, ok := opt.MakeRedisClient().(redis.UniversalClient)
	if !ok {
		return nil, fmt.Errorf("dial redis: %T makes no Redis client", opt)
	}
	return client, nil
}
