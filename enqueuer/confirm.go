package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
	"github.com/vodfleet/vodfleet/internal/run"
)

// awsCDN connects to AWS by the SDK's own settings.
func awsCDN(ctx context.Context) (cloud.CDN, error) {
	aws, err := awscloud.New(ctx, awscloud.Options{})
	if err != nil {
		return nil, err
	}
	return aws.CDN(), nil
}

func (e *env) openCDN() (cloud.CDN, error) {
	if e.cdn == nil {
		return awsCDN(e.ctx)
	}
	return e.cdn(e.ctx)
}

// confirm asks a question that only "y" or "yes" answers. Anything else, and
// nobody to answer, is an error with the exit code of work that is left.
func (e *env) confirm(question string) error {
	in := e.in
	if in == nil {
		in = os.Stdin
	}
	fmt.Fprintf(e.out, "%s [y/N] ", question)
	line, err := bufio.NewReader(io.LimitReader(in, 100)).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	if answer == "y" || answer == "yes" {
		return nil
	}
	if err != nil && answer == "" {
		fmt.Fprintln(e.out)
	}
	return &run.Error{Code: run.Unfinished, Err: errors.New("not confirmed: nothing was changed; --yes does without the question")}
}
