package run

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestGroupStopsFromLastToFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stopped []string
		var g Group
		for _, name := range []string{"admin", "store", "server"} {
			g.Add(name, func(ctx context.Context) error {
				<-ctx.Done()
				time.Sleep(time.Second) // a slow stop: the next one waits for it
				stopped = append(stopped, name)
				return ctx.Err()
			})
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()

		err := g.Run(ctx)

		if want := []string{"server", "store", "admin"}; err != nil || !slices.Equal(stopped, want) {
			t.Errorf("Run = %v, stopped %v, want nil and %v", err, stopped, want)
		}
	})
}

func TestGroupOneFailureStopsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("listen 127.0.0.1:1: denied")
		stopped := false
		var g Group
		g.Add("server", func(ctx context.Context) error { <-ctx.Done(); stopped = true; return nil })
		g.Add("admin", func(context.Context) error { return broken })

		err := g.Run(t.Context())

		if !errors.Is(err, broken) || !stopped {
			t.Errorf("Run = %v, stopped %v, want %v and the server stopped", err, stopped, broken)
		}
	})
}
