package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"testing"
)

// fakeListener is a port that was free.
type fakeListener struct {
	net.Listener
	port int
}

func (l fakeListener) Addr() net.Addr { return &net.TCPAddr{Port: l.port} }
func (l fakeListener) Close() error   { return nil }

func TestPickPorts(t *testing.T) {
	for _, tt := range []struct {
		name  string
		last  ports
		taken map[int]bool
		want  ports // those that differ from the usual ones
	}{
		{name: "all free"},
		{name: "one taken", taken: map[int]bool{6379: true, 9080: true}, want: ports{"REDIS_PORT": 50001, "EDGE_PORT": 50002}},
		{name: "as last time", last: ports{"EDGE_PORT": 41000}, want: ports{"EDGE_PORT": 41000}},
		{name: "taken since", last: ports{"EDGE_PORT": 41000}, taken: map[int]bool{41000: true}},
		{name: "both taken", last: ports{"S3_PORT": 41000}, taken: map[int]bool{41000: true, 9000: true}, want: ports{"S3_PORT": 50001}},
		{name: "last time's is another's usual one", last: ports{"REDIS_PORT": 9000}, want: ports{"REDIS_PORT": 9000, "S3_PORT": 50001}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next, held := 50000, map[int]bool{}
			got, err := pickPorts(tt.last, func(port int) (net.Listener, error) {
				if port == 0 {
					next++
					port = next
				}
				if tt.taken[port] || held[port] {
					return nil, errors.New("address already in use")
				}
				held[port] = true
				return fakeListener{port: port}, nil
			})
			want := ports{}
			for _, u := range usual {
				want[u.name] = u.port
			}
			maps.Copy(want, tt.want)
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("pickPorts = %v, %v, want %v", got, err, want)
			}
		})
	}
}

func TestPickPortsNoneFree(t *testing.T) {
	_, err := pickPorts(nil, func(int) (net.Listener, error) { return nil, errors.New("denied") })
	if want := "pick a port for REDIS_PORT: none is free"; fmt.Sprint(err) != want {
		t.Errorf("pickPorts = %v, want %s", err, want)
	}
}

func TestPortsRemembered(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ports.json")
	if got := recall(file); got != nil {
		t.Errorf("recall of nothing = %v", got)
	}
	want := ports{"EDGE_PORT": 9080}
	if err := want.remember(file); err != nil {
		t.Fatal(err)
	}
	if got := recall(file); !maps.Equal(got, want) {
		t.Errorf("recall = %v, want %v", got, want)
	}
}
