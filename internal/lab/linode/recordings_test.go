// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// recorded is a conversation of linodego with the real API (go-vcr's form).
type recorded struct {
	Interactions []struct {
		Request struct {
			Body, Method, URL string
			Headers           http.Header
		}
		Response struct {
			Body    string
			Code    int
			Headers http.Header
		}
	}
}

// Differences that are known, with their reasons. Recordings are of several years;
// the emulator answers as the newest of them. Each has to occur.
var knownDifferences = map[string]string{
	"ours alone: .capabilities":                                                "an instance's key that came after the recording of 2023",
	"ours alone: .disk_encryption":                                             "an instance's key that came after the recording of 2023",
	"ours alone: .interface_generation":                                        "an instance's key that came after the recordings of 2023 and 2024",
	"ours alone: .lke_cluster_id":                                              "an instance's key that came after the recording of 2023",
	"ours alone: .placement_group":                                             "an instance's key that came after the recording of 2023",
	"ours alone: .site_type":                                                   "an instance's key that came after the recording of 2023",
	"ours alone: .specs.accelerated_devices":                                   "an instance's key that came after the recording of 2023",
	"ours alone: .data.monitors":                                               "a region's key that came after the recordings of 2023 and 2024",
	"ours alone: .data.site_type":                                              "a region's key that came after the recording of 2023",
	"ours alone: .data.placement_group_limits":                                 "a region's key that came after the recording of 2023",
	"ours alone: .data.placement_group_limits.maximum_linodes_per_flexible_pg": "a key that came after the recording of 2024",
	".capabilities is empty here":                                              "in 2024 an instance in ap-west had a capability that none has there in 2025",
}

// An id of any length is translated, and nothing else that is a number.
func TestReplayTranslatesEveryID(t *testing.T) {
	server := New(Options{Token: token})
	defer server.Close()
	ids := map[string]string{"1204": "7", "22": "8", "603804661": "9"}
	for text, want := range map[string]string{
		"https://api.linode.com/v4beta/linode/instances/1204/configs/22": "https://api.linode.com/v4beta/linode/instances/7/configs/8",
		`{"linode_id":1204,"size":1204,"ports":"22"}`:                    `{"linode_id":7,"size":1204,"ports":"22"}`,
		`{"linodes": [1204, 22]}`:                                        `{"linodes": [7, 8]}`,
		`{"entity.id":1204,"id":{"+gt":603804661}}`:                      `{"entity.id":7,"id":{"+gt":9}}`,
		"?page=1204": "?page=1204",
	} {
		if got := translate(server, text, ids); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestRecordingsReplayed(t *testing.T) {
	files, _ := filepath.Glob(reference(t, "linode-recordings/*.yaml"))
	if len(files) == 0 {
		t.Fatal("there are no recordings")
	}
	known := map[string]bool{}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var conversation recorded
			if err := yaml.Unmarshal(content, &conversation); err != nil {
				t.Fatal(err)
			}
			for _, line := range replay(t, conversation) {
				known[line] = true
			}
		})
	}
	for line, reason := range knownDifferences {
		if !known[line] {
			t.Errorf("%s (%s) occurs no more", line, reason)
		}
	}
}

// replay asks the emulator what the real API was asked, with the ids that the
// emulator gave, and compares status, content type, and keys of the answers. It
// gives the differences that are known.
func replay(t *testing.T, conversation recorded) (met []string) {
	t.Helper()
	server := New(Options{Token: token, Speed: 200})
	listening := httptest.NewServer(server)
	defer func() { listening.Close(); server.Close() }()
	ids, compared := map[string]string{}, 0
	for _, one := range conversation.Interactions {
		asked := one.Request
		if one.Response.Code == http.StatusBadRequest && strings.Contains(one.Response.Body, "Linode busy.") {
			server.Fail(Faults{Next: []Next{{Fault: Busy}}})
		}
		ready(t, server, asked.Method, asked.URL)
		body, path := translate(server, asked.Body, ids), translate(server, asked.URL, ids)
		_, path, _ = strings.Cut(path, "linode.com")
		request, err := http.NewRequestWithContext(t.Context(), asked.Method, listening.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
		if filter := asked.Headers.Get("X-Filter"); filter != "" {
			request.Header.Set("X-Filter", translate(server, filter, ids))
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		name, _ := routeOf(asked.Method, strings.TrimPrefix(strings.SplitN(path, "?", 2)[0], "/v4beta"))
		if response.StatusCode != one.Response.Code || response.Header.Get("Content-Type") != one.Response.Headers.Get("Content-Type") {
			t.Errorf("%s: %d %s, recorded %d %s: %s", name, response.StatusCode, response.Header.Get("Content-Type"), one.Response.Code, one.Response.Headers.Get("Content-Type"), answer)
		}
		learn(one.Response.Body, answer, ids)
		compared++
		for _, difference := range differences(one.Response.Body, answer) {
			if met = append(met, difference); knownDifferences[difference] == "" {
				t.Errorf("%s: %s", name, difference)
			}
		}
	}
	t.Logf("%d exchanges", compared)
	return met
}

// ready waits for what the recording waited for between its requests.
func ready(t *testing.T, server *Server, method, url string) {
	t.Helper()
	if method != http.MethodPost && method != http.MethodDelete || strings.HasSuffix(url, "/instances") {
		return
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		working := false
		server.update(func() {
			for _, known := range server.instances {
				working = working || known.working
			}
		})
		if !working {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("an instance stays busy")
		}
	}
}

// Where ids stand, of however many digits: parts of a path, values of keys that
// are called so, and lists of Linodes.
var (
	idPlaces = regexp.MustCompile(`/\d+\b|"[a-z_.+]*id"\s*:\s*(\{[^{}]*\}|\d+)|"(linodes|interfaces|firewall_ids)"\s*:\s*\[[\d,\s]*\]`)
	digits   = regexp.MustCompile(`\d+`)
)

// translate puts the emulator's ids in place of the recorded ones. What the
// recording had before it began (a firewall) is made.
func translate(server *Server, text string, ids map[string]string) string {
	if match := regexp.MustCompile(`"firewall_id":(\d+)`).FindStringSubmatch(text); match != nil && ids[match[1]] == "" {
		server.update(func() {
			made := &firewall{Firewall: Firewall{ID: server.nextID(), Label: "before", Status: "enabled", Tags: []string{}}}
			server.firewalls[made.ID] = made
			ids[match[1]] = fmt.Sprint(made.ID)
		})
	}
	text = strings.ReplaceAll(text, "redacted", "aVeryLongPassword1!")
	return idPlaces.ReplaceAllStringFunc(text, func(place string) string {
		return digits.ReplaceAllStringFunc(place, func(id string) string { return cmp.Or(ids[id], id) })
	})
}

// learn remembers which of our ids stands for which recorded one.
func learn(recordedBody string, answer []byte, ids map[string]string) {
	var theirs, ours struct {
		ID   json.Number
		Data []struct{ ID json.Number }
	}
	if json.Unmarshal([]byte(recordedBody), &theirs) != nil || json.Unmarshal(answer, &ours) != nil {
		return
	}
	if theirs.ID != "" {
		ids[theirs.ID.String()] = ours.ID.String()
	}
	for i := range min(len(theirs.Data), len(ours.Data)) {
		ids[theirs.Data[i].ID.String()] = ours.Data[i].ID.String()
	}
}

// differences compares the keys of two bodies, lists by their first element.
func differences(recordedBody string, answer []byte) []string {
	var theirs, ours any
	if json.Unmarshal([]byte(recordedBody), &theirs) != nil || json.Unmarshal(answer, &ours) != nil {
		return []string{"one of the bodies is not JSON"}
	}
	return differ(theirs, ours, "")
}

func differ(theirs, ours any, at string) []string {
	var found []string
	switch theirs := theirs.(type) {
	case map[string]any:
		mine, isObject := ours.(map[string]any)
		if !isObject {
			if ours == nil {
				return nil
			}
			return []string{fmt.Sprintf("%s: an object in the recording, %T here", at, ours)}
		}
		for _, name := range slices.Sorted(maps.Keys(theirs)) {
			if inner, known := mine[name]; known {
				found = append(found, differ(theirs[name], inner, at+"."+name)...)
			} else {
				found = append(found, "recorded alone: "+at+"."+name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(mine)) {
			if _, known := theirs[name]; !known {
				found = append(found, "ours alone: "+at+"."+name)
			}
		}
	case []any:
		mine, _ := ours.([]any)
		if len(theirs) > 0 && len(mine) > 0 {
			return differ(theirs[0], mine[0], at)
		}
		if len(theirs) > 0 {
			return []string{at + " is empty here"}
		}
	}
	return found
}
