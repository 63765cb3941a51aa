package config

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"
)

// Dump returns the effective settings of a program by the names of its flags,
// for its log. Settings is a pointer to a struct as kong takes it. A field with
// the tag `secret:"value"` is shown as set or not at all, one with
// `secret:"url"` without what may be a credential.
func Dump(settings any) map[string]string {
	all := make(map[string]string)
	dump(all, reflect.ValueOf(settings).Elem())
	return all
}

func dump(all map[string]string, v reflect.Value) {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		switch {
		case field.Anonymous && value.Kind() == reflect.Struct:
			dump(all, value)
			continue
		case !field.IsExported():
			continue
		}
		name := field.Tag.Get("name")
		if _, positional := field.Tag.Lookup("arg"); name == "" || positional {
			name = kebab(field.Name)
		}
		text := fmt.Sprint(value.Interface())
		if s, ok := value.Addr().Interface().(fmt.Stringer); ok {
			text = s.String()
		}
		switch secret := field.Tag.Get("secret"); {
		case secret == "value" && text != "":
			text = "(set)"
		case secret == "url":
			text = bare(text)
		}
		all[name] = text
	}
}

// kebab is how kong names the flag of a field.
func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// plain is an authority and path in which no credential can be.
var plain = regexp.MustCompile(`^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?(,(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?)*(/[0-9]*)?$`)

// bare returns a Redis URL without user, password and options. Where it cannot
// be told which part is which, nothing is shown: it may be the password.
func bare(text string) string {
	const hidden = "(hidden)"
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz-") != "" {
		return hidden
	}
	rest, options, _ := strings.Cut(rest, "?")
	if strings.Contains(options, "@") {
		return hidden
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	if !plain.MatchString(rest) {
		return hidden
	}
	return scheme + "://" + rest
}
