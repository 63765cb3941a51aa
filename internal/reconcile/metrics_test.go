package reconcile

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// gather returns the metrics of a collector by name and label.
func gather(t *testing.T, c prometheus.Collector) map[string]float64 {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var name strings.Builder
			name.WriteString(f.GetName())
			for _, l := range m.GetLabel() {
				name.WriteString(" " + l.GetValue())
			}
			all[name.String()] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return all
}
