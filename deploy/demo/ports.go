package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
)

// ports are the ports of a run, by the variable that the Procfile reads.
type ports map[string]int

// usual are the ports that people expect, in the order in which they are taken.
var usual = []struct {
	name string
	port int
}{
	{"REDIS_PORT", 6379},
	{"S3_PORT", 9000},
	{"MEDIACONVERT_PORT", 9001},
	{"CLOUDFRONT_PORT", 9002},
	{"SQS_PORT", 9003},
	{"EDGE_PORT", 9080},
	{"ADMIN_PORT", 9099},
	{"DASHBOARD_PORT", 8980},
	{"WORKER_1_PORT", 9464},
	{"WORKER_2_PORT", 9465},
}

// pickPorts finds a free port for each: the one of the last run, so that links
// still lead somewhere, or else the usual one, or else any.
func pickPorts(last ports, listen func(port int) (net.Listener, error)) (ports, error) {
	picked := ports{}
	for _, u := range usual {
		for _, port := range candidates(last[u.name], u.port) {
			l, err := listen(port)
			if err != nil {
				continue
			}
			defer l.Close() // until all are picked: none twice
			picked[u.name] = l.Addr().(*net.TCPAddr).Port
			break
		}
		if picked[u.name] == 0 {
			return nil, fmt.Errorf("pick a port for %s: none is free", u.name)
		}
	}
	return picked, nil
}

func candidates(last, usual int) []int {
	if last == 0 {
		return []int{usual, 0}
	}
	return []int{last, usual, 0}
}

// loopback listens where the processes will.
func loopback(port int) (net.Listener, error) {
	return net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
}

// recall reads the ports of the last run, none if there was none.
func recall(file string) ports {
	body, err := os.ReadFile(file)
	var p ports
	if err != nil || json.Unmarshal(body, &p) != nil {
		return nil
	}
	return p
}

func (p ports) remember(file string) error {
	body, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(body, '\n'), 0o644)
}

// addr is HOST:PORT of a port.
func (p ports) addr(name string) string { return "127.0.0.1:" + strconv.Itoa(p[name]) }

// url is the HTTP address of a port.
func (p ports) url(name string) string { return "http://" + p.addr(name) }
