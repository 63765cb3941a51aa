package config

// Mirror says where the distribution's origin is, if that is not the output.
type Mirror struct {
	Origin URL `name:"origin-url" env:"VODFLEET_ORIGIN_URL" help:"URL under which the distribution's origin, a server of your own that mirrors the output, has what is written there; empty: the origin is the output itself. Nothing is shown before it has arrived there." placeholder:"URL"`
}
