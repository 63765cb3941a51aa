package cloudfront

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Quotas of one distribution (CloudFront developer guide, "Quotas").
const (
	maxOrigins   = 100
	maxBehaviors = 75
	maxAliases   = 100
)

// bad makes the status 400 error most rules end in.
func bad(code, format string, args ...any) error {
	return refuse(http.StatusBadRequest, code, format, args...)
}

// checkQuantities refuses a list whose Quantity is not the number of its
// Items, anywhere below n.
func checkQuantities(n *node) error {
	if q := n.child("Quantity"); q != nil {
		want, err := strconv.Atoi(strings.TrimSpace(q.text))
		if err != nil {
			return bad("MalformedInput", "Could not parse the quantity of %s", n.name)
		}
		if got := len(n.items()); got != want {
			return bad("InconsistentQuantities",
				"The specified quantity of %s (%d) does not match the actual quantity supplied (%d).", n.name, want, got)
		}
	}
	for _, k := range n.kids {
		if err := checkQuantities(k); err != nil {
			return err
		}
	}
	return nil
}

// tenantOnly reports whether a configuration is of a multi-tenant distribution.
func tenantOnly(cfg *node) bool { return cfg.str("ConnectionMode") == "tenant-only" }

// checkTenantOnly refuses what multi-tenant distributions do not have (published
// model; CloudFront developer guide, "Unsupported features" of them), as far as
// the local cloud acts on it.
func checkTenantOnly(cfg *node, behaviors []*node) error {
	if !tenantOnly(cfg) {
		return nil
	}
	if len(cfg.items("Aliases")) > 0 {
		return invalid("The parameter Aliases cannot be used with a multi-tenant distribution.")
	}
	for _, b := range behaviors {
		switch {
		case b.bool("SmoothStreaming"):
			return invalid("The parameter SmoothStreaming cannot be used with a multi-tenant distribution.")
		case b.child("ForwardedValues") != nil:
			return invalid("The parameter ForwardedValues cannot be used with a multi-tenant distribution.")
		case b.bool("TrustedSigners", "Enabled"):
			return invalid("The parameter TrustedSigners cannot be used with a multi-tenant distribution.")
		}
	}
	return nil
}

// checkConfig holds a normalized configuration to the rules that the service
// enforces beyond its published model. The caller holds s.mu.
func (s *Service) checkConfig(self string, cfg *node) error {
	if root := cfg.str("DefaultRootObject"); strings.HasPrefix(root, "/") || len(root) > 255 {
		return bad("InvalidDefaultRootObject", "The default root object file name is too big or contains an invalid character.")
	}
	if len(cfg.str("Comment")) > 128 {
		return invalid("The parameter Comment is too long.")
	}
	if err := s.checkAliases(self, cfg); err != nil {
		return err
	}
	origins := cfg.items("Origins")
	if len(origins) > maxOrigins {
		return bad("TooManyOrigins", "You cannot create more origins for the distribution.")
	}
	ids := make(map[string]bool, len(origins))
	for _, o := range origins {
		if id := o.str("Id"); id == "" || ids[id] {
			return invalid("The parameter Origin Id must be unique and not empty.")
		}
		ids[o.str("Id")] = true
		if err := s.checkOrigin(o); err != nil {
			return err
		}
	}
	for _, g := range cfg.items("OriginGroups") {
		for _, m := range g.items("Members") {
			if !ids[m.str("OriginId")] {
				return noOrigin()
			}
		}
		ids[g.str("Id")] = true
	}
	behaviors := cfg.items("CacheBehaviors")
	if len(behaviors) > maxBehaviors {
		return bad("TooManyCacheBehaviors", "You cannot create more cache behaviors for the distribution.")
	}
	patterns := make(map[string]bool, len(behaviors))
	for _, b := range behaviors {
		p := strings.TrimPrefix(b.str("PathPattern"), "/")
		switch {
		case p == "" || len(p) > 255 || !validPattern(p):
			return invalid("The parameter PathPattern contains invalid characters.")
		case patterns[p]:
			return invalid("The parameter PathPattern must be unique.")
		}
		patterns[p] = true
	}
	all := append(behaviors[:len(behaviors):len(behaviors)], cfg.child("DefaultCacheBehavior"))
	if err := checkTenantOnly(cfg, all); err != nil {
		return err
	}
	for _, b := range all {
		if !ids[b.str("TargetOriginId")] {
			return noOrigin()
		}
		if err := s.checkBehavior(b); err != nil {
			return err
		}
	}
	return checkErrorResponses(cfg.items("CustomErrorResponses"))
}

func noOrigin() error {
	return refuse(http.StatusNotFound, "NoSuchOrigin", "One or more of your origins or origin groups do not exist.")
}

// checkAliases holds alternate names to a certificate and to one distribution.
func (s *Service) checkAliases(self string, cfg *node) error {
	names := cfg.values("Aliases")
	switch {
	case len(names) == 0:
		return nil
	case len(names) > maxAliases:
		return bad("TooManyDistributionCNAMEs", "Your request contains more CNAMEs than are allowed per distribution.")
	case cfg.bool("ViewerCertificate", "CloudFrontDefaultCertificate"):
		return bad("InvalidViewerCertificate", "To add an alternate domain name (CNAME) to a CloudFront distribution, "+
			"you must attach a trusted certificate that validates your authorization to use the domain name.")
	}
	for _, d := range s.dists {
		if d.ID == self {
			continue
		}
		for _, a := range d.next.values("Aliases") {
			if slices.Contains(names, a) {
				return refuse(http.StatusConflict, "CNAMEAlreadyExists", "One or more of the CNAMEs you provided are already associated with a different resource.")
			}
		}
	}
	return nil
}

func (s *Service) checkOrigin(o *node) error {
	domain, path := o.str("DomainName"), o.str("OriginPath")
	if _, err := netip.ParseAddr(domain); err == nil || domain == "" || strings.ContainsAny(domain, "/:?# _") {
		return invalid("The parameter origin name must be a domain name.")
	}
	if path != "" && (path[0] != '/' || strings.HasSuffix(path, "/") || len(path) > 255) {
		return invalid("The parameter Origin Path must start with a '/' and must not end with a '/'.")
	}
	if n := o.num(3, "ConnectionAttempts"); n < 1 || n > 3 {
		return invalid("The parameter ConnectionAttempts must be between 1 and 3.")
	}
	if n := o.num(10, "ConnectionTimeout"); n < 1 || n > 10 {
		return invalid("The parameter ConnectionTimeout must be between 1 and 10.")
	}
	oac := o.str("OriginAccessControlId")
	switch s3, custom := o.child("S3OriginConfig"), o.child("CustomOriginConfig"); {
	case s3 != nil && custom != nil:
		return invalid("You must specify either a CustomOrigin or an S3Origin, and not both.")
	case s3 != nil:
		if _, ok := Bucket(domain); !ok {
			return invalid("The parameter Origin DomainName does not refer to a valid S3 bucket.")
		}
		if oac != "" && s3.str("OriginAccessIdentity") != "" {
			return bad("IllegalOriginAccessConfiguration", "An origin cannot contain both an origin access control (OAC) and an origin access identity (OAI).")
		}
	case custom != nil:
		if err := checkCustomOrigin(custom); err != nil {
			return err
		}
		if c := s.policies[accessControl.path][oac]; c != nil && c.config.str("OriginAccessControlOriginType") == "s3" {
			return bad("InvalidOriginAccessControl", "The origin access control is not valid for a custom origin.")
		}
	case o.child("VpcOriginConfig") == nil:
		return bad("InvalidOrigin", "The specified origin server does not exist or is not valid.")
	}
	if oac != "" && s.policies[accessControl.path][oac] == nil {
		return bad("InvalidOriginAccessControl", "The origin access control is not valid.")
	}
	return nil
}

func checkCustomOrigin(c *node) error {
	for _, name := range []string{"HTTPPort", "HTTPSPort"} {
		if p := c.num(0, name); p != 80 && p != 443 && (p < 1024 || p > 65535) {
			return invalid("The parameter %s is not valid: it must be 80, 443 or in the range 1024-65535.", name)
		}
	}
	if n := c.num(30, "OriginReadTimeout"); n < 1 || n > 120 {
		return bad("InvalidOriginReadTimeout", "The read timeout specified for the origin is not valid.")
	}
	if n := c.num(5, "OriginKeepaliveTimeout"); n < 1 || n > 120 {
		return bad("InvalidOriginKeepaliveTimeout", "The keep alive timeout specified for the origin is not valid.")
	}
	return nil
}

func (s *Service) checkBehavior(b *node) error {
	forwarded, policy := b.child("ForwardedValues"), b.str("CachePolicyId")
	switch {
	case policy == "" && forwarded == nil:
		return invalid("The parameter ForwardedValues is required.")
	case policy != "" && forwarded != nil:
		return invalid("The parameter ForwardedValues cannot be used when a cache policy is associated to the cache behavior.")
	case policy != "":
		for _, name := range []string{"MinTTL", "DefaultTTL", "MaxTTL"} {
			if b.child(name) != nil {
				return invalid("The parameter %s cannot be used when a cache policy is associated to the cache behavior.", name)
			}
		}
	default:
		if err := checkTTLs(b); err != nil {
			return err
		}
	}
	for _, ref := range []struct {
		member string
		kind   *policyKind
	}{{"CachePolicyId", cachePolicy}, {"ResponseHeadersPolicyId", headersPolicy}, {"OriginRequestPolicyId", requestPolicy}} {
		if id := b.str(ref.member); id != "" && s.policies[ref.kind.path][id] == nil {
			return ref.kind.missing()
		}
	}
	allowed, cached := methods(b.values("AllowedMethods")), methods(b.values("AllowedMethods", "CachedMethods"))
	if !slices.Contains([]string{"GET HEAD", "GET HEAD OPTIONS", "DELETE GET HEAD OPTIONS PATCH POST PUT"}, allowed) {
		return invalid("The parameter AllowedMethods contains a combination of methods that is not supported.")
	}
	if cached != "GET HEAD" && (cached != "GET HEAD OPTIONS" || allowed == "GET HEAD") {
		return invalid("The parameter CachedMethods contains a combination of methods that is not supported.")
	}
	return nil
}

func methods(list []string) string {
	list = slices.Sorted(slices.Values(list))
	return strings.Join(list, " ")
}

// checkTTLs holds MinTTL <= DefaultTTL <= MaxTTL of a policy or a behaviour.
func checkTTLs(n *node) error {
	least := n.num(0, "MinTTL")
	def := n.num(max(86400, least), "DefaultTTL")
	most := n.num(max(31536000, def), "MaxTTL")
	if least < 0 || least > def || def > most {
		return bad("InvalidTTLOrder", "The TTL order specified is not valid: MinTTL, DefaultTTL and MaxTTL must not decrease.")
	}
	return nil
}

var (
	errorCodes    = []int64{400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504}
	responseCodes = []string{"200", "400", "403", "404", "405", "414", "416", "500", "501", "502", "503", "504"}
)

func checkErrorResponses(list []*node) error {
	for _, e := range list {
		code, page := e.str("ResponseCode"), e.str("ResponsePagePath")
		switch {
		case !slices.Contains(errorCodes, e.num(0, "ErrorCode")):
			return bad("InvalidErrorCode", "An invalid error code was specified.")
		case (code == "") != (page == ""):
			return invalid("The parameters ResponseCode and ResponsePagePath must be specified together.")
		case code != "" && !slices.Contains(responseCodes, code):
			return bad("InvalidResponseCode", "A response code is not valid.")
		case page != "" && page[0] != '/':
			return invalid("The parameter ResponsePagePath must begin with a '/'.")
		}
	}
	return nil
}

// validPattern reports whether p has only the characters of a path pattern:
// A-Z a-z 0-9 _ - . $ / ~ " ' @ : + and the wildcards, and & as &amp;.
func validPattern(p string) bool {
	return strings.IndexFunc(p, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(`_-.$/~"'@:+*?&`, r)
	}) < 0
}

// Bucket returns the bucket of an S3 origin's domain name: BUCKET.s3.amazonaws.com,
// BUCKET.s3.REGION.amazonaws.com, the dual-stack form, or the old one with
// a dash. Website end points are custom origins.
func Bucket(domain string) (string, bool) {
	rest, ok := strings.CutSuffix(domain, ".amazonaws.com")
	if !ok {
		return "", false
	}
	for _, sep := range []string{".s3.", ".s3-"} {
		if i := strings.LastIndex(rest, sep); i > 0 {
			region := strings.TrimPrefix(rest[i+len(sep):], "dualstack.")
			return rest[:i], region != "" && !strings.Contains(region, ".") && !strings.HasPrefix(region, "website")
		}
	}
	bucket, ok := strings.CutSuffix(rest, ".s3")
	return bucket, ok && bucket != ""
}
