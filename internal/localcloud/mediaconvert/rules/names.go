package rules

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"time"
)

// Variables are what the format identifiers of destinations and name
// modifiers stand for (user guide, "Using variables in your job settings").
type Variables struct {
	FileName      string    // $fn$: the input's name without its extension
	Extension     string    // $ex$
	Time          time.Time // $dt$, $d$, $t$: the job's start, UTC
	JobID         string    // $jid$
	Width, Height int       // $w$, $h$
	FrameRate     float64   // $f$
	Bitrate       int       // $rv$: bits per second
}

// Expand replaces the variables of template. $$ is a dollar sign; any other
// word between dollar signs is refused.
func Expand(template string, v Variables) (string, error) {
	var out strings.Builder
	for rest := template; ; {
		before, after, found := strings.Cut(rest, "$")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		word, tail, closed := strings.Cut(after, "$")
		if !closed {
			return "", fmt.Errorf("%q has a variable without its end", template)
		}
		value, err := v.value(word)
		if err != nil {
			return "", fmt.Errorf("%q: %w", template, err)
		}
		out.WriteString(value)
		rest = tail
	}
}

func (v Variables) value(word string) (string, error) {
	switch word {
	case "":
		return "$", nil
	case "fn":
		return v.FileName, nil
	case "ex":
		return v.Extension, nil
	case "dt":
		return v.Time.UTC().Format("20060102T150405"), nil
	case "d":
		return v.Time.UTC().Format("20060102"), nil
	case "t":
		return v.Time.UTC().Format("150405"), nil
	case "jid":
		return v.JobID, nil
	case "w":
		return itoa(v.Width), nil
	case "h":
		return itoa(v.Height), nil
	case "f":
		return fmt.Sprintf("%.0f", v.FrameRate), nil
	case "rv":
		return fmt.Sprintf("%dk", v.Bitrate/1000), nil
	}
	return "", fmt.Errorf("unknown variable $%s$", word)
}

// Destination judges a destination's form.
func Destination(uri string) error {
	bucket, key, ok := SplitS3(uri)
	if !ok {
		return fmt.Errorf("%q is not an S3 URI with a bucket", uri)
	}
	if key == "" && !strings.HasSuffix(uri, "/") {
		return fmt.Errorf("%q names the bucket %s alone: want s3://%s/ at least", uri, bucket, bucket)
	}
	if len(key) > 1000 {
		return errors.New("destination is too long for an S3 key")
	}
	_, err := Expand(key, Variables{})
	return err
}

// InputName splits the name of an input into what $fn$ and $ex$ stand for.
func InputName(fileInput string) (name, extension string) {
	base := fileInput[strings.LastIndexByte(fileInput, '/')+1:]
	extension = path.Ext(base)
	return strings.TrimSuffix(base, extension), strings.TrimPrefix(extension, ".")
}

// Base gives the bucket, and the key up to the name modifier, that a group's
// files begin with. A destination that ends in / takes the input's name.
func Base(destination string, v Variables) (bucket, base string, err error) {
	bucket, key, ok := SplitS3(destination)
	if !ok {
		return "", "", fmt.Errorf("%q is not an S3 URI with a bucket", destination)
	}
	if base, err = Expand(key, v); err != nil {
		return "", "", err
	}
	if base == "" || strings.HasSuffix(base, "/") {
		base += v.FileName
	}
	return bucket, base, nil
}
