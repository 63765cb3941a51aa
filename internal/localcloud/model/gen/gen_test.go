package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// published is a model in botocore's form, with texts.
const published = `{
 "metadata": {"serviceId": "Kiln", "documentation": "a text"},
 "operations": {
  "Fire": {"documentation": "a text", "http": {"method": "POST", "requestUri": "/fires?now", "responseCode": 201},
   "input": {"shape": "FireRequest"}, "output": {"shape": "Fire"}, "errors": [{"shape": "Busy"}]},
  "Rest": {"documentation": "a text", "http": {"method": "GET", "requestUri": "/rests/{Id}", "responseCode": 200}, "input": {"shape": "Unreached"}}
 },
 "shapes": {
  "FireRequest": {"type": "structure", "documentation": "a text", "required": ["Heat"], "members": {
   "Heat": {"shape": "__doubleMinNegative60Max6", "locationName": "heat", "documentation": "a text"},
   "Glaze": {"shape": "Glaze"}, "Again": {"shape": "FireRequest"}, "Trace": {"shape": "__string", "location": "header", "locationName": "X-Trace"}}},
  "Fire": {"type": "structure", "members": {"Pots": {"shape": "Pots"}}, "payload": "Pots"},
  "Pots": {"type": "list", "flattened": true, "min": 1, "max": 3, "member": {"shape": "__string", "locationName": "Pot"}},
  "Glaze": {"type": "string", "documentation": "a text", "enum": ["CLEAR", "ASH"]},
  "Busy": {"type": "structure", "members": {}, "error": {"httpStatusCode": 409}, "exception": true},
  "__string": {"type": "string", "pattern": "^[a-z]+$", "deprecatedMessage": "a text"},
  "__doubleMinNegative60Max6": {"type": "double"},
  "Unreached": {"type": "structure", "members": {}}
 }
}`

const table = `{"service":"Kiln","operations":{` +
	`"Fire":{"method":"POST","uri":"/fires","query":"now","status":201,"input":"FireRequest","output":"Fire","errors":["Busy"],"served":true},` +
	`"Rest":{"method":"GET","uri":"/rests/{Id}","status":200}},"shapes":{` +
	`"Busy":{"type":"structure","status":409},` +
	`"Fire":{"type":"structure","members":{"Pots":{"shape":"Pots"}},"payload":"Pots"},` +
	`"FireRequest":{"type":"structure","members":{"Again":{"shape":"FireRequest"},"Glaze":{"shape":"Glaze"},"Heat":{"shape":"__doubleMinNegative60Max6","name":"heat"},"Trace":{"shape":"__string","name":"X-Trace","location":"header"}},"required":["Heat"]},` +
	`"Glaze":{"type":"string","enum":["CLEAR","ASH"]},` +
	`"Pots":{"type":"list","min":1,"max":3,"item":{"shape":"__string","name":"Pot"},"flat":true},` +
	`"__doubleMinNegative60Max6":{"type":"double","min":-60,"max":6},` +
	`"__string":{"type":"string","pattern":"^[a-z]+$"}}}`

func TestRun(t *testing.T) {
	dir := t.TempDir()
	plain, zipped, out := filepath.Join(dir, "service-2.json"), filepath.Join(dir, "service-2.json.gz"), filepath.Join(dir, "table.json.gz")
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	if _, err := w.Write([]byte(published)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, plain, []byte(published))
	write(t, zipped, z.Bytes())
	var first []byte
	for _, from := range []string{plain, zipped} {
		if err := run(from, out, []string{"Fire"}); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := unzip(t, b); got != table {
			t.Errorf("table of %s:\n%s\nwant\n%s", filepath.Base(from), got, table)
		}
		if first != nil && !bytes.Equal(first, b) {
			t.Error("the same model gives other bytes")
		}
		first = b
	}
	if err := run(plain, out, []string{"Glow"}); err == nil || !strings.Contains(err.Error(), `no operation "Glow"`) {
		t.Errorf("an unknown operation: %v", err)
	}
}

// TestTablesHaveNoTexts looks through the tables that are in use for members
// that models keep texts in, and for anything that reads like one.
func TestTablesHaveNoTexts(t *testing.T) {
	for _, name := range []string{"mediaconvert", "cloudfront", "sqs"} {
		b, err := os.ReadFile(filepath.Join("..", name+".json.gz"))
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal([]byte(unzip(t, b)), &v); err != nil {
			t.Fatal(err)
		}
		look(t, name, v)
	}
	if !text("The number of fires.") || text("^[a-z ]+$") || text("/2020-05-31/distribution/{Id}") {
		t.Error("text takes one for the other")
	}
}

func look(t *testing.T, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for key, each := range v {
			if key == "documentation" || key == "deprecatedMessage" {
				t.Errorf("%s has %s", path, key)
			}
			look(t, path+"/"+key, each)
		}
	case []any:
		for _, each := range v {
			look(t, path, each)
		}
	case string:
		if !strings.HasSuffix(path, "/pattern") && text(v) {
			t.Errorf("%s reads like a text: %s", path, v)
		}
	}
}

// text reports whether s has words with spaces between them.
func text(s string) bool { return len(strings.Fields(s)) > 2 }

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func unzip(t *testing.T, b []byte) string {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
