package main

import (
	"errors"
	"fmt"
	"net"

	"github.com/vodfleet/vodfleet/internal/admin"
	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/queue"
	"github.com/vodfleet/vodfleet/internal/run"
	"go.uber.org/zap"
)

type dashboardCmd struct {
	config.Redis
	config.Log

	Listen   string `env:"VODFLEET_DASHBOARD_ADDR" default:"127.0.0.1:8980" help:"Address to serve on; beyond loopback only with credentials." placeholder:"HOST:PORT"`
	Writable bool   `help:"Let operators pause queues, and run, archive and delete tasks. Without it the dashboard only shows."`
	User     string `env:"VODFLEET_DASHBOARD_USER" help:"User of HTTP basic authentication."`
	Password string `secret:"value" env:"VODFLEET_DASHBOARD_PASSWORD" help:"Its password; better in the environment than in a flag."`
}

func (dashboardCmd) Help() string {
	return `Serves asynqmon, with the fleet's payloads in words, and /healthz.

Examples:

  enqueuer dashboard
  VODFLEET_DASHBOARD_USER=ops VODFLEET_DASHBOARD_PASSWORD=… enqueuer dashboard --listen :8980 --writable

Exit codes: 0 stopped when asked to, 1 failed, 2 wrong usage.`
}

func (c *dashboardCmd) Run(e *env) error {
	log, err := c.Logger(e.log)
	if err != nil {
		return run.UsageError(err)
	}
	opt, err := queue.ParseRedis(c.RedisURL)
	if err != nil {
		return run.UsageError(err)
	}
	if (c.User == "") != (c.Password == "") {
		return run.UsageError(errors.New("dashboard: give a user and a password, or neither"))
	}
	d := admin.Dashboard{Redis: opt, Writable: c.Writable, User: c.User, Password: c.Password}
	if err := d.CheckListen(c.Listen); err != nil {
		return run.UsageError(err)
	}
	l, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("dashboard: %w", err)
	}
	handler, closeUI := d.Handler()
	log.Info("dashboard", zap.String("address", "http://"+l.Addr().String()), zap.Any("settings", config.Dump(c)))
	return errors.Join(admin.Serve(e.ctx, l, handler, log), closeUI())
}
