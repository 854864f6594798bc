// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// refused checks status and text of an error of linodego's.
func refused(t *testing.T, err error, status int, text string) {
	t.Helper()
	var api *linodego.Error
	if !errors.As(err, &api) || api.Code != status || !strings.Contains(api.Message, text) {
		t.Errorf("want %d with %q, got %v", status, text, err)
	}
}

func TestBadRequestsAreRefusedWithFields(t *testing.T) {
	_, client, _ := open(t)
	ctx := t.Context()
	change := func(edit func(*linodego.InstanceCreateOptions)) error {
		options := wanted("good-label")
		edit(&options)
		_, err := client.CreateInstance(ctx, options)
		return err
	}
	for field, edit := range map[string]func(*linodego.InstanceCreateOptions){
		"[label]":           func(o *linodego.InstanceCreateOptions) { o.Label = "no--label" },
		"[region]":          func(o *linodego.InstanceCreateOptions) { o.Region = "hk" },
		"[type]":            func(o *linodego.InstanceCreateOptions) { o.Type = "huge" },
		"[image]":           func(o *linodego.InstanceCreateOptions) { o.Image = "linode/none" },
		"[authorized_keys]": func(o *linodego.InstanceCreateOptions) { o.AuthorizedKeys = []string{"nonsense"} },
		"root_pass":         func(o *linodego.InstanceCreateOptions) { o.AuthorizedKeys = nil },
		"[firewall_id]":     func(o *linodego.InstanceCreateOptions) { o.FirewallID = 4711 },
		"[metadata.user_data]": func(o *linodego.InstanceCreateOptions) {
			o.Metadata = &linodego.InstanceMetadataOptions{UserData: "not base64!"}
		},
	} {
		refused(t, change(edit), http.StatusBadRequest, field)
	}
	made := must(client.CreateInstance(ctx, wanted("taken")))(t)
	_, err := client.CreateInstance(ctx, wanted("taken"))
	refused(t, err, http.StatusBadRequest, "[label] Label must be unique")
	_, err = client.GetInstance(ctx, made.ID+1)
	refused(t, err, http.StatusNotFound, "Not found")
	if !linodego.IsNotFound(err) {
		t.Error("linodego does not see that it is not found")
	}
	_, err = client.ListInstances(ctx, &linodego.ListOptions{Filter: `{"colour":"red"}`})
	refused(t, err, http.StatusBadRequest, "Cannot filter on colour")
	client.SetToken("wrong")
	_, err = client.GetProfile(ctx)
	refused(t, err, http.StatusUnauthorized, "Invalid Token")
}

func TestFiltersAndPages(t *testing.T) {
	_, client, _ := open(t)
	ctx := t.Context()
	ids := map[string]int{}
	for i := range 3 {
		options := wanted(fmt.Sprintf("host-%d", i))
		options.Tags = []string{fmt.Sprintf("tag%d", i), "all"}
		ids[options.Label] = must(client.CreateInstance(ctx, options))(t).ID
	}
	for filter, want := range map[string][]string{
		`{"label":"host-1"}`: {"host-1"},
		`{"tags":"tag2"}`:    {"host-2"},
		`{"tags":"all","+order_by":"label","+order":"desc"}`:          {"host-2", "host-1", "host-0"},
		`{"+or":[{"label":"host-0"},{"label":"host-2"}]}`:             {"host-0", "host-2"},
		`{"+and":[{"tags":"all"},{"label":{"+contains":"T-1"}}]}`:     {"host-1"},
		fmt.Sprintf(`{"id":{"+gt":%d}}`, ids["host-0"]):               {"host-1", "host-2"},
		fmt.Sprintf(`{"id":{"+gte":%d,"+lte":%[1]d}}`, ids["host-1"]): {"host-1"},
		fmt.Sprintf(`{"id":{"+neq":%d},"tags":"all"}`, ids["host-1"]): {"host-0", "host-2"},
		`{"label":"none"}`: nil,
	} {
		var got []string
		for _, instance := range must(client.ListInstances(ctx, &linodego.ListOptions{Filter: filter}))(t) {
			got = append(got, instance.Label)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
	}
	for range 60 {
		must(client.CreateTag(ctx, linodego.TagCreateOptions{Label: fmt.Sprintf("more-%d", len(ids))}))(t)
		ids[fmt.Sprint("x", len(ids))] = 1
	}
	// linodego asks for page after page.
	if all := must(client.ListTags(ctx, &linodego.ListOptions{PageSize: 25}))(t); len(all) < 60 {
		t.Errorf("%d tags came through the pages", len(all))
	}
}

func TestLimitsSayWhenToComeBack(t *testing.T) {
	server := New(Options{Token: token, Speed: 1})
	defer server.Close()
	for i := range 12 {
		limited := false
		server.update(func() {
			recorder := &headers{header: http.Header{}}
			limited = server.limited(recorder, route{Method: http.MethodPost, Path: "/linode/instances"})
			if limited && (recorder.status != http.StatusTooManyRequests || recorder.header.Get("Retry-After") == "") {
				t.Errorf("request %d: %d %v", i, recorder.status, recorder.header)
			}
		})
		if limited != (i >= 10) {
			t.Errorf("request %d: limited %v", i, limited)
		}
	}
}

type headers struct {
	header http.Header
	status int
}

func (h *headers) Header() http.Header         { return h.header }
func (h *headers) Write(p []byte) (int, error) { return len(p), nil }
func (h *headers) WriteHeader(status int)      { h.status = status }

func TestFaultsStrike(t *testing.T) {
	server, client, _ := open(t)
	ctx := t.Context()
	// A connection that breaks after the work was done.
	server.Fail(Faults{Next: []Next{{Fault: Dropped, Request: "POST /linode/instances"}}})
	if _, err := client.CreateInstance(ctx, wanted("dropped")); err == nil {
		t.Error("the answer came through")
	}
	found := must(client.ListInstances(ctx, &linodego.ListOptions{Filter: `{"label":"dropped"}`}))(t)
	if len(found) != 1 {
		t.Fatalf("%d instances after a dropped answer, want 1", len(found))
	}
	// What linodego retries by itself is not seen.
	for _, fault := range []Fault{Unavailable, TooMany} {
		server.Fail(Faults{Next: []Next{{Fault: fault}}})
		must(client.GetProfile(ctx))(t)
	}
	server.Fail(Faults{Next: []Next{{Fault: BadGateway}}})
	if _, err := client.GetProfile(ctx); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("a bad gateway: %v", err)
	}
	// Booting while it is created is "busy", which linodego retries five times.
	server.Fail(Faults{Next: []Next{{Fault: Stuck}}})
	stuck := must(client.CreateInstance(ctx, wanted("stuck")))(t)
	refused(t, client.BootInstance(ctx, stuck.ID, 0), http.StatusBadRequest, "Linode busy.")
	if status := must(client.GetInstance(ctx, stuck.ID))(t).Status; status != linodego.InstanceProvisioning {
		t.Errorf("the stuck instance is %s", status)
	}
	check(t, client.DeleteInstance(ctx, stuck.ID))
	server.Fail(Faults{Next: []Next{{Fault: FailedEvent}}})
	failed := must(client.CreateInstance(ctx, wanted("failed")))(t)
	until(t, client, failed.ID, linodego.InstanceOffline)
	events := must(client.ListEvents(ctx, &linodego.ListOptions{Filter: fmt.Sprintf(`{"entity.id":%d,"action":"linode_boot"}`, failed.ID)}))(t)
	if len(events) != 1 || events[0].Status != linodego.EventFailed {
		t.Errorf("the events of a failed boot: %+v", events)
	}
}

// floor notes what machines are asked to do, and what stands before them.
type floor struct {
	mu    sync.Mutex
	calls []string
	walls map[string][]filter.Rules
}

func (f *floor) note(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
	return nil
}
func (f *floor) Create(_ context.Context, m Machine) error {
	f.mu.Lock()
	f.walls[m.Name] = nil
	f.mu.Unlock()
	return f.note("create %s %s", m.Address, m.UserData)
}
func (f *floor) Boot(context.Context, string) error     { return f.note("boot") }
func (f *floor) Shutdown(context.Context, string) error { return f.note("shutdown") }
func (f *floor) Rebuild(_ context.Context, m Machine) error {
	return f.note("rebuild %s %s", m.Address, m.UserData)
}
func (f *floor) Resize(_ context.Context, _ string, memory int) error {
	return f.note("resize %d", memory)
}
func (f *floor) Remove(context.Context, string) error { return f.note("remove") }
func (f *floor) Guard(name string, walls []filter.Rules) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.walls[name]; there {
		f.walls[name] = walls
	}
}

func TestMachinesFollowTheirInstances(t *testing.T) {
	server, client, _ := open(t)
	hosts := &floor{walls: map[string][]filter.Rules{}}
	server.options.Machines = hosts
	ctx := t.Context()
	made := must(client.CreateInstance(ctx, wanted("host")))(t)
	until(t, client, made.ID, linodego.InstanceRunning)
	check(t, client.ResizeInstance(ctx, made.ID, linodego.InstanceResizeOptions{Type: "g6-standard-2"}))
	until(t, client, made.ID, linodego.InstanceRunning)
	must(client.RebuildInstance(ctx, made.ID, linodego.InstanceRebuildOptions{
		Image: "linode/debian13", AuthorizedKeys: []string{rootKey}, Metadata: &linodego.InstanceMetadataOptions{UserData: "bmV3"},
	}))(t)
	until(t, client, made.ID, linodego.InstanceRunning)
	check(t, client.DeleteInstance(ctx, made.ID))
	server.work.Wait()
	want := []string{
		"create 198.51.100.100 #cloud-config\n", "boot", "shutdown", "resize 4096", "boot", "shutdown", "rebuild 198.51.100.100 new", "boot", "remove",
	}
	if !slices.Equal(hosts.calls, want) {
		t.Errorf("%q\nwant\n%q", hosts.calls, want)
	}
}
