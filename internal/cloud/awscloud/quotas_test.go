package awscloud_test

import (
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/awscloud"
)

func TestQuotas(t *testing.T) {
	c, f := account(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if !strings.Contains(string(body), "NextToken") {
			io.WriteString(w, `{"NextToken":"2","Quotas":[{"QuotaCode":"L-0EB971DE","Value":5},{"QuotaCode":"L-CD746D2B","Value":200},{"QuotaCode":"L-FFFFFFFF","Value":9}]}`)
			return
		}
		io.WriteString(w, `{"Quotas":[{"QuotaCode":"L-2C57B94C","Value":0.5},{"QuotaCode":"L-2D1D110F","Value":0}]}`)
	})
	got, err := c.Quotas(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]awscloud.Quota{
		"CreateJob": {PerSecond: new(5.0), Burst: new(200)}, "Probe": {PerSecond: new(0.5)}, "CancelJob": {PerSecond: new(0.0)},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Quotas = %v, want %v", got, want)
	}
	if target := f.last().Header.Get("X-Amz-Target"); target != "ServiceQuotasV20190624.ListServiceQuotas" {
		t.Errorf("asked for %s", target)
	}
}

func TestQuotasDenied(t *testing.T) {
	c, _ := account(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"__type":"AccessDeniedException","Message":"no"}`)
	})
	if _, err := c.Quotas(t.Context()); !errors.Is(err, cloud.ErrDenied) {
		t.Errorf("Quotas = %v, want denied", err)
	}
}
