package main

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/distribution"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/media"
)

//go:embed profile.yaml
var profile []byte

// furnish keeps the demo's profile in its ledger and puts the policy files that
// Smooth players ask for at the distribution's root. It returns the profile's
// digest. A repeat is safe.
func furnish(ctx context.Context, store cloud.Store) (string, error) {
	p, err := media.Parse(profile)
	if err != nil {
		return "", fmt.Errorf("the demo's profile: %w", err)
	}
	book := ledger.New(store, cloud.Location{Bucket: ledgerBucket, Key: ledgerPrefix})
	if err := book.PutProfile(ctx, p.Digest(), p.Canonical()); err != nil {
		return "", err
	}
	files, err := distribution.PolicyFiles(nil)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		_, err := store.Put(ctx, cloud.Put{Location: cloud.Location{Bucket: outputBucket, Key: f.Name}, Body: f.Body, ContentType: "text/xml"})
		if err != nil {
			return "", fmt.Errorf("policy file %s: %w", f.Name, err)
		}
	}
	return p.Digest(), nil
}
