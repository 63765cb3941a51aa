package cloud

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Valid reports what is wrong with c whatever else there is: what CloudFront
// refuses and what would not be one configuration.
func (c *DistributionConfig) Valid() error {
	if len(c.Comment) > 128 {
		return fmt.Errorf("a comment of %d bytes, limit 128", len(c.Comment))
	}
	ids := map[string]bool{}
	for _, o := range c.Origins {
		if err := o.valid(); err != nil {
			return fmt.Errorf("origin %q: %w", o.ID, err)
		}
		if ids[o.ID] {
			return fmt.Errorf("origin %q is there twice", o.ID)
		}
		ids[o.ID] = true
	}
	for _, g := range c.Groups {
		ids[g.ID] = true
	}
	if len(c.Behaviors) == 0 {
		return errors.New("no default behaviour")
	}
	patterns := map[string]bool{}
	for i, b := range c.Behaviors {
		last := i == len(c.Behaviors)-1
		switch {
		case last != (b.Pattern == ""):
			return fmt.Errorf("behaviour %d has the pattern %q: want one for all but the last", i+1, b.Pattern)
		case patterns[b.Pattern]:
			return fmt.Errorf("behaviour %q is there twice", b.Pattern)
		case len(b.Pattern) > 255:
			return fmt.Errorf("behaviour %.20q… has a pattern of %d bytes, limit 255", b.Pattern, len(b.Pattern))
		case !ids[b.Origin]:
			return fmt.Errorf("behaviour %q names the origin %q, which is not there", b.Pattern, b.Origin)
		}
		patterns[b.Pattern] = true
	}
	return nil
}

func (o *Origin) valid() error {
	switch {
	case o.ID == "":
		return errors.New("no ID")
	case o.Domain == "" && o.Bucket == "":
		return errors.New("neither a domain nor a bucket")
	case o.Custom != nil && o.Bucket != "":
		return errors.New("a bucket and a server of one's own")
	case o.Path != "" && (!strings.HasPrefix(o.Path, "/") || strings.HasSuffix(o.Path, "/")):
		return fmt.Errorf("path %q: want a slash first and none last", o.Path)
	}
	return nil
}

// Valid reports what is wrong with p as a policy to make.
func (p *CachePolicy) Valid() error {
	switch {
	case p.Name == "":
		return errors.New("no name")
	case p.Min < 0 || p.Min > p.Default || p.Default > p.Max:
		return fmt.Errorf("times %v, %v, %v: want them from the least to the most", p.Min, p.Default, p.Max)
	case p.Min%time.Second != 0 || p.Default%time.Second != 0 || p.Max%time.Second != 0:
		return fmt.Errorf("times %v, %v, %v: want whole seconds", p.Min, p.Default, p.Max)
	}
	return nil
}

// Valid reports what is wrong with p as a policy to make.
func (p *HeadersPolicy) Valid() error {
	switch {
	case p.Name == "":
		return errors.New("no name")
	case p.CORS != nil && (len(p.CORS.Origins) == 0 || len(p.CORS.Methods) == 0 || len(p.CORS.Headers) == 0):
		return errors.New("cross-origin rules without origins, methods or headers")
	}
	return nil
}
