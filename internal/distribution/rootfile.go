package distribution

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
)

// NoPolicyFile says what it means that a policy file is answered with a status.
func NoPolicyFile(status int) string {
	return fmt.Sprintf("it is answered with %d: Smooth players of other sites may not read", status)
}

// policyFile asks for the policy files at a distribution's root as viewers do,
// and says what is missing if none of them is there: one is enough for players
// to be let in. It returns nil too where nobody answers in patience, or only
// those who sign: that a worker does not get there says nothing of viewers.
func policyFile(ctx context.Context, client *http.Client, c cloud.DistributionConfig, d Delivery, patience time.Duration) *Finding {
	viewer, err := url.Parse(d.Viewer)
	if err != nil || viewer.Host == "" {
		return nil
	}
	var missing *Finding
	for _, name := range []string{"clientaccesspolicy.xml", "crossdomain.xml"} {
		if b := Choose(&c, "/"+name); b != nil && len(b.KeyGroups)+len(b.Signers) > 0 {
			return nil
		}
		u := viewer.Scheme + "://" + viewer.Host + "/" + name
		resp, err := head(ctx, client, u, patience)
		switch {
		case err != nil:
			return nil
		case resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusNotFound:
			return nil
		case missing != nil:
			continue
		}
		missing = &Finding{Check: "policy-files", Severity: Broken, Subject: u, Text: NoPolicyFile(resp.StatusCode)}
		if at, err := PolicyFileAt(c, name); err != nil {
			missing.Fix = err.Error()
		} else {
			missing.Fix = "write it to " + at.String()
		}
	}
	return missing
}

// head asks for a URL's headers.
func head(ctx context.Context, client *http.Client, u string, patience time.Duration) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "vodfleet")
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	return resp, resp.Body.Close()
}
