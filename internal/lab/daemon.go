// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

// Daemon owns one running lab.
type Daemon struct {
	config Config
	paths  paths
	uplink uplink
	wan    *wan
	log    io.Writer
	// repository that stock hosts are served; nil where there is no such host.
	repository *Repository
	// authorized is the public half of the lab's own client key.
	authorized string

	mu       sync.Mutex
	machines map[string]*machine
	linode   *linode.Server
}

// Serve brings a lab up, answers its control socket until ctx ends, and takes
// it down. It writes each thing into the record before it makes it.
func Serve(ctx context.Context, config Config, log io.Writer) error {
	daemon := &Daemon{config: config, paths: paths{config.Name}, machines: map[string]*machine{}, log: log}
	if err := Clean(config.Name); err != nil {
		return fmt.Errorf("clearing what an earlier lab left: %w", err)
	}
	if err := prepareRoots(ctx, log, config); err != nil {
		return err
	}
	if err := daemon.begin(); err != nil {
		return errors.Join(err, Clean(config.Name))
	}
	return errors.Join(daemon.serve(ctx), Clean(config.Name))
}

// begin makes directories, record, uplink and the operator's namespace.
func (d *Daemon) begin() error {
	for _, dir := range []string{d.paths.run(), filepath.Join(d.paths.state(), "disks")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	// From here on the lab is known to be alive.
	if err := writeRecord(d.paths, d.record()); err != nil {
		return err
	}
	if err := d.bringUplinkUp(); err != nil {
		return err
	}
	var err error
	if d.authorized, err = makeKeyPair(d.paths.key(), "atoll lab"); err != nil {
		return err
	}
	d.wan = newWAN(d.quality)
	return d.plugIntoWAN(Operator, netip.MustParseAddr(operatorAddress))
}

func (d *Daemon) plugIntoWAN(name string, address netip.Addr) error {
	namespace := d.paths.namespace(name)
	if err := ip("netns", "add", namespace); err != nil {
		return err
	}
	device, err := joinWAN(namespace, address)
	if err != nil {
		return err
	}
	d.wan.plug(name, address, device)
	return nil
}

// Delays of the default site, one way: 2 ms for the round trip inside Hong
// Kong, 35 ms to Singapore.
const (
	delayNear = time.Millisecond
	delayFar  = 17500 * time.Microsecond
)

// quality is the default link between two ports.
func (d *Daemon) quality(from, to string) Link {
	if d.config.OneWay > 0 {
		return Link{Delay: d.config.OneWay}
	}
	if from == Operator || to == Operator {
		return Link{Delay: delayNear}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a, b := d.machines[from], d.machines[to]
	if a != nil && b != nil && a.spec.Region != b.spec.Region {
		return Link{Delay: delayFar}
	}
	return Link{Delay: delayNear}
}

// serve opens the control socket, boots the hosts and waits for the end.
func (d *Daemon) serve(ctx context.Context) error {
	if slices.Contains(d.config.kinds(), Stock) {
		end, err := d.serveRepository(ctx)
		if err != nil {
			return err
		}
		defer end()
	}
	if err := d.boot(ctx); err != nil {
		return err
	}
	_ = os.Remove(d.paths.socket())
	listener, err := net.Listen("unix", d.paths.socket())
	if err != nil {
		return fmt.Errorf("opening the control socket: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server := &http.Server{Handler: d.handler(stop), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	api, err := d.serveLinode()
	if err != nil {
		return err
	}
	defer api()
	<-ctx.Done()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return server.Shutdown(grace)
}

// boot switches all hosts on, side by side, and writes the inventory.
func (d *Daemon) boot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	defer cancel()
	var group errgroup.Group
	for _, spec := range d.config.Hosts {
		added, err := d.add(ctx, spec)
		if err != nil {
			return err
		}
		group.Go(func() error { return added.boot(ctx, d.authorized) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return d.writeInventory()
}

// add makes everything that a host needs before it boots.
func (d *Daemon) add(ctx context.Context, spec HostSpec) (*machine, error) {
	address, err := netip.ParseAddr(spec.Address)
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", spec.Name, err)
	}
	lower, err := ensureRoot(ctx, d.log, d.config.kind(spec))
	if err != nil {
		return nil, fmt.Errorf("host %s: %w", spec.Name, err)
	}
	added := &machine{spec: spec, paths: d.paths, lower: lower, diskMiB: d.config.DiskMiB}
	d.mu.Lock()
	if _, twice := d.machines[spec.Name]; twice {
		d.mu.Unlock()
		return nil, fmt.Errorf("host %s is already there", spec.Name)
	}
	added.number = d.freeNumber()
	d.machines[spec.Name] = added
	d.mu.Unlock()
	if err := added.makeKey(); err != nil {
		return nil, err
	}
	if err := d.plugIntoWAN(spec.Name, address); err != nil {
		return nil, err
	}
	if err := d.uplink.join(d.paths.namespace(spec.Name), added.number); err != nil {
		return nil, err
	}
	return added, makeRoom()
}

// freeNumber is the lowest that no host has: the uplink's network is small.
// Held by d.mu.
func (d *Daemon) freeNumber() int {
	taken := map[int]bool{}
	for _, other := range d.machines {
		taken[other.number] = true
	}
	number := 0
	for taken[number] {
		number++
	}
	return number
}

// remove pulls the plug and takes the host away with its disk.
func (d *Daemon) remove(name string) error {
	gone, err := d.machine(name)
	if err != nil {
		return err
	}
	if err := gone.pullPlug(); err != nil {
		return err
	}
	d.wan.unplug(name)
	d.mu.Lock()
	delete(d.machines, name)
	d.mu.Unlock()
	return errors.Join(endHost(d.paths.namespace(name), d.paths.machine(name)), deleteLink(d.uplink.outside(gone.number)),
		os.RemoveAll(d.paths.disk(name)), d.writeInventory())
}

// rebuild gives a host a fresh disk; address and host key stay.
func (d *Daemon) rebuild(ctx context.Context, name string) error {
	host, err := d.machine(name)
	if err != nil {
		return err
	}
	if err := host.pullPlug(); err != nil {
		return err
	}
	disk := d.paths.disk(name)
	if err := retireImage(disk); err != nil {
		return err
	}
	return host.boot(ctx, d.authorized)
}

// retireImage deletes a disk's image. The loop device of the host that just
// ended may hold it for a moment longer, which does no harm.
func retireImage(disk string) error {
	err := os.Remove(filepath.Join(disk, "image"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (d *Daemon) machine(name string) (*machine, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if found := d.machines[name]; found != nil {
		return found, nil
	}
	return nil, fmt.Errorf("there is no host %q in lab %s", name, d.config.Name)
}

func writeJSON(path string, value any) error {
	content, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", append(content, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
