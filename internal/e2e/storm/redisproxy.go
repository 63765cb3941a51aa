package storm

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// maxPipeline bounds the commands of one connection whose answers are due.
const maxPipeline = 100_000

// RedisProxy passes commands of one worker to a Redis and answers back, and
// tells of those that have a name.
type RedisProxy struct {
	Addr string // HOST:PORT

	slot   int
	target string
	hook   Hook
	l      net.Listener
	conns  sync.Map // net.Conn of workers
	wg     sync.WaitGroup
}

// NewRedisProxy listens on a free loopback port until Close.
func NewRedisProxy(slot int, target string, hook Hook) (*RedisProxy, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &RedisProxy{Addr: l.Addr().String(), slot: slot, target: target, hook: hook, l: l}
	p.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			p.conns.Store(conn, true)
			p.wg.Go(func() {
				defer p.conns.Delete(conn)
				defer conn.Close()
				p.serve(conn)
			})
		}
	})
	return p, nil
}

// Close ends the proxy and its connections.
func (p *RedisProxy) Close() {
	_ = p.l.Close()
	p.conns.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
	p.wg.Wait()
}

func (p *RedisProxy) serve(worker net.Conn) {
	redis, err := net.DialTimeout("tcp", p.target, 5*time.Second)
	if err != nil {
		return
	}
	defer redis.Close()
	var (
		due = make(chan Call, maxPipeline)
		raw atomic.Bool // answers cannot be told from messages any more
		wg  sync.WaitGroup
	)
	wg.Go(func() {
		defer redis.Close()
		defer worker.Close()
		p.commands(bufio.NewReaderSize(worker, maxLine), bufio.NewWriterSize(redis, maxLine), due, &raw)
	})
	wg.Go(func() {
		defer redis.Close()
		defer worker.Close()
		p.answers(bufio.NewReaderSize(redis, maxLine), bufio.NewWriterSize(worker, maxLine), due, &raw)
	})
	wg.Wait()
}

func (p *RedisProxy) commands(from *bufio.Reader, to *bufio.Writer, due chan<- Call, raw *atomic.Bool) {
	for {
		v, err := readValue(from)
		if err != nil || v.kind != '*' {
			return
		}
		c := Call{Slot: p.slot, At: time.Now()}
		c.Name, c.About = redisCall(v.args)
		if c.Name != "" {
			if p.hook(c) != Pass {
				return
			}
		}
		if len(v.args) > 0 && strings.HasSuffix(strings.ToUpper(v.args[0]), "SUBSCRIBE") {
			raw.Store(true)
		}
		c.After = true
		select {
		case due <- c:
		default:
			return // more than any client sends
		}
		if _, err := to.Write(v.raw); err != nil {
			return
		}
		if from.Buffered() == 0 || c.Name != "" {
			if to.Flush() != nil {
				return
			}
		}
	}
}

func (p *RedisProxy) answers(from *bufio.Reader, to *bufio.Writer, due <-chan Call, raw *atomic.Bool) {
	for {
		v, err := readValue(from)
		if err != nil {
			return
		}
		if v.kind != '>' && !raw.Load() {
			select {
			case c := <-due:
				if c.Name != "" {
					c.At = time.Now()
					if p.hook(c) != Pass {
						return
					}
				}
			default:
				return // an answer to no command
			}
		}
		if _, err := to.Write(v.raw); err != nil {
			return
		}
		if from.Buffered() == 0 && to.Flush() != nil {
			return
		}
	}
}
