package config

// OriginKind says what answers where the distribution has nothing in its caches.
type OriginKind struct {
	OriginKind string `name:"origin-kind" env:"VODFLEET_ORIGIN_KIND" default:"" enum:",s3,custom,iis" help:"What the distribution's origin is: s3 (the output bucket), custom (a server that mirrors it) or iis (one that streams Smooth by itself); empty: s3 or custom, as the distribution says, and doctor and workers ask a server whether it is IIS." placeholder:"KIND"`
}
