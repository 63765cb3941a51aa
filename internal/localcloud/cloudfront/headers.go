package cloudfront

import (
	"fmt"
	"strings"
)

// HeadersPolicy is a response headers policy.
type HeadersPolicy struct {
	CORS   *CORS
	Set    []Header
	Remove []string
}

// Header is one header that a policy sets; without Override the origin's stays.
type Header struct {
	Name, Value string
	Override    bool
}

// CORS is a policy's cross-origin part.
type CORS struct {
	Origins, Methods, Headers, Expose []string
	Credentials                       bool
	MaxAge                            int64 // seconds; negative: not sent
	Override                          bool
}

func viewHeaders(cfg *node) *HeadersPolicy {
	p := new(HeadersPolicy)
	if c := cfg.child("CorsConfig"); c != nil {
		p.CORS = &CORS{
			Origins: c.values("AccessControlAllowOrigins"), Methods: c.values("AccessControlAllowMethods"),
			Headers: c.values("AccessControlAllowHeaders"), Expose: c.values("AccessControlExposeHeaders"),
			Credentials: c.bool("AccessControlAllowCredentials"), MaxAge: c.num(-1, "AccessControlMaxAgeSec"), Override: c.bool("OriginOverride"),
		}
	}
	sec := cfg.child("SecurityHeadersConfig")
	set := func(member, name, value string) {
		if n := sec.child(member); n != nil {
			p.Set = append(p.Set, Header{name, value, n.bool("Override")})
		}
	}
	xss := "0"
	if x := sec.child("XSSProtection"); x.bool("Protection") {
		xss = "1"
		if x.bool("ModeBlock") {
			xss += "; mode=block"
		} else if u := x.str("ReportUri"); u != "" {
			xss += "; report=" + u
		}
	}
	set("XSSProtection", "X-XSS-Protection", xss)
	set("FrameOptions", "X-Frame-Options", sec.str("FrameOptions", "FrameOption"))
	set("ReferrerPolicy", "Referrer-Policy", sec.str("ReferrerPolicy", "ReferrerPolicy"))
	set("ContentSecurityPolicy", "Content-Security-Policy", sec.str("ContentSecurityPolicy", "ContentSecurityPolicy"))
	set("ContentTypeOptions", "X-Content-Type-Options", "nosniff")
	sts := sec.child("StrictTransportSecurity")
	hsts := fmt.Sprintf("max-age=%d", sts.num(0, "AccessControlMaxAgeSec"))
	if sts.bool("IncludeSubdomains") {
		hsts += "; includeSubDomains"
	}
	if sts.bool("Preload") {
		hsts += "; preload"
	}
	set("StrictTransportSecurity", "Strict-Transport-Security", hsts)
	for _, h := range cfg.items("CustomHeadersConfig") {
		p.Set = append(p.Set, Header{h.str("Header"), h.str("Value"), h.bool("Override")})
	}
	for _, h := range cfg.items("RemoveHeadersConfig") {
		p.Remove = append(p.Remove, strings.TrimSpace(h.str("Header")))
	}
	return p
}
