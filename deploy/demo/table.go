package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// Widths of columns, in characters; links are never wrapped.
const (
	nameWidth   = 28
	reasonWidth = 76
)

// printTable prints every asset with its state, and where it plays or why it
// does not.
func printTable(w io.Writer, assets []*asset, s *screen) {
	t := table.NewWriter()
	style := table.StyleRounded
	style.Format.Header = text.FormatDefault
	style.Options.SeparateRows = true
	t.SetStyle(style)
	t.AppendHeader(table.Row{"Video", "State", "Plays after", "Where, or why not"})
	t.SetColumnConfigs([]table.ColumnConfig{{Number: 3, Align: text.AlignRight}})
	sorted := slices.SortedFunc(slices.Values(assets), func(a, b *asset) int { return strings.Compare(a.key, b.key) })
	for _, a := range sorted {
		t.AppendRow(row(a, s))
	}
	fmt.Fprintln(w, t.Render())
}

func row(a *asset, s *screen) table.Row {
	state, after, where := a.state, "", text.WrapSoft(printable(a.reason), reasonWidth)
	if a.class != "" {
		state += ",\n" + words(string(a.class))
	}
	if a.state == "published" {
		where = strings.Join(links(a), "\n")
	}
	if !a.playable.IsZero() {
		after = fmt.Sprintf("%.1f s", a.playable.Sub(s.start).Seconds())
	}
	return table.Row{text.WrapSoft(printable(a.key), nameWidth), state, after, where}
}

func links(a *asset) []string {
	var all []string
	for _, l := range []struct{ name, url string }{
		{"HLS", a.urls.HLS}, {"DASH", a.urls.DASH}, {"Smooth", a.urls.Smooth},
	} {
		if l.url != "" {
			all = append(all, fmt.Sprintf("%-6s %s", l.name, l.url))
		}
	}
	if len(all) == 0 {
		all = append(all, a.entry())
	}
	return all
}
