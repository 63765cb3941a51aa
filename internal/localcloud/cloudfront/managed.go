package cloudfront

import "time"

// managedSince is the time of last change that managed policies report.
var managedSince = time.Date(2021, 11, 2, 0, 0, 0, 0, time.UTC)

// managed returns the managed policies of every kind by their well-known
// identifiers (CloudFront developer guide, "Use managed … policies").
func managed() map[*policyKind][]*policy {
	all := map[*policyKind][]*policy{
		cachePolicy: {
			cacheConfig("658327ea-f89d-4fab-a63d-7e88639e58f6", "Managed-CachingOptimized", [3]int{1, 86400, 31536000}, true, nil, nil),
			cacheConfig("4135ea2d-6df8-44a3-9df3-4b5a84be39ad", "Managed-CachingDisabled", [3]int{0, 0, 0}, false, nil, nil),
			cacheConfig("b2884449-e4de-46a7-ac36-70bc7f1ddd6d", "Managed-CachingOptimizedForUncompressedObjects", [3]int{1, 86400, 31536000}, false, nil, nil),
			cacheConfig("08627262-05a9-4f76-9ded-b50ca2e3a84f", "Managed-Elemental-MediaPackage", [3]int{0, 86400, 31536000}, true,
				[]string{"origin"}, []string{"aws.manifestfilter", "start", "end", "m"}),
		},
		headersPolicy: {
			headersConfig("60669652-455b-4ae9-85a4-c4c02393f86c", "Managed-SimpleCORS", simpleCORS()),
			headersConfig("5cc3b908-e619-4b99-88e5-2cf7f45965bd", "Managed-CORS-With-Preflight", preflightCORS()),
			headersConfig("67f7725c-6f97-4210-82d7-5512b31e9d03", "Managed-SecurityHeadersPolicy", security()),
			headersConfig("e61eb60c-9c35-4d20-a928-2b84e02af89c", "Managed-CORS-and-SecurityHeadersPolicy", simpleCORS(), security()),
			headersConfig("eaab4381-ed33-4a86-88ca-d9558dc6cd63", "Managed-CORS-with-preflight-and-SecurityHeadersPolicy", preflightCORS(), security()),
		},
		requestPolicy: {
			requestConfig("216adef6-5c7f-47e4-b989-5492eafa07d3", "Managed-AllViewer", "allViewer", nil, "all", "all"),
			requestConfig("b689b0a8-53d0-40ab-baf2-68738e2966ac", "Managed-AllViewerExceptHostHeader", "allExcept", []string{"host"}, "all", "all"),
			requestConfig("88a5eaf4-2fd4-4709-b370-b4c650ea3fcf", "Managed-CORS-S3Origin", "whitelist",
				[]string{"origin", "access-control-request-headers", "access-control-request-method"}, "none", "none"),
			requestConfig("59781a5b-3903-41f3-afcb-af62929ccde1", "Managed-CORS-CustomOrigin", "whitelist", []string{"origin"}, "none", "none"),
			requestConfig("acba4595-bd28-49b8-b9fe-13317c0390fa", "Managed-UserAgentRefererHeaders", "whitelist", []string{"user-agent", "referer"}, "none", "none"),
		},
	}
	for _, list := range all {
		for _, p := range list {
			p.Managed, p.Modified, p.ETag = true, managedSince, "E23ZP02F085DFQ"
		}
	}
	return all
}

func cacheConfig(id, name string, ttl [3]int, compressed bool, headers, query []string) *policy {
	return &policy{ID: id, config: el("CachePolicyConfig",
		leaf("Comment", ""), leaf("Name", name), leaf("DefaultTTL", ttl[1]), leaf("MaxTTL", ttl[2]), leaf("MinTTL", ttl[0]),
		el("ParametersInCacheKeyAndForwardedToOrigin",
			leaf("EnableAcceptEncodingGzip", compressed), leaf("EnableAcceptEncodingBrotli", compressed),
			selection("HeadersConfig", "HeaderBehavior", "Headers", "", headers),
			selection("CookiesConfig", "CookieBehavior", "Cookies", "", nil),
			selection("QueryStringsConfig", "QueryStringBehavior", "QueryStrings", "", query)))}
}

func requestConfig(id, name, headers string, names []string, cookies, query string) *policy {
	return &policy{ID: id, config: el("OriginRequestPolicyConfig",
		leaf("Comment", ""), leaf("Name", name),
		selection("HeadersConfig", "HeaderBehavior", "Headers", headers, names),
		selection("CookiesConfig", "CookieBehavior", "Cookies", cookies, nil),
		selection("QueryStringsConfig", "QueryStringBehavior", "QueryStrings", query, nil))}
}

// selection makes one of the structures that choose headers, cookies or query
// strings; an empty mode is whitelist where there are names, else none.
func selection(name, behavior, member, mode string, names []string) *node {
	if mode == "" {
		mode = "none"
		if len(names) > 0 {
			mode = "whitelist"
		}
	}
	n := el(name, leaf(behavior, mode))
	if len(names) > 0 {
		n.add(list(member, texts("Name", names...)...))
	}
	return n
}

func headersConfig(id, name string, parts ...*node) *policy {
	return &policy{ID: id, config: el("ResponseHeadersPolicyConfig",
		append([]*node{leaf("Comment", ""), leaf("Name", name)}, parts...)...)}
}

func simpleCORS() *node {
	return el("CorsConfig",
		list("AccessControlAllowOrigins", leaf("Origin", "*")),
		list("AccessControlAllowHeaders", leaf("Header", "*")),
		list("AccessControlAllowMethods", texts("Method", "GET", "HEAD")...),
		leaf("AccessControlAllowCredentials", false),
		leaf("OriginOverride", false))
}

func preflightCORS() *node {
	return el("CorsConfig",
		list("AccessControlAllowOrigins", leaf("Origin", "*")),
		list("AccessControlAllowHeaders", leaf("Header", "*")),
		list("AccessControlAllowMethods", texts("Method", "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS")...),
		leaf("AccessControlAllowCredentials", false),
		list("AccessControlExposeHeaders", leaf("Header", "*")),
		leaf("OriginOverride", false))
}

func security() *node {
	return el("SecurityHeadersConfig",
		el("XSSProtection", leaf("Override", false), leaf("Protection", true), leaf("ModeBlock", true)),
		el("FrameOptions", leaf("Override", false), leaf("FrameOption", "SAMEORIGIN")),
		el("ReferrerPolicy", leaf("Override", false), leaf("ReferrerPolicy", "strict-origin-when-cross-origin")),
		el("ContentTypeOptions", leaf("Override", true)),
		el("StrictTransportSecurity", leaf("Override", false), leaf("AccessControlMaxAgeSec", 31536000)))
}
