package cloudfront

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/vodfleet/vodfleet/internal/localcloud/calls"
	"github.com/vodfleet/vodfleet/internal/localcloud/clock"
)

// invalidate asks for a batch and returns its ID, or the error's code.
func (s *stand) invalidate(t *testing.T, ref string, paths ...string) string {
	t.Helper()
	out, err := s.CreateInvalidation(t.Context(), &sdk.CreateInvalidationInput{
		DistributionId:    aws.String(FirstID),
		InvalidationBatch: &types.InvalidationBatch{CallerReference: &ref, Paths: &types.Paths{Quantity: aws.Int32(int32(len(paths))), Items: paths}},
	})
	if err != nil {
		return code(err)
	}
	return *out.Invalidation.Id
}

// paths makes n different ones.
func paths(n int, format string) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf(format, i)
	}
	return list
}

func TestInvalidationStates(t *testing.T) {
	s := newStand(t, func(c *Config) { c.Invalidate = time.Minute })
	id := s.invalidate(t, "r", "/b", "/a*")
	status := func() string {
		got, err := s.GetInvalidation(t.Context(), &sdk.GetInvalidationInput{DistributionId: aws.String(FirstID), Id: &id})
		if err != nil {
			t.Fatal(err)
		}
		d, err := s.GetDistribution(t.Context(), &sdk.GetDistributionInput{Id: aws.String(FirstID)})
		if err != nil {
			t.Fatal(err)
		}
		list, next, _ := s.service.Purges(0)
		return fmt.Sprint(*got.Invalidation.Status, " ", *d.Distribution.InProgressInvalidationBatches, " ", len(list), " ", next)
	}
	for _, tt := range []struct {
		wait time.Duration
		want string // status, in progress, purges of the edge
	}{{0, "InProgress 1 0 0"}, {59 * time.Second, "InProgress 1 0 0"}, {time.Second, "Completed 0 1 1"}} {
		s.clock.t = s.clock.t.Add(tt.wait)
		if got := status(); got != tt.want {
			t.Errorf("after %v: %s, want %s", tt.wait, got, tt.want)
		}
	}
	if list, _, _ := s.service.Purges(0); !reflect.DeepEqual(list, []Purge{{FirstID, []string{"/b", "/a*"}, s.clock.t}}) {
		t.Errorf("purges %+v", list)
	}
	if again := s.invalidate(t, "r", "/a*", "/b"); again != id {
		t.Errorf("the same reference and paths: %s, want %s", again, id)
	}
	if got := s.invalidate(t, "r", "/b"); got != "InvalidationBatchAlreadyExists" {
		t.Errorf("the same reference and other paths: %s", got)
	}

	// The same over a restart.
	next, err := New(s.service.cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(next.Handler())
	defer srv.Close()
	after := &stand{client(srv.URL), next, s.clock, srv.URL}
	if again := after.invalidate(t, "r", "/b", "/a*"); again != id {
		t.Errorf("after a restart: %s, want %s", again, id)
	}
}

func TestInvalidationQuotas(t *testing.T) {
	type step struct {
		wait  time.Duration
		paths []string
		want  string // code of the error; empty: made
	}
	full, wild := paths(3000, "/a/%d"), paths(15, "/w/%d*")
	const many = "TooManyInvalidationsInProgress"
	for _, tt := range []struct {
		name    string
		steps   []step
		highest Load
		refused int
	}{
		{"3,000 paths", []step{{0, full, ""}, {0, []string{"/b"}, many}, {4 * time.Second, []string{"/b"}, many}, {time.Second, full[:2999], ""}, {0, []string{"/b"}, ""}, {0, []string{"/c"}, many}}, Load{2, 3000, 0}, 3},
		{"in parts", []step{{0, full[:1500], ""}, {time.Second, full[1500:], ""}, {4 * time.Second, full[:1500], ""}, {0, []string{"/b"}, many}}, Load{2, 3000, 0}, 1},
		{"3,001 paths", []step{{0, append(slices.Clone(full), "/b"), "BatchTooLarge"}}, Load{}, 0},
		{"15 wildcards", []step{{0, wild, ""}, {0, []string{"/b*"}, many}, {0, []string{"/b"}, ""}, {5 * time.Second, []string{"/b*"}, ""}}, Load{2, 1, 15}, 1},
		{"16 wildcards", []step{{0, append(slices.Clone(wild), "/b*"), many}}, Load{}, 1},
		{"both", []step{{0, append(slices.Clone(full[:2985]), wild...), ""}, {0, full[2985:], ""}, {0, []string{"/*"}, many}}, Load{2, 3000, 15}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStand(t)
			made := Load{}
			for i, st := range tt.steps {
				s.clock.t = s.clock.t.Add(st.wait)
				got := s.invalidate(t, fmt.Sprint("r", i), st.paths...)
				if s.service.refs[refKey(FirstID, fmt.Sprint("r", i))] != nil {
					made.add(&invalidation{Paths: st.paths}, 1)
					got = ""
				}
				if got != st.want {
					t.Errorf("step %d: %q, want %q", i, got, st.want)
				}
			}
			check := func(a Account, when string) {
				t.Helper()
				if a.Distribution != FirstID || a.Highest != tt.highest || a.Total != made || len(a.Batches) != made.Batches {
					t.Errorf("%s: %s with %+v, at most %+v, %d batches; want %+v, at most %+v", when, a.Distribution, a.Total, a.Highest, len(a.Batches), made, tt.highest)
				}
			}
			a := s.service.Accounts()[0]
			if check(a, "at the end"); a.Refused != tt.refused {
				t.Errorf("%d refused, want %d", a.Refused, tt.refused)
			}
			s.clock.t = s.clock.t.Add(time.Minute)
			if a := s.service.Accounts()[0]; a.InProgress != (Load{}) {
				t.Errorf("a minute later %+v are in progress", a.InProgress)
			}
			again, err := New(s.service.cfg)
			if err != nil {
				t.Fatal(err)
			}
			check(again.Accounts()[0], "after a restart")
		})
	}
}

func TestInvalidationPaths(t *testing.T) {
	for path, want := range map[string]string{
		"/":                             "",
		"/*":                            "",
		"/a/b.m3u8":                     "",
		"/a%20b%C3%BC":                  "",
		"/a?x=y&z":                      "",
		"/a'b(c),d":                     "",
		"/" + strings.Repeat("a", 3999): "",
		"/" + strings.Repeat("a", 4000): "InvalidArgument",
		"a":                             "InvalidArgument",
		"/a*b":                          "InvalidArgument",
		"/**":                           "InvalidArgument",
		"/a b":                          "InvalidArgument",
		"/ü":                            "InvalidArgument",
		"/a%2":                          "InvalidArgument",
		"/a[b]":                         "InvalidArgument",
	} {
		s := newStand(t)
		got := s.invalidate(t, "r", path)
		if len(s.service.batches[FirstID]) == 1 {
			got = ""
		}
		if got != want {
			t.Errorf("%.20s: %q, want %q", path, got, want)
		}
	}
}

// TestFaults has faults injected as the administration does.
func TestFaults(t *testing.T) {
	rec, err := calls.New(t.TempDir(), clock.New(1))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	s := newStand(t, func(c *Config) { c.Calls = rec })
	for _, tt := range []struct {
		fault  calls.Fault
		code   string
		status int
	}{
		{calls.Fault{Kind: calls.KindThrottle}, "Throttling", 400}, // in no model, and seen
		{calls.Fault{Kind: calls.KindError, Code: 503}, "ServiceUnavailable", 503},
		{calls.Fault{Kind: calls.KindError, Code: 403}, "AccessDenied", 403},
		{calls.Fault{Kind: calls.KindError}, "InternalError", 500},
	} {
		tt.fault.API, tt.fault.Rate, tt.fault.Times = "cloudfront.CreateInvalidation", 1, 1
		if err := rec.SetFaults([]calls.Fault{tt.fault}); err != nil {
			t.Fatal(err)
		}
		_, err := s.CreateInvalidation(t.Context(), &sdk.CreateInvalidationInput{
			DistributionId:    aws.String(FirstID),
			InvalidationBatch: &types.InvalidationBatch{CallerReference: aws.String("r"), Paths: &types.Paths{Quantity: aws.Int32(1), Items: []string{"/a"}}},
		})
		resp, _ := errors.AsType[*awshttp.ResponseError](err)
		if code(err) != tt.code || resp == nil || resp.HTTPStatusCode() != tt.status {
			t.Errorf("%s %d: %v, want %s with %d", tt.fault.Kind, tt.fault.Code, err, tt.code, tt.status)
		}
	}
	if id := s.invalidate(t, "r", "/a"); !strings.HasPrefix(id, "I") || len(s.service.Accounts()[0].Batches) != 1 {
		t.Errorf("after the faults: %s, %+v", id, s.service.Accounts()[0])
	}
	if got := rec.Counts()["cloudfront.CreateInvalidation"]; got["400"] != 1 || got["503"] != 1 || got[fmt.Sprint(http.StatusCreated)] != 1 {
		t.Errorf("calls %v", got)
	}
}
