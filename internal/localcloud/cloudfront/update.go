package cloudfront

// checkUpdate refuses an update without the members that the service asks for
// in updates, though not where a distribution is made. Sources: "Required API
// fields for creating and updating distributions" in the CloudFront developer
// guide; of origins, which that has no table of, what the service was seen to
// refuse (terraform issue 13627, lambda-letsencrypt pull request 24). Nothing
// tells which of them a multi-tenant distribution needs.
func checkUpdate(cfg *node) error {
	if tenantOnly(cfg) {
		return nil
	}
	if err := needs(cfg, "Aliases", "DefaultRootObject", "CacheBehaviors", "CustomErrorResponses", "Logging", "PriceClass",
		"ViewerCertificate", "Restrictions", "WebACLId", "HttpVersion"); err != nil {
		return err
	}
	for _, o := range cfg.items("Origins") {
		if err := needs(o, "OriginPath", "CustomHeaders"); err != nil {
			return err
		}
		if c := o.child("CustomOriginConfig"); c != nil {
			if err := needs(c, "OriginSslProtocols", "OriginReadTimeout", "OriginKeepaliveTimeout"); err != nil {
				return err
			}
		}
	}
	behaviors := cfg.items("CacheBehaviors")
	for _, b := range append(behaviors[:len(behaviors):len(behaviors)], cfg.child("DefaultCacheBehavior")) {
		if err := needs(b, "AllowedMethods", "SmoothStreaming", "Compress", "LambdaFunctionAssociations", "FieldLevelEncryptionId"); err != nil {
			return err
		}
	}
	return nil
}

func needs(n *node, names ...string) error {
	for _, name := range names {
		if n.child(name) == nil {
			return bad("IllegalUpdate", "%s is required for updates.", name)
		}
	}
	return nil
}
