// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linode/linodego"
)

// exchange is one request with its answer.
type exchange struct {
	method, path  string
	asked, answer []byte
	status        int
	contentType   string
}

// tap is a transport that keeps what went through it.
type tap struct {
	mu  sync.Mutex
	all []exchange
}

func (t *tap) RoundTrip(req *http.Request) (*http.Response, error) {
	var asked []byte
	if req.Body != nil {
		asked, _ = io.ReadAll(req.Body)
		req.Body = io.NopCloser(bytes.NewReader(asked))
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.all = append(t.all, exchange{
		method: req.Method, path: strings.TrimPrefix(req.URL.EscapedPath(), "/v4"), asked: asked, answer: body,
		status: resp.StatusCode, contentType: resp.Header.Get("Content-Type"),
	})
	return resp, nil
}

const token = "right"

// open starts an emulator without hosts, very fast, and a linodego client.
func open(t *testing.T) (*Server, *linodego.Client, *tap) {
	t.Helper()
	server := New(Options{Token: token, Speed: 5000})
	listening := httptest.NewServer(server)
	t.Cleanup(func() { listening.Close(); server.Close() })
	heard := &tap{}
	client := linodego.NewClient(&http.Client{Transport: heard})
	client.SetToken(token).SetRetryWaitTime(time.Millisecond).SetRetryMaxWaitTime(20 * time.Millisecond).SetRetryCount(5).SetPollDelay(5 * time.Millisecond)
	client.UseCache(false)
	if _, err := client.UseURL(listening.URL + "/v4"); err != nil {
		t.Fatal(err)
	}
	return server, &client, heard
}

func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const rootKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+ test"

func wanted(label string) linodego.InstanceCreateOptions {
	return linodego.InstanceCreateOptions{
		Region: "ap-south", Type: "g6-nanode-1", Label: label, Image: "linode/debian13", AuthorizedKeys: []string{rootKey}, Tags: []string{"site"}, PrivateIP: true,
		Metadata: &linodego.InstanceMetadataOptions{UserData: "I2Nsb3VkLWNvbmZpZwo="},
	}
}

var anywhere = []string{"0.0.0.0/0"}

func rules() linodego.FirewallRuleSet {
	return linodego.FirewallRuleSet{
		InboundPolicy: "DROP", OutboundPolicy: "ACCEPT", Outbound: []linodego.FirewallRule{},
		Inbound: []linodego.FirewallRule{{
			Action: "ACCEPT", Label: "ssh", Description: "from anywhere", Protocol: "TCP", Ports: "22",
			Addresses: linodego.NetworkAddresses{IPv4: &anywhere, IPv6: &[]string{"::/0"}},
		}},
	}
}

// converse uses the whole of the emulator as linodego does.
func converse(t *testing.T, c *linodego.Client) {
	t.Helper()
	ctx := t.Context()
	must(c.GetProfile(ctx))(t)
	must(c.GetAccountSettings(ctx))(t)
	must(c.UpdateAccountSettings(ctx, linodego.AccountSettingsUpdateOptions{BackupsEnabled: pointer(false)}))(t)
	must(c.ListRegions(ctx, nil))(t)
	must(c.ListRegionsAvailability(ctx, nil))(t)
	must(c.GetRegion(ctx, "ap-south"))(t)
	must(c.ListTypes(ctx, nil))(t)
	must(c.GetType(ctx, "g6-nanode-1"))(t)
	must(c.ListImages(ctx, nil))(t)
	must(c.GetImage(ctx, "linode/debian13"))(t)
	group := must(c.CreatePlacementGroup(ctx, linodego.PlacementGroupCreateOptions{
		Label: "apart", Region: "ap-south", PlacementGroupType: linodego.PlacementGroupTypeAntiAffinityLocal, PlacementGroupPolicy: linodego.PlacementGroupPolicyFlexible,
	}))(t)
	made := must(c.CreateInstance(ctx, wanted("conversation")))(t)
	until(t, c, made.ID, linodego.InstanceRunning)
	converseAboutOne(t, c, made.ID)
	converseAboutFirewalls(t, c, made.ID)
	converseAboutNetworks(t, c)
	must(c.AssignPlacementGroupLinodes(ctx, group.ID, linodego.PlacementGroupAssignOptions{Linodes: []int{made.ID}}))(t)
	must(c.ListPlacementGroups(ctx, nil))(t)
	must(c.GetPlacementGroup(ctx, group.ID))(t)
	must(c.GetInstance(ctx, made.ID))(t)
	must(c.UnassignPlacementGroupLinodes(ctx, group.ID, linodego.PlacementGroupUnAssignOptions{Linodes: []int{made.ID}}))(t)
	check(t, c.DeletePlacementGroup(ctx, group.ID))
	disk := must(c.CreateVolume(ctx, linodego.VolumeCreateOptions{Label: "more", Size: 20, LinodeID: made.ID}))(t)
	must(c.ListVolumes(ctx, nil))(t)
	check(t, c.DetachVolume(ctx, disk.ID))
	must(c.AttachVolume(ctx, disk.ID, &linodego.VolumeAttachOptions{LinodeID: made.ID}))(t)
	check(t, c.DetachVolume(ctx, disk.ID))
	must(c.GetVolume(ctx, disk.ID))(t)
	check(t, c.DeleteVolume(ctx, disk.ID))
	must(c.CreateTag(ctx, linodego.TagCreateOptions{Label: "another", Linodes: []int{made.ID}}))(t)
	must(c.ListTags(ctx, nil))(t)
	events := must(c.ListEvents(ctx, &linodego.ListOptions{PageOptions: &linodego.PageOptions{Page: 1}}))(t)
	must(c.GetEvent(ctx, events[0].ID))(t)
	check(t, c.DeleteInstance(ctx, made.ID))
}

func converseAboutOne(t *testing.T, c *linodego.Client, id int) {
	t.Helper()
	ctx := t.Context()
	must(c.ListInstances(ctx, &linodego.ListOptions{Filter: `{"label":"conversation"}`}))(t)
	must(c.UpdateInstance(ctx, id, linodego.InstanceUpdateOptions{Label: "renamed", Tags: &[]string{"site", "tested"}}))(t)
	address := must(c.GetInstanceIPAddresses(ctx, id))(t).IPv4.Public[0].Address
	must(c.ListIPAddresses(ctx, nil))(t)
	must(c.UpdateIPAddressV2(ctx, address, linodego.IPAddressUpdateOptionsV2{RDNS: pointer(pointer("sg1.example.com"))}))(t)
	must(c.AddInstanceIPAddress(ctx, id, true))(t)
	must(c.ListInstanceDisks(ctx, id, nil))(t)
	must(c.ListInstanceConfigs(ctx, id, nil))(t)
	config := must(c.CreateInstanceConfig(ctx, id, linodego.InstanceConfigCreateOptions{Label: "rescue"}))(t)
	must(c.UpdateInstanceConfig(ctx, id, config.ID, config.GetUpdateOptions()))(t)
	must(c.GetInstanceConfig(ctx, id, config.ID))(t)
	check(t, c.EnableInstanceBackups(ctx, id))
	check(t, c.CancelInstanceBackups(ctx, id))
	check(t, c.RebootInstance(ctx, id, 0))
	until(t, c, id, linodego.InstanceRunning)
	check(t, c.MigrateInstance(ctx, id, linodego.InstanceMigrateOptions{}))
	until(t, c, id, linodego.InstanceRunning)
	check(t, c.ShutdownInstance(ctx, id))
	until(t, c, id, linodego.InstanceOffline)
	check(t, c.ResizeInstance(ctx, id, linodego.InstanceResizeOptions{Type: "g6-standard-1"}))
	until(t, c, id, linodego.InstanceOffline)
	check(t, c.BootInstance(ctx, id, 0))
	until(t, c, id, linodego.InstanceRunning)
	must(c.RebuildInstance(ctx, id, linodego.InstanceRebuildOptions{Image: "linode/debian12", AuthorizedKeys: []string{rootKey}}))(t)
	until(t, c, id, linodego.InstanceRunning)
}

func pointer[T any](value T) *T { return &value }

// converseAboutNetworks is about VPCs and a Linode with interfaces of its own.
func converseAboutNetworks(t *testing.T, c *linodego.Client) {
	t.Helper()
	ctx := t.Context()
	home := must(c.CreateVPC(ctx, linodego.VPCCreateOptions{
		Label: "home", Region: "jp-osa", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "first", IPv4: "10.0.0.0/24"}},
	}))(t)
	must(c.CreateVPCSubnet(ctx, linodego.VPCSubnetCreateOptions{Label: "second", IPv4: "10.0.1.0/24"}, home.ID))(t)
	options := wanted("interfaces")
	options.Region, options.PrivateIP, options.InterfaceGeneration = "jp-osa", false, linodego.GenerationLinode
	options.LinodeInterfaces = []linodego.LinodeInterfaceCreateOptions{
		{Public: &linodego.PublicInterfaceCreateOptions{}}, {VPC: &linodego.VPCInterfaceCreateOptions{SubnetID: home.Subnets[0].ID}},
	}
	made := must(c.CreateInstance(ctx, options))(t)
	until(t, c, made.ID, linodego.InstanceRunning)
	must(c.ListInterfaces(ctx, made.ID, nil))(t)
	must(c.ListVPCs(ctx, nil))(t)
	must(c.GetVPC(ctx, home.ID))(t)
	must(c.ListVPCSubnets(ctx, home.ID, nil))(t)
	must(c.GetVPCSubnet(ctx, home.ID, home.Subnets[0].ID))(t)
	check(t, c.DeleteInstance(ctx, made.ID))
	check(t, c.DeleteVPC(ctx, home.ID))
}

func converseAboutFirewalls(t *testing.T, c *linodego.Client, id int) {
	t.Helper()
	ctx := t.Context()
	wall := must(c.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: "wall", Rules: rules(), Tags: []string{"site"}}))(t)
	must(c.UpdateFirewallRules(ctx, wall.ID, rules()))(t)
	must(c.GetFirewallRules(ctx, wall.ID))(t)
	must(c.UpdateFirewall(ctx, wall.ID, linodego.FirewallUpdateOptions{Label: "walls", Status: linodego.FirewallEnabled}))(t)
	device := must(c.CreateFirewallDevice(ctx, wall.ID, linodego.FirewallDeviceCreateOptions{ID: id, Type: linodego.FirewallDeviceLinode}))(t)
	must(c.ListFirewallDevices(ctx, wall.ID, nil))(t)
	must(c.GetFirewallDevice(ctx, wall.ID, device.ID))(t)
	must(c.ListInstanceFirewalls(ctx, id, nil))(t)
	must(c.UpdateInstanceFirewalls(ctx, id, linodego.InstanceFirewallUpdateOptions{FirewallIDs: []int{wall.ID}}))(t)
	must(c.GetFirewallSettings(ctx))(t)
	must(c.UpdateFirewallSettings(ctx, linodego.FirewallSettingsUpdateOptions{}))(t)
	must(c.ListFirewalls(ctx, nil))(t)
	must(c.GetFirewall(ctx, wall.ID))(t)
	check(t, c.DeleteFirewallDevice(ctx, wall.ID, device.ID))
	check(t, c.DeleteFirewall(ctx, wall.ID))
}

// until waits until nothing goes on with an instance, and checks its status.
func until(t *testing.T, c *linodego.Client, id int, status linodego.InstanceStatus) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		events := must(c.ListEvents(t.Context(), &linodego.ListOptions{PageOptions: &linodego.PageOptions{Page: 1}}))(t)
		busy := false
		for _, event := range events {
			busy = busy || event.Status == linodego.EventScheduled || event.Status == linodego.EventStarted
		}
		if !busy {
			if got := must(c.GetInstance(t.Context(), id))(t).Status; got != status {
				t.Fatalf("instance is %s, want %s", got, status)
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("events do not end")
		}
	}
}

func TestLinodegoConversesWithAllOfIt(t *testing.T) {
	_, client, heard := open(t)
	converse(t, client)
	used := map[string]bool{}
	for _, one := range heard.all {
		if one.status != http.StatusOK || one.contentType != "application/json" || !json.Valid(one.answer) {
			t.Errorf("%s %s: %d %s %s", one.method, one.path, one.status, one.contentType, one.answer)
		}
		if route, found := routeOf(one.method, one.path); found {
			used[route] = true
		}
	}
	for _, route := range Routes() {
		if !used[route] {
			t.Errorf("%s is never asked for", route)
		}
	}
}

// routeOf finds the route of a path, in the words of the document.
func routeOf(method, path string) (string, bool) {
	parts := strings.Split(path, "/")
	for _, route := range routes {
		names := strings.Split(route.Path, "/")
		if route.Method != method || len(names) != len(parts) {
			continue
		}
		same := true
		for i, part := range names {
			same = same && (strings.HasPrefix(part, "{") || part == parts[i])
		}
		if same {
			return method + " " + route.Path, true
		}
	}
	return "", false
}
