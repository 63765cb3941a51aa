package cloudfront

// normalize completes a configuration with the members that the service adds
// to what a client left out, in the order in which it answers. What the client
// sent is kept as it is, also members that nothing here acts on.
func normalize(cfg *node) {
	complete(cfg, []*node{
		list("Aliases"),
		leaf("DefaultRootObject", ""),
		list("OriginGroups"),
		list("CacheBehaviors"),
		list("CustomErrorResponses"),
		leaf("Comment", ""),
		el("Logging"),
		leaf("PriceClass", "PriceClass_All"),
		el("ViewerCertificate"),
		el("Restrictions", el("GeoRestriction", leaf("RestrictionType", "none"), leaf("Quantity", 0))),
		leaf("WebACLId", ""),
		leaf("HttpVersion", "http2"),
		leaf("IsIPV6Enabled", false),
		leaf("ContinuousDeploymentPolicyId", ""),
		leaf("Staging", false),
	}, configOrder)
	complete(cfg.child("Logging"), []*node{
		leaf("Enabled", false), leaf("IncludeCookies", false), leaf("Bucket", ""), leaf("Prefix", ""),
	}, nil)
	certificate(cfg.child("ViewerCertificate"))
	for _, o := range cfg.items("Origins") {
		normalizeOrigin(o)
	}
	normalizeBehavior(cfg.child("DefaultCacheBehavior"))
	for _, b := range cfg.items("CacheBehaviors") {
		normalizeBehavior(b)
	}
}

var configOrder = []string{
	"CallerReference", "Aliases", "DefaultRootObject", "Origins", "OriginGroups", "DefaultCacheBehavior",
	"CacheBehaviors", "CustomErrorResponses", "Comment", "Logging", "PriceClass", "Enabled", "ViewerCertificate",
	"Restrictions", "WebACLId", "HttpVersion", "IsIPV6Enabled", "ContinuousDeploymentPolicyId", "Staging",
}

var originOrder = []string{"Id", "DomainName", "OriginPath", "CustomHeaders", "S3OriginConfig", "CustomOriginConfig"}

var behaviorOrder = []string{
	"PathPattern", "TargetOriginId", "TrustedSigners", "TrustedKeyGroups", "ViewerProtocolPolicy", "AllowedMethods",
	"SmoothStreaming", "Compress", "LambdaFunctionAssociations", "FunctionAssociations", "FieldLevelEncryptionId",
}

// certificate fills in what the service reports for the default certificate.
func certificate(n *node) {
	switch {
	case n.str("ACMCertificateArn") != "":
		n.add(leaf("SSLSupportMethod", "sni-only"))
		n.add(leaf("MinimumProtocolVersion", "TLSv1.2_2021"))
		n.add(leaf("Certificate", n.str("ACMCertificateArn")))
		n.add(leaf("CertificateSource", "acm"))
	case n.str("IAMCertificateId") != "":
		n.add(leaf("SSLSupportMethod", "sni-only"))
		n.add(leaf("MinimumProtocolVersion", "TLSv1.2_2021"))
		n.add(leaf("Certificate", n.str("IAMCertificateId")))
		n.add(leaf("CertificateSource", "iam"))
	default:
		n.add(leaf("CloudFrontDefaultCertificate", true))
		n.add(leaf("SSLSupportMethod", "vip"))
		n.add(leaf("MinimumProtocolVersion", "TLSv1"))
		n.add(leaf("CertificateSource", "cloudfront"))
	}
}

func normalizeOrigin(o *node) {
	complete(o, []*node{
		leaf("OriginPath", ""),
		list("CustomHeaders"),
		leaf("ConnectionAttempts", 3),
		leaf("ConnectionTimeout", 10),
		el("OriginShield", leaf("Enabled", false)),
		leaf("OriginAccessControlId", ""),
	}, originOrder)
	if c := o.child("CustomOriginConfig"); c != nil {
		c.add(list("OriginSslProtocols", texts("SslProtocol", "TLSv1", "TLSv1.1", "TLSv1.2")...))
		c.add(leaf("OriginReadTimeout", 30))
		c.add(leaf("OriginKeepaliveTimeout", 5))
	}
}

func normalizeBehavior(b *node) {
	if b == nil {
		return
	}
	complete(b, []*node{
		el("TrustedSigners", leaf("Enabled", false), leaf("Quantity", 0)),
		el("TrustedKeyGroups", leaf("Enabled", false), leaf("Quantity", 0)),
		list("AllowedMethods", texts("Method", "HEAD", "GET")...),
		leaf("SmoothStreaming", false),
		leaf("Compress", false),
		list("LambdaFunctionAssociations"),
		list("FunctionAssociations"),
		leaf("FieldLevelEncryptionId", ""),
		el("GrpcConfig", leaf("Enabled", false)),
	}, behaviorOrder)
	b.child("AllowedMethods").add(list("CachedMethods", texts("Method", "HEAD", "GET")...))
	if fv := b.child("ForwardedValues"); fv != nil {
		fv.add(list("Headers"))
		fv.add(list("QueryStringCacheKeys"))
		b.add(leaf("MinTTL", 0))
		b.add(leaf("DefaultTTL", 86400))
		b.add(leaf("MaxTTL", 31536000))
	}
}

// complete adds defaults to n and sorts its children by order; those that
// order does not name follow as they came.
func complete(n *node, defaults []*node, order []string) {
	if n == nil {
		return
	}
	for _, d := range defaults {
		n.add(d)
	}
	sorted := make([]*node, 0, len(n.kids))
	named := make(map[string]bool, len(order))
	for _, name := range order {
		named[name] = true
		if k := n.child(name); k != nil {
			sorted = append(sorted, k)
		}
	}
	for _, k := range n.kids {
		if !named[k.name] {
			sorted = append(sorted, k)
		}
	}
	n.kids = sorted
}
