package e2e

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// actions are what IAM asks for when an operation is called; see "Actions,
// resources, and condition keys" of each service in the Service Authorization
// Reference. A copy reads its source and writes its destination; CreateJob
// passes a role on.
var actions = map[string][]string{
	"s3.HeadObject":                 {"s3:GetObject", "s3:ListBucket"}, // without ListBucket, 403 for what is not there
	"s3.GetObject":                  {"s3:GetObject", "s3:ListBucket"},
	"s3.PutObject":                  {"s3:PutObject"},
	"s3.CopyObject":                 {"s3:GetObject", "s3:PutObject"},
	"s3.DeleteObject":               {"s3:DeleteObject"},
	"s3.DeleteObjects":              {"s3:DeleteObject"},
	"s3.ListObjectsV2":              {"s3:ListBucket"},
	"mediaconvert.CreateJob":        {"mediaconvert:CreateJob", "iam:PassRole"},
	"mediaconvert.GetJob":           {"mediaconvert:GetJob"},
	"mediaconvert.ListJobs":         {"mediaconvert:ListJobs"},
	"mediaconvert.CancelJob":        {"mediaconvert:CancelJob"},
	"mediaconvert.Probe":            {"mediaconvert:Probe"},
	"mediaconvert.GetJobTemplate":   {"mediaconvert:GetJobTemplate"},
	"cloudfront.GetDistribution":    {"cloudfront:GetDistribution"},
	"cloudfront.CreateInvalidation": {"cloudfront:CreateInvalidation"},
	"cloudfront.GetInvalidation":    {"cloudfront:GetInvalidation"},
	"sqs.ReceiveMessage":            {"sqs:ReceiveMessage"},
	"sqs.DeleteMessageBatch":        {"sqs:DeleteMessage"},

	"servicequotas.ListServiceQuotas": {"servicequotas:ListServiceQuotas"},
}

// setup are the operations of `enqueuer distribution`, which no worker calls.
var setup = map[string][]string{
	"cloudfront.CreateDistribution":          {"cloudfront:CreateDistribution"},
	"cloudfront.UpdateDistribution":          {"cloudfront:UpdateDistribution"},
	"cloudfront.ListDistributions":           {"cloudfront:ListDistributions"},
	"cloudfront.GetCachePolicy":              {"cloudfront:GetCachePolicy"},
	"cloudfront.CreateCachePolicy":           {"cloudfront:CreateCachePolicy"},
	"cloudfront.ListCachePolicies":           {"cloudfront:ListCachePolicies"},
	"cloudfront.GetOriginRequestPolicy":      {"cloudfront:GetOriginRequestPolicy"},
	"cloudfront.GetResponseHeadersPolicy":    {"cloudfront:GetResponseHeadersPolicy"},
	"cloudfront.CreateResponseHeadersPolicy": {"cloudfront:CreateResponseHeadersPolicy"},
	"cloudfront.ListResponseHeadersPolicies": {"cloudfront:ListResponseHeadersPolicies"},
	"cloudfront.CreateOriginAccessControl":   {"cloudfront:CreateOriginAccessControl"},
	"cloudfront.ListOriginAccessControls":    {"cloudfront:ListOriginAccessControls"},
}

// looks are the operations of `enqueuer doctor`, which no other program calls.
var looks = map[string][]string{
	"s3.GetBucketVersioning": {"s3:GetBucketVersioning"},
	"s3.GetBucketPolicy":     {"s3:GetBucketPolicy"},
	"mediaconvert.GetQueue":  {"mediaconvert:GetQueue"},
	"sqs.GetQueueAttributes": {"sqs:GetQueueAttributes"},
}

// operations reads from a package's source which operations of AWS it calls:
// methods of a field of a type that is an SDK's client.
func operations(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	clients := map[string]string{} // "TYPE.FIELD" to a service
	for _, f := range files {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.TypeSpec)
			if !ok {
				return true
			}
			if s, ok := spec.Type.(*ast.StructType); ok {
				for _, field := range s.Fields.List {
					if service := clientOf(field.Type); service != "" {
						for _, name := range field.Names {
							clients[spec.Name.Name+"."+name.Name] = service
						}
					}
				}
			}
			return true
		})
	}
	found := map[string]bool{}
	for _, f := range files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Recv == nil || len(fn.Recv.List[0].Names) == 0 {
				continue
			}
			self, typ := fn.Recv.List[0].Names[0].Name, receiver(fn.Recv.List[0].Type)
			ast.Inspect(fn, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok {
					return true
				}
				method, ok := call.Fun.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				field, ok := method.X.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := field.X.(*ast.Ident); ok && x.Name == self {
					if service := clients[typ+"."+field.Sel.Name]; service != "" {
						found[service+"."+method.Sel.Name] = true
					}
				}
				return true
			})
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// clientOf returns "s3" of *s3.Client.
func clientOf(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		if sel, ok := star.X.(*ast.SelectorExpr); ok && sel.Sel.Name == "Client" {
			if x, ok := sel.X.(*ast.Ident); ok {
				return x.Name
			}
		}
	}
	return ""
}

func receiver(e ast.Expr) string {
	if star, ok := e.(*ast.StarExpr); ok {
		e = star.X
	}
	if id, ok := e.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// policy is an IAM policy. One string stands for a list of one.
type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource any
		Principal        map[string]string
		Condition        map[string]map[string]string
	}
}

func list(v any) []string {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, s := range v {
			all = append(all, s.(string))
		}
		return all
	}
	return nil
}

// policies reads deploy/iam.
func policies(t *testing.T) map[string]policy {
	t.Helper()
	names, err := filepath.Glob("../../deploy/iam/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("policies: %q, %v", names, err)
	}
	all := map[string]policy{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var p policy
		d := json.NewDecoder(strings.NewReader(string(text)))
		d.DisallowUnknownFields()
		if err := d.Decode(&p); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".json")] = p
	}
	return all
}

func (p policy) actions() []string {
	var all []string
	for _, s := range p.Statement {
		all = append(all, list(s.Action)...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// TestPoliciesMatchSource: a worker may do what package awscloud calls, and no
// more; other programs may do a part of it.
func TestPoliciesMatchSource(t *testing.T) {
	called := operations(t, "../cloud/awscloud")
	known := slices.Sorted(maps.Keys(actions))
	known = slices.Sorted(slices.Values(slices.AppendSeq(slices.AppendSeq(known, maps.Keys(setup)), maps.Keys(looks))))
	if got, want := called, known; !slices.Equal(got, want) {
		t.Errorf("awscloud calls %q, and this test knows %q: give each operation its actions here and in deploy/iam, and drop what is gone", got, want)
	}
	var need []string
	for _, op := range called {
		need = append(need, actions[op]...)
	}
	slices.Sort(need)
	need = slices.Compact(need)
	all := policies(t)
	if got := all["worker"].actions(); !slices.Equal(got, need) {
		t.Errorf("worker.json allows %q, want %q", got, need)
	}
	need = []string{"cloudfront:GetDistribution", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}
	for _, a := range setup {
		need = append(need, a...)
	}
	slices.Sort(need)
	if got := all["distribution"].actions(); !slices.Equal(got, need) {
		t.Errorf("distribution.json allows %q, want %q", got, need)
	}
	need = []string{
		"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "servicequotas:ListServiceQuotas", "cloudfront:GetDistribution",
		"cloudfront:GetCachePolicy", "cloudfront:GetOriginRequestPolicy", "cloudfront:GetResponseHeadersPolicy", "mediaconvert:GetJobTemplate",
	}
	for _, a := range looks {
		need = append(need, a...)
	}
	slices.Sort(need)
	if got := all["doctor"].actions(); !slices.Equal(got, need) {
		t.Errorf("doctor.json allows %q, want %q", got, need)
	}
	for name, want := range map[string]string{
		"enqueuer":           "s3:GetObject s3:ListBucket s3:PutObject sqs:DeleteMessage sqs:ReceiveMessage",
		"reader":             "s3:GetObject s3:ListBucket",
		"library":            "s3:PutObject",
		"operator":           "cloudfront:GetCachePolicy cloudfront:GetDistribution mediaconvert:CancelJob mediaconvert:ListJobs s3:DeleteObject s3:GetObject s3:ListBucket s3:PutObject",
		"mediaconvert-trust": "sts:AssumeRole",
		"mediaconvert-role":  "s3:GetObject s3:PutObject",
		"bucket-output":      "s3:GetObject",
		"bucket-reports":     "s3:PutObject",
		"queue-events":       "sqs:SendMessage",
		"queue-uploads":      "sqs:SendMessage",
	} {
		if got := strings.Join(all[name].actions(), " "); got != want {
			t.Errorf("%s.json allows %q, want %q", name, got, want)
		}
	}
}

// TestPoliciesAreNarrow: nothing is allowed on everything but what knows no
// resources, and then in one region; roles and services are held to us.
func TestPoliciesAreNarrow(t *testing.T) {
	for name, p := range policies(t) {
		if p.Version != "2012-10-17" {
			t.Errorf("%s.json is of version %q", name, p.Version)
		}
		for _, s := range p.Statement {
			regional := true // services whose calls know no resources
			for _, action := range list(s.Action) {
				if strings.Contains(action, "*") {
					t.Errorf("%s.json, %s: action %s", name, s.Sid, action)
				}
				regional = regional && (strings.HasPrefix(action, "mediaconvert:") || action == "servicequotas:ListServiceQuotas" || strings.HasPrefix(action, "cloudfront:List"))
				bucket := action == "s3:ListBucket" || strings.HasPrefix(action, "s3:GetBucket")
				for _, r := range list(s.Resource) {
					if path := strings.Contains(strings.TrimPrefix(r, "arn:aws:s3:::"), "/"); strings.HasPrefix(action, "s3:") && path == bucket {
						t.Errorf("%s.json, %s: %s on %s, which is none of its resources", name, s.Sid, action, r)
					}
				}
				if action == "iam:PassRole" && s.Condition["StringEquals"]["iam:PassedToService"] != "mediaconvert.amazonaws.com" {
					t.Errorf("%s.json, %s: the role may be passed to any service", name, s.Sid)
				}
			}
			for _, r := range list(s.Resource) {
				if r == "*" && (!regional || s.Condition["StringEquals"]["aws:RequestedRegion"] == "") {
					t.Errorf("%s.json, %s: %v on everything", name, s.Sid, s.Action)
				}
			}
			if s.Effect != "Allow" {
				t.Errorf("%s.json, %s: effect %q", name, s.Sid, s.Effect)
			}
			if len(s.Principal) > 0 && len(s.Condition) == 0 {
				t.Errorf("%s.json, %s: a service of any account may", name, s.Sid)
			}
		}
	}
}

// TestWorkersResources: each action of a worker is allowed on what it is done
// to, and on nothing else.
func TestWorkersResources(t *testing.T) {
	const (
		source, output, ledger = "arn:aws:s3:::${SOURCE_BUCKET}", "arn:aws:s3:::${OUTPUT_BUCKET}", "arn:aws:s3:::${LEDGER_BUCKET}"
		media, watch, records  = output + "/media/*", output + "/watch/*", ledger + "/${LEDGER_PREFIX}/*"
	)
	want := map[string][]string{
		"s3:GetObject":    {source + "/*", media, watch, records},
		"s3:PutObject":    {media, watch, records},
		"s3:DeleteObject": {media, watch, records}, // of a removed asset the entries too
		"s3:ListBucket":   {source, output, ledger},

		"cloudfront:GetDistribution":    {"arn:aws:cloudfront::${ACCOUNT}:distribution/${DISTRIBUTION}"},
		"cloudfront:CreateInvalidation": {"arn:aws:cloudfront::${ACCOUNT}:distribution/${DISTRIBUTION}"},
		"cloudfront:GetInvalidation":    {"arn:aws:cloudfront::${ACCOUNT}:distribution/${DISTRIBUTION}"},
		"sqs:ReceiveMessage":            {"arn:aws:sqs:${AWS_REGION}:${ACCOUNT}:vodfleet-events"},
		"sqs:DeleteMessage":             {"arn:aws:sqs:${AWS_REGION}:${ACCOUNT}:vodfleet-events"},
		"iam:PassRole":                  {"arn:aws:iam::${ACCOUNT}:role/vodfleet-mediaconvert"},
	}
	got := map[string][]string{}
	for _, s := range policies(t)["worker"].Statement {
		for _, action := range list(s.Action) {
			got[action] = append(got[action], list(s.Resource)...)
		}
	}
	for action, resources := range got {
		if slices.Equal(resources, []string{"*"}) {
			continue // knows no resources: see TestPoliciesAreNarrow
		}
		slices.Sort(resources)
		if slices.Sort(want[action]); !slices.Equal(resources, want[action]) {
			t.Errorf("worker.json allows %s on %q, want %q", action, resources, want[action])
		}
		delete(want, action)
	}
	for action := range want {
		t.Errorf("worker.json does not allow %s on resources", action)
	}
}
