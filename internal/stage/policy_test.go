package stage_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vodfleet/vodfleet/internal/cloud"
	"github.com/vodfleet/vodfleet/internal/cloud/memcloud"
	"github.com/vodfleet/vodfleet/internal/ledger"
	"github.com/vodfleet/vodfleet/internal/stage"
)

// s3Actions are what IAM asks for at each call of the store.
var s3Actions = map[string]string{
	"Store.Head": "s3:GetObject", "Store.Get": "s3:GetObject", "Store.GetRange": "s3:GetObject", "Store.Open": "s3:GetObject",
	"Store.Put": "s3:PutObject", "Store.Copy": "s3:PutObject", "Store.Delete": "s3:DeleteObject", "Store.List": "s3:ListBucket",
}

// workerPolicy denies the store's calls that deploy/iam/worker.json does not
// allow in the world's buckets.
func workerPolicy(t *testing.T) memcloud.Hook {
	text, err := os.ReadFile("../../deploy/iam/worker.json")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("${SOURCE_BUCKET}", source.Bucket, "${OUTPUT_BUCKET}/", output.Bucket+"/"+output.Key+"/",
		"${OUTPUT_BUCKET}", output.Bucket, "${LEDGER_BUCKET}/${LEDGER_PREFIX}", "ledger", "${LEDGER_BUCKET}", "ledger").Replace(string(text))
	var policy struct {
		Statement []struct{ Action, Resource any }
	}
	if err := json.Unmarshal([]byte(filled), &policy); err != nil {
		t.Fatal(err)
	}
	all := func(v any) []any {
		if list, ok := v.([]any); ok {
			return list
		}
		return []any{v}
	}
	return func(op, at string) error {
		want, ok := s3Actions[op]
		if !ok {
			return nil
		}
		arn := strings.Replace(at, "s3://", "arn:aws:s3:::", 1)
		if bucket, _, ok := strings.Cut(arn, "/"); ok && want == "s3:ListBucket" {
			arn = bucket
		}
		for _, s := range policy.Statement {
			for _, action := range all(s.Action) {
				for _, r := range all(s.Resource) {
					prefix, wild := strings.CutSuffix(fmt.Sprint(r), "*")
					if action == want && (arn == prefix || wild && strings.HasPrefix(arn, prefix)) {
						return nil
					}
				}
			}
		}
		return &cloud.Error{Op: op, Object: at, Kind: cloud.ErrDenied}
	}
}

// What deploy/iam/worker.json allows is enough from an asset's first publication
// to the end of its removal.
func TestWorkerPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, memcloud.Options{})
		allow := workerPolicy(t)
		w.mem.SetHooks(memcloud.Hooks{Before: func(op, at string) error {
			err := allow(op, at)
			if err != nil {
				t.Error(err)
			}
			return err
		}})
		w.become("one")
		w.become("two")
		time.Sleep(grace)
		w.become("three")
		if _, err := stage.Remove(t.Context(), w.book, w.queue, w.asset(), source, "rights"); err != nil {
			t.Fatal(err)
		}
		w.drain()
		if r := w.record(); r.Status() != "removed" {
			t.Errorf("the asset is %s\n%s", r.Status(), history(r))
		}
		for _, b := range w.record().Builds {
			if b.State != ledger.Retired {
				t.Errorf("build %d is %s", b.Number, b.State)
			}
		}
	})
}
