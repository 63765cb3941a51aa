package main

import (
	"fmt"

	"github.com/vodfleet/vodfleet/internal/config"
	"github.com/vodfleet/vodfleet/internal/run"
)

type profileCmd struct {
	Check profileCheckCmd `cmd:"" help:"Say what is wrong with a profile's file; nothing is stored."`
	Put   profilePutCmd   `cmd:"" help:"Store a profile and print its digest, for workers and tasks."`
	Show  profileShowCmd  `cmd:"" help:"Print a profile with every setting."`
}

func (profileCmd) Help() string {
	return `A profile says what to make of a source: packages, renditions, thumbnails,
delivery. It is known by the digest of its content; a change is another profile
and transcodes nothing by itself.

Examples:

  enqueuer profile show default > profile.yaml
  enqueuer profile check profile.yaml
  VODFLEET_PROFILE=$(enqueuer profile put profile.yaml)

Exit codes: 0 done, 1 failed, 2 wrong usage or a profile that cannot be.`
}

type profileCheckCmd struct {
	File string `arg:"" help:"The profile's YAML file."`
}

func (profileCheckCmd) Help() string {
	return `Names the setting that cannot be, or prints the digest.

Examples:

  enqueuer profile check profile.yaml

Exit codes: 0 the profile is well, 2 it cannot be or cannot be read.`
}

func (c *profileCheckCmd) Run(e *env) error {
	p, err := readProfile(e.ctx, nil, c.File)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, p.Digest())
	return nil
}

type profilePutCmd struct {
	config.Ledger
	File string `arg:"" help:"The profile's YAML file, or \"default\" for the built-in one."`
}

func (profilePutCmd) Help() string {
	return `A repeat is safe: what is stored under a digest never changes.

Examples:

  VODFLEET_PROFILE=$(enqueuer profile put profile.yaml)

Exit codes: 0 stored, 1 failed, 2 wrong usage or a profile that cannot be.`
}

func (c *profilePutCmd) Run(e *env) error {
	_, book, err := e.openLedger(c.Ledger)
	if err != nil {
		return err
	}
	p, err := useProfile(e.ctx, book, c.File)
	if err != nil {
		return err
	}
	fmt.Fprintln(e.out, p.Digest())
	return nil
}

type profileShowCmd struct {
	Ledger config.Location `env:"VODFLEET_LEDGER" help:"Where the ledger is kept; needed for a stored profile." placeholder:"S3-URI"`
	Name   string          `arg:"" default:"default" help:"\"default\", a stored profile's digest, or a YAML file."`
}

func (profileShowCmd) Help() string {
	return `Prints YAML, defaults included, in the form that makes the digest.

Examples:

  enqueuer profile show default > profile.yaml
  enqueuer profile show 0123456789abcdef0123456789abcdef

Exit codes: 0 done, 1 failed or not stored, 2 wrong usage or a profile that
cannot be.`
}

func (c *profileShowCmd) Run(e *env) error {
	var shelf profileShelf
	if profileDigest.MatchString(c.Name) {
		if c.Ledger.Bucket == "" {
			return run.UsageError(fmt.Errorf("profile %s: say where the ledger is: --ledger or VODFLEET_LEDGER", c.Name))
		}
		_, book, err := e.openLedger(config.Ledger{Ledger: c.Ledger})
		if err != nil {
			return err
		}
		shelf = book
	}
	p, err := readProfile(e.ctx, shelf, c.Name)
	if err != nil {
		return err
	}
	_, err = e.out.Write(p.Canonical())
	return err
}
