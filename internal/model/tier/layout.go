// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package tier says what a file tier is: how days are named, and what a node
// tells the others about the days that it holds.
package tier

import (
	"fmt"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Layout is how the directories of a tree are named after days, months or
// years: %Y, %m, %d and %j (the day of the year) as in strftime, anything else
// as it stands.
type Layout struct {
	pattern string
	levels  []*regexp.Regexp
}

var fields = map[byte]string{'Y': `(?P<Y>[0-9]{4})`, 'm': `(?P<m>[0-9]{2})`, 'd': `(?P<d>[0-9]{2})`, 'j': `(?P<j>[0-9]{3})`, '%': `%`}

// ParseLayout reads a layout such as %Y/%m/%d.
func ParseLayout(pattern string) (Layout, error) {
	layout := Layout{pattern: pattern}
	seen := map[byte]bool{}
	for level := range strings.SplitSeq(pattern, "/") {
		if level == "" || level == "." || level == ".." {
			return layout, fmt.Errorf("the layout %q has an empty directory name, or one that leads elsewhere", pattern)
		}
		var expression strings.Builder
		for i := 0; i < len(level); i++ {
			if level[i] != '%' {
				expression.WriteString(regexp.QuoteMeta(level[i : i+1]))
				continue
			}
			i++
			if i == len(level) || fields[level[i]] == "" {
				return layout, fmt.Errorf("the layout %q has a %% that is not followed by Y, m, d, j or %%", pattern)
			}
			if level[i] != '%' && seen[level[i]] {
				return layout, fmt.Errorf("the layout %q has %%%c twice", pattern, level[i])
			}
			seen[level[i]] = true
			expression.WriteString(fields[level[i]])
		}
		layout.levels = append(layout.levels, regexp.MustCompile("^"+expression.String()+"$"))
	}
	if !seen['Y'] || seen['d'] && !seen['m'] || seen['j'] && (seen['m'] || seen['d']) {
		return layout, fmt.Errorf("the layout %q names no day, month or year: use %%Y with %%m and %%d, %%Y with %%j, %%Y with %%m, or %%Y", pattern)
	}
	return layout, nil
}

// String gives the layout as it was written.
func (l Layout) String() string { return l.pattern }

// Expression is a regular expression of what a day's path is, and those of the
// directories that lead to it, without groups that have names.
func (l Layout) Expression() string {
	expression := ""
	for i := len(l.levels) - 1; i >= 0; i-- {
		level := plain.Replace(strings.TrimSuffix(strings.TrimPrefix(l.levels[i].String(), "^"), "$"))
		if expression != "" {
			expression = "(/" + expression + ")?"
		}
		expression = level + expression
	}
	return expression
}

// plain makes fields those of the oldest regular expressions.
var plain = strings.NewReplacer(
	fields['Y'], strings.Repeat("[0-9]", 4), fields['m'], strings.Repeat("[0-9]", 2), fields['d'], strings.Repeat("[0-9]", 2), fields['j'], strings.Repeat("[0-9]", 3))

// Depth is how many directories lie within one another.
func (l Layout) Depth() int { return len(l.levels) }

// Fits tells whether a name can be the directory on a level, counted from 0.
func (l Layout) Fits(level int, name string) bool { return l.levels[level].MatchString(name) }

// Day is one directory that moves as a whole: a day, or whatever span of time
// the layout names.
type Day struct {
	// Path is below the root of the tree.
	Path string
	// Ends is the first instant after it, in UTC.
	Ends time.Time
}

// Day reads a path, and tells whether it names an existing span of time.
func (l Layout) Day(at string) (Day, bool) {
	names := strings.Split(at, "/")
	if len(names) != len(l.levels) || path.Clean(at) != at {
		return Day{}, false
	}
	values := map[string]int{}
	for i, level := range l.levels {
		match := level.FindStringSubmatch(names[i])
		if match == nil {
			return Day{}, false
		}
		for j, field := range level.SubexpNames() {
			if field != "" {
				values[field], _ = strconv.Atoi(match[j])
			}
		}
	}
	ends, ok := end(values)
	return Day{Path: at, Ends: ends}, ok
}

func end(values map[string]int) (time.Time, bool) {
	month, ofMonth := values["m"]
	day, ofDay := values["d"]
	number, ofYear := values["j"]
	year := values["Y"]
	switch {
	case ofYear:
		begins := time.Date(year, time.January, number, 0, 0, 0, 0, time.UTC)
		return begins.AddDate(0, 0, 1), begins.Year() == year && number > 0
	case ofDay:
		begins := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
		return begins.AddDate(0, 0, 1), begins.Day() == day && int(begins.Month()) == month
	case ofMonth:
		begins := time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
		return begins.AddDate(0, 1, 0), int(begins.Month()) == month
	}
	return time.Date(year+1, time.January, 1, 0, 0, 0, 0, time.UTC), true
}

// LinkText is what a day's link says: the way from the day's place in the hot tree to its
// place in the archive. It is relative, so that the trees can be mounted elsewhere
// together, and the same on all nodes with the same paths.
func LinkText(hot, cold, day string) (string, error) {
	return filepath.Rel(filepath.Dir(filepath.Join(hot, day)), filepath.Join(cold, day))
}
