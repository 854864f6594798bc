// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

// LinodeAPI is where the lab's emulator of the Linode API answers, in the
// operator's namespace.
type LinodeAPI struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

const linodePort = "127.0.0.1:4600"

var linodeAPI = LinodeAPI{URL: "http://" + linodePort + "/v4", Token: "atoll-lab"}

// linodeSpeed makes events twenty times as fast as Linode's; booting itself
// takes as long as the host takes.
const linodeSpeed = 20

// serveLinode opens the API in the operator's namespace.
func (d *Daemon) serveLinode() (end func(), err error) {
	var listener net.Listener
	err = inNamespace(d.paths.namespace(Operator), func() (err error) {
		listener, err = net.Listen("tcp", linodePort)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the Linode API: %w", err)
	}
	d.linode = linode.New(linode.Options{
		Token: linodeAPI.Token, Speed: linodeSpeed, Machines: &floor{daemon: d, names: map[string]string{}}, Reserved: d.uplink.Mirror,
	})
	server := &http.Server{Handler: d.linode, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return func() {
		_ = server.Close()
		d.linode.Close()
	}, nil
}

// serveRepository gives the package repository a port in the switch, and serves
// it there.
func (d *Daemon) serveRepository(ctx context.Context) (end func(), err error) {
	dir, err := ensureRepository(ctx, d.log)
	if err != nil {
		return nil, err
	}
	if d.repository, err = readRepository(dir); err != nil {
		return nil, fmt.Errorf("reading the package repository: %w", err)
	}
	if err := d.plugIntoWAN(RepositoryHost, netip.MustParseAddr(repositoryAddress)); err != nil {
		return nil, err
	}
	var listener net.Listener
	err = inNamespace(d.paths.namespace(RepositoryHost), func() (err error) {
		listener, err = net.Listen("tcp", repositoryAddress+":80")
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("opening the package repository: %w", err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(dir)), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	return func() { _ = server.Close() }, nil
}

// floor makes hosts of the lab of what is ordered at the Linode API.
type floor struct {
	daemon *Daemon
	mu     sync.Mutex
	// names of hosts by names of machines: a host is called by its first label
	// where that is free, so that sg1 can be ordered about as sg1.
	names map[string]string
}

// regionOf places the hoster's regions into the lab's.
func regionOf(region string) string {
	if region == "ap-south" {
		return "sg"
	}
	return region
}

func (f *floor) spec(m linode.Machine, name string) HostSpec {
	return HostSpec{
		Name: name, Address: m.Address, Kind: VPS, Region: regionOf(m.Region), MemoryMiB: m.MemoryMiB,
		Cloud: &Cloud{UserData: m.UserData, AuthorizedKeys: m.AuthorizedKeys},
	}
}

// Create makes a host with a fresh disk, switched off.
func (f *floor) Create(ctx context.Context, m linode.Machine) error {
	name := m.Name
	if _, err := f.daemon.machine(m.Label); err != nil && namePattern.MatchString(m.Label) {
		name = m.Label
	}
	f.mu.Lock()
	f.names[m.Name] = name
	f.mu.Unlock()
	_, err := f.daemon.add(ctx, f.spec(m, name))
	return err
}

func (f *floor) machine(name string) (*machine, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.daemon.machine(f.names[name])
}

// Boot switches on and returns when the host's systemd is at work; sshd answers
// some time later, as it does elsewhere.
func (f *floor) Boot(ctx context.Context, name string) error {
	host, err := f.machine(name)
	if err != nil {
		return err
	}
	ended, err := host.powerOn("")
	if err != nil {
		return err
	}
	return host.awaitInit(ctx, ended, initPatience)
}

// initPatience is how long a host may take until its systemd is at work, on a
// machine with many others.
const initPatience = 2 * time.Minute

// atWork is there once systemd has its sockets: what a host ends of in its first
// second, silently or not, is behind it.
const atWork = "/run/systemd/journal/stdout"

// errEnded is a host that ended without an error.
var errEnded = errors.New("it says no reason")

// awaitInit returns when the host's systemd is at work, or the reason why it will
// not be. A host may end without a word.
func (m *machine) awaitInit(ctx context.Context, ended <-chan error, patience time.Duration) error {
	for deadline := time.Now().Add(patience); ; {
		select {
		case err := <-ended:
			if err == nil {
				err = errEnded
			}
			return fmt.Errorf("%s ended while booting: %w\n%s%s", m.spec.Name, err, m.consoleTail(), exhausted("/"))
		case <-ctx.Done():
			return fmt.Errorf("booting %s: %w", m.spec.Name, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
		if path, err := m.inside(atWork); err == nil {
			if _, err := os.Stat(path); err == nil {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s did not boot within %s\n%s", m.spec.Name, patience, m.consoleTail())
		}
	}
}

// Shutdown asks the host's systemd to end (SIGRTMIN+4 is poweroff.target) and
// pulls the plug where it does not.
func (f *floor) Shutdown(_ context.Context, name string) error {
	host, err := f.machine(name)
	if err != nil {
		return err
	}
	const powerOff = syscall.Signal(34 + 4)
	pids, err := processesIn(host.paths.namespace(host.spec.Name))
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if isFirst(pid) {
			_ = syscall.Kill(pid, powerOff)
		}
	}
	_ = waitEmpty(host.paths.namespace(host.spec.Name))
	return host.pullPlug()
}

// Rebuild gives a host that is off a fresh disk.
func (f *floor) Rebuild(_ context.Context, m linode.Machine) error {
	host, err := f.machine(m.Name)
	if err != nil {
		return err
	}
	host.spec = f.spec(m, host.spec.Name)
	disk := f.daemon.paths.disk(host.spec.Name)
	return errors.Join(host.pullPlug(), os.RemoveAll(filepath.Join(disk, "seed")), retireImage(disk))
}

// Resize changes what the host says it has, from its next boot on.
func (f *floor) Resize(_ context.Context, name string, memoryMiB int) error {
	host, err := f.machine(name)
	if err != nil {
		return err
	}
	host.spec.MemoryMiB = memoryMiB
	return nil
}

// Guard puts firewalls before a host, in the WAN. Its way out to the package
// mirror is the lab's own and not the hoster's: nothing is filtered there.
func (f *floor) Guard(name string, walls []filter.Rules) {
	f.mu.Lock()
	host := f.names[name]
	f.mu.Unlock()
	f.daemon.wan.guard(host, walls)
}

// Remove takes the host away with its disk.
func (f *floor) Remove(_ context.Context, name string) error {
	f.mu.Lock()
	host := f.names[name]
	delete(f.names, name)
	f.mu.Unlock()
	if _, err := f.daemon.machine(host); err != nil {
		return nil //nolint:nilerr // it was never made
	}
	return f.daemon.remove(host)
}
