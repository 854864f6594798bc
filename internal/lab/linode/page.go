// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Page sizes of the API.
const (
	pageDefault  = 100
	pageSmallest = 25
	pageLargest  = 500
	pageFarthest = 1 << 20
)

// page answers with one page of what passes the request's X-Filter.
func page[T any](c *call, all []T) (any, *refusal) {
	rows, refused := filtered(c.Header.Get("X-Filter"), all)
	if refused != nil {
		return nil, refused
	}
	size, refused := number(c, "page_size", pageDefault, pageSmallest, pageLargest)
	if refused != nil {
		return nil, refused
	}
	pages := max(1, (len(rows)+size-1)/size)
	// A page beyond the end is empty, and no error: the official provider begins
	// with such a one.
	wanted, refused := number(c, "page", 1, 1, pageFarthest)
	if refused != nil {
		return nil, refused
	}
	part := rows[min(len(rows), (wanted-1)*size):min(len(rows), wanted*size)]
	return map[string]any{"data": part, "page": wanted, "pages": pages, "results": len(rows)}, nil
}

func number(c *call, name string, fallback, least, most int) (int, *refusal) {
	text := c.URL.Query().Get(name)
	if text == "" {
		return fallback, nil
	}
	value, err := strconv.Atoi(text)
	if err != nil || value < least || value > most {
		return 0, refuse(http.StatusBadRequest, name, fmt.Sprintf("Must be %d-%d", least, most))
	}
	return value, nil
}

// filtered applies an X-Filter header: the rows as objects, in its order.
func filtered[T any](header string, all []T) ([]map[string]any, *refusal) {
	rows := []map[string]any{}
	for _, row := range all {
		text, err := json.Marshal(row)
		if err != nil {
			return nil, refuse(http.StatusInternalServerError, "", err.Error())
		}
		object := map[string]any{}
		if err := json.Unmarshal(text, &object); err != nil {
			return nil, refuse(http.StatusInternalServerError, "", err.Error())
		}
		rows = append(rows, object)
	}
	if header == "" {
		return rows, nil
	}
	filter := map[string]any{}
	if err := json.Unmarshal([]byte(header), &filter); err != nil {
		return nil, refuse(http.StatusBadRequest, "X-Filter", "Invalid filter")
	}
	if len(rows) == 0 {
		return rows, nil
	}
	kept := rows[:0]
	for _, row := range rows {
		passes, unknown := matches(filter, row)
		if unknown != "" {
			return nil, refuse(http.StatusBadRequest, "X-Filter", "Cannot filter on "+unknown)
		}
		if passes {
			kept = append(kept, row)
		}
	}
	order(kept, filter)
	return kept, nil
}

func order(rows []map[string]any, filter map[string]any) {
	by, _ := filter["+order_by"].(string)
	if by == "" {
		return
	}
	slices.SortStableFunc(rows, func(a, b map[string]any) int {
		left, _ := lookup(a, by)
		right, _ := lookup(b, by)
		result := compare(left, right)
		if filter["+order"] == "desc" {
			return -result
		}
		return result
	})
}

// matches evaluates one filter object; unknown names a field that rows lack.
func matches(filter map[string]any, row map[string]any) (passes bool, unknown string) {
	for key, wanted := range filter {
		switch key {
		case "+order_by", "+order":
			continue
		case "+and", "+or":
			passes, unknown = matchesAll(wanted, row, key == "+or")
		default:
			value, known := lookup(row, key)
			if !known {
				return false, key
			}
			passes = satisfies(value, wanted)
		}
		if unknown != "" || !passes {
			return false, unknown
		}
	}
	return true, ""
}

func matchesAll(list any, row map[string]any, anyOf bool) (bool, string) {
	parts, _ := list.([]any)
	for _, part := range parts {
		filter, _ := part.(map[string]any)
		passes, unknown := matches(filter, row)
		if unknown != "" {
			return false, unknown
		}
		if passes == anyOf {
			return anyOf, ""
		}
	}
	return !anyOf, ""
}

// lookup finds a field, also inside of an object ("entity.id").
func lookup(row map[string]any, key string) (any, bool) {
	if value, found := row[key]; found {
		return value, true
	}
	first, rest, found := strings.Cut(key, ".")
	inner, isObject := row[first].(map[string]any)
	if !found || !isObject {
		// An event without an entity has none of its fields, but they exist.
		_, exists := row[first]
		return nil, found && exists
	}
	return lookup(inner, rest)
}

// satisfies compares a value with what a filter wants of it: a plain value, or
// an object of operators. A list satisfies when one of its elements does.
func satisfies(value, wanted any) bool {
	if elements, isList := value.([]any); isList {
		return slices.ContainsFunc(elements, func(element any) bool { return satisfies(element, wanted) })
	}
	operators, isObject := wanted.(map[string]any)
	if !isObject {
		return compare(value, wanted) == 0
	}
	for operator, operand := range operators {
		relation := compare(value, operand)
		ok := false
		switch operator {
		case "+gt":
			ok = relation > 0
		case "+gte":
			ok = relation >= 0
		case "+lt":
			ok = relation < 0
		case "+lte":
			ok = relation <= 0
		case "+neq":
			ok = relation != 0
		case "+contains":
			ok = strings.Contains(strings.ToLower(fmt.Sprint(value)), strings.ToLower(fmt.Sprint(operand)))
		}
		if !ok {
			return false
		}
	}
	return true
}

func compare(a, b any) int {
	left, isNumber := a.(float64)
	right, bothNumbers := b.(float64)
	if isNumber && bothNumbers {
		switch {
		case left < right:
			return -1
		case left > right:
			return 1
		}
		return 0
	}
	return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
}
