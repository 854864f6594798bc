// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// GTIDSet is a set of transactions: for each source, "uuid" or "uuid:tag", the
// intervals that it holds, sorted and apart. The form is that of the manual's
// "GTID Sets", with the tags of MySQL 8.3 and later.
type GTIDSet map[string][]Interval

// Interval of transaction numbers, both ends within it.
type Interval struct{ First, Last uint64 }

// ParseGTIDSet reads what @@gtid_executed shows.
func ParseGTIDSet(text string) (GTIDSet, error) {
	set := GTIDSet{}
	for part := range strings.SplitSeq(text, ",") {
		fields := strings.Split(strings.TrimSpace(part), ":")
		if fields[0] == "" {
			continue
		}
		source := strings.ToLower(fields[0])
		for _, field := range fields[1:] {
			field = strings.TrimSpace(field)
			first, last, ranged := strings.Cut(field, "-")
			low, err := strconv.ParseUint(first, 10, 64)
			if err != nil {
				if field == "" || ranged {
					return nil, fmt.Errorf("reading GTID set: %q is neither a number, a range nor a tag", field)
				}
				source = strings.ToLower(fields[0] + ":" + field)
				continue
			}
			high := low
			if ranged {
				if high, err = strconv.ParseUint(last, 10, 64); err != nil {
					return nil, fmt.Errorf("reading GTID set: %q: %w", field, err)
				}
			}
			if low == 0 || high < low {
				return nil, fmt.Errorf("reading GTID set: the range %q is empty", field)
			}
			set[source] = append(set[source], Interval{low, high})
		}
	}
	for source := range set {
		set[source] = normalise(set[source])
	}
	return set, nil
}

// normalise sorts intervals and joins those that touch.
func normalise(intervals []Interval) []Interval {
	slices.SortFunc(intervals, func(a, b Interval) int { return cmp.Compare(a.First, b.First) })
	var joined []Interval
	for _, interval := range intervals {
		if last := len(joined) - 1; last >= 0 && interval.First <= joined[last].Last+1 {
			joined[last].Last = max(joined[last].Last, interval.Last)
			continue
		}
		joined = append(joined, interval)
	}
	return joined
}

// Union holds the transactions of both.
func (s GTIDSet) Union(other GTIDSet) GTIDSet {
	all := GTIDSet{}
	for _, set := range []GTIDSet{s, other} {
		for source, intervals := range set {
			all[source] = normalise(append(slices.Clone(all[source]), intervals...))
		}
	}
	return all
}

// Minus holds what s has and other has not.
func (s GTIDSet) Minus(other GTIDSet) GTIDSet {
	rest := GTIDSet{}
	for source, intervals := range s {
		for _, interval := range intervals {
			if left := interval.minus(other[source]); len(left) > 0 {
				rest[source] = append(rest[source], left...)
			}
		}
	}
	return rest
}

// minus takes sorted intervals out of one.
func (i Interval) minus(others []Interval) []Interval {
	var left []Interval
	for _, other := range others {
		if other.Last < i.First || other.First > i.Last {
			continue
		}
		if other.First > i.First {
			left = append(left, Interval{i.First, other.First - 1})
		}
		if other.Last >= i.Last {
			return left
		}
		i.First = other.Last + 1
	}
	return append(left, i)
}

// Within says whether other has all of s.
func (s GTIDSet) Within(other GTIDSet) bool { return s.Minus(other).Empty() }

// Empty says whether there is no transaction in it.
func (s GTIDSet) Empty() bool { return len(s) == 0 }

// Count is how many transactions are in it.
func (s GTIDSet) Count() uint64 {
	var count uint64
	for _, intervals := range s {
		for _, interval := range intervals {
			count += interval.Last - interval.First + 1
		}
	}
	return count
}

// String writes the set in MySQL's form.
func (s GTIDSet) String() string {
	var parts []string
	for _, source := range slices.Sorted(maps.Keys(s)) {
		part := source
		for _, interval := range s[source] {
			part += ":" + strconv.FormatUint(interval.First, 10)
			if interval.Last > interval.First {
				part += "-" + strconv.FormatUint(interval.Last, 10)
			}
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ",")
}
