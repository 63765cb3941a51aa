// Command gen makes a table of the constraints in a service's published API
// model: shapes, members, enumerations, ranges, patterns and operations,
// without the model's documentation texts.
//
//	go run ./model/gen -model mediaconvert-service-2.json.gz -out model/mediaconvert.json.gz -serve CreateJob,GetJob
//
// The input is botocore's service-2.json, plain or gzipped. Every operation is
// listed with its method and path; only shapes that the served operations
// reach are kept.
package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	from := flag.String("model", "", "service-2.json or service-2.json.gz to read")
	to := flag.String("out", "", "table to write, gzipped JSON")
	serve := flag.String("serve", "", "operations whose shapes are kept, comma separated")
	flag.Parse()
	if err := run(*from, *to, strings.Split(*serve, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(from, to string, serve []string) error {
	src, err := read(from)
	if err != nil {
		return fmt.Errorf("read %s: %w", from, err)
	}
	table, err := convert(src, serve)
	if err != nil {
		return fmt.Errorf("convert %s: %w", from, err)
	}
	body, err := json.Marshal(table)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	z, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // no time or name: the same input gives the same bytes
	if _, err := z.Write(body); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, out.Bytes(), 0o644)
}

func read(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var r io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			return nil, err
		}
	}
	src := new(source)
	return src, json.NewDecoder(r).Decode(src)
}
