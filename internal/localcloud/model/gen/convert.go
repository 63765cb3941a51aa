package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/vodfleet/vodfleet/internal/localcloud/model"
)

// source is the part of botocore's format that the table is made from.
type source struct {
	Metadata struct {
		ServiceID string `json:"serviceId"`
	} `json:"metadata"`
	Operations map[string]struct {
		HTTP struct {
			Method       string `json:"method"`
			RequestURI   string `json:"requestUri"`
			ResponseCode int    `json:"responseCode"`
		} `json:"http"`
		Input  *use  `json:"input"`
		Output *use  `json:"output"`
		Errors []use `json:"errors"`
	} `json:"operations"`
	Shapes map[string]struct {
		Type      string         `json:"type"`
		Members   map[string]use `json:"members"`
		Required  []string       `json:"required"`
		Payload   string         `json:"payload"`
		Enum      []string       `json:"enum"`
		Min       *float64       `json:"min"`
		Max       *float64       `json:"max"`
		Pattern   string         `json:"pattern"`
		Member    *use           `json:"member"`
		Key       *use           `json:"key"`
		Value     *use           `json:"value"`
		Flattened bool           `json:"flattened"`
		Error     struct {
			HTTPStatusCode int `json:"httpStatusCode"`
		} `json:"error"`
	} `json:"shapes"`
}

type use struct {
	Shape        string `json:"shape"`
	LocationName string `json:"locationName"`
	Location     string `json:"location"`
	Flattened    bool   `json:"flattened"`
}

// rangeName finds the range in names such as __doubleMinNegative60Max6: the
// models give integers' ranges as numbers too, doubles' in the name alone.
var rangeName = regexp.MustCompile(`^__double(?:Min(Negative)?(\d+))?(?:Max(Negative)?(\d+))?$`)

func convert(src *source, serve []string) (*model.Model, error) {
	m := &model.Model{
		Service:    src.Metadata.ServiceID,
		Operations: make(map[string]model.Operation),
		Shapes:     make(map[string]*model.Shape),
	}
	for name, o := range src.Operations {
		uri, query, _ := strings.Cut(o.HTTP.RequestURI, "?")
		m.Operations[name] = model.Operation{Method: o.HTTP.Method, URI: uri, Query: query, Status: o.HTTP.ResponseCode}
	}
	for _, name := range serve {
		o, ok := src.Operations[name]
		if !ok {
			return nil, fmt.Errorf("no operation %q", name)
		}
		op := m.Operations[name]
		op.Served = true
		if o.Input != nil {
			op.Input = keep(src, m, o.Input.Shape)
		}
		if o.Output != nil {
			op.Output = keep(src, m, o.Output.Shape)
		}
		for _, e := range o.Errors {
			op.Errors = append(op.Errors, keep(src, m, e.Shape))
		}
		m.Operations[name] = op
	}
	return m, nil
}

// keep puts a shape and all it reaches into the table and returns its name.
func keep(src *source, m *model.Model, name string) string {
	if m.Shapes[name] != nil {
		return name
	}
	from := src.Shapes[name]
	s := &model.Shape{
		Type: from.Type, Required: from.Required, Payload: from.Payload, Enum: from.Enum,
		Min: from.Min, Max: from.Max, Pattern: from.Pattern, Flat: from.Flattened, Status: from.Error.HTTPStatusCode,
	}
	m.Shapes[name] = s
	if s.Type == "double" && s.Min == nil && s.Max == nil {
		if r := rangeName.FindStringSubmatch(name); r != nil {
			s.Min, s.Max = bound(r[1], r[2]), bound(r[3], r[4])
		}
	}
	if len(from.Members) > 0 {
		s.Members = make(map[string]model.Member, len(from.Members))
	}
	for member, u := range from.Members {
		s.Members[member] = *memberUse(src, m, &u, member)
	}
	s.Item, s.Key, s.Value = memberUse(src, m, from.Member, ""), memberUse(src, m, from.Key, ""), memberUse(src, m, from.Value, "")
	return name
}

// memberUse converts one use of a shape; own is the name it has without a locationName.
func memberUse(src *source, m *model.Model, u *use, own string) *model.Member {
	if u == nil {
		return nil
	}
	out := &model.Member{Shape: keep(src, m, u.Shape), Location: u.Location, Flat: u.Flattened}
	if u.LocationName != own {
		out.Name = u.LocationName
	}
	return out
}

func bound(negative, digits string) *float64 {
	v, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return nil
	}
	if negative != "" {
		v = -v
	}
	return &v
}
