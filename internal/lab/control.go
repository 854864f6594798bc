// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

// request is one order over the control socket. Fields that an order does not
// need stay empty.
type request struct {
	Host string `json:"host,omitempty"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// OneWay leaves the other direction alone.
	OneWay bool   `json:"one_way,omitempty"`
	Link   *Link  `json:"link,omitempty"`
	Block  *Block `json:"block,omitempty"`
	// Writes a second that a disk may do.
	Writes int `json:"writes,omitempty"`
	// Faults of the Linode API.
	Faults *linode.Faults `json:"faults,omitempty"`
}

// order carries out a request and gives what is to be answered.
type order func(ctx context.Context, r request) (any, error)

// handler maps the control socket's paths to orders.
func (d *Daemon) handler(stop func()) http.Handler {
	mux := http.NewServeMux()
	done := struct{}{}
	orders := map[string]order{
		"/link":     d.orderLink,
		"/link/get": d.orderGetLink,
		"/cut":      d.orderChange(func(l *Link, _ request) { l.Cut = true }),
		"/mend":     d.orderChange(func(l *Link, _ request) { l.Cut = false }),
		"/block":    d.orderBlock,
		"/unblock":  d.orderUnblock,
		"/reset":    func(context.Context, request) (any, error) { d.wan.reset(); return done, nil },
		"/plug/pull": func(_ context.Context, r request) (any, error) {
			return nil, d.withMachine(r.Host, (*machine).pullPlug)
		},
		"/plug/in": d.orderPlugIn,
		"/rebuild": func(ctx context.Context, r request) (any, error) { return nil, d.rebuild(ctx, r.Host) },
		"/disk/fill": func(_ context.Context, r request) (any, error) {
			return nil, d.withMachine(r.Host, (*machine).fillDisk)
		},
		"/disk/free": func(_ context.Context, r request) (any, error) {
			return nil, d.withMachine(r.Host, (*machine).freeDisk)
		},
		"/disk/slow": func(_ context.Context, r request) (any, error) {
			return nil, d.withMachine(r.Host, func(m *machine) error { return m.slowDisk(r.Writes) })
		},
		"/hosts":           func(context.Context, request) (any, error) { return d.present(), nil },
		"/stats":           func(context.Context, request) (any, error) { return d.wan.statistics(), nil },
		"/linode/fail":     d.orderFail,
		"/linode/requests": func(context.Context, request) (any, error) { return d.linode.Requests(), nil },
		"/down":            func(context.Context, request) (any, error) { stop(); return done, nil },
	}
	for path, carryOut := range orders {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			var asked request
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			ctx, cancel := context.WithTimeout(r.Context(), 2*time.Minute)
			defer cancel()
			answer, err := carryOut(ctx, asked)
			if err != nil {
				http.Error(w, err.Error(), http.StatusUnprocessableEntity)
				return
			}
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	return mux
}

func (d *Daemon) withMachine(name string, do func(*machine) error) error {
	found, err := d.machine(name)
	if err != nil {
		return err
	}
	return do(found)
}

func (d *Daemon) orderPlugIn(ctx context.Context, r request) (any, error) {
	found, err := d.machine(r.Host)
	if err != nil {
		return nil, err
	}
	if pids, err := processesIn(d.paths.namespace(r.Host)); err != nil || len(pids) > 0 {
		return nil, fmt.Errorf("host %s is already on", r.Host)
	}
	return nil, found.boot(ctx, d.authorized)
}

func (d *Daemon) orderFail(_ context.Context, r request) (any, error) {
	if r.Faults == nil {
		r.Faults = &linode.Faults{}
	}
	d.linode.Fail(*r.Faults)
	return struct{}{}, nil
}

func (d *Daemon) orderGetLink(_ context.Context, r request) (any, error) {
	if err := d.checkPair(r); err != nil {
		return nil, err
	}
	link, _ := d.wan.wire(r.From, r.To).get()
	return link, nil
}

func (d *Daemon) orderLink(ctx context.Context, r request) (any, error) {
	if r.Link == nil || r.Link.Loss < 0 || r.Link.Loss > 1 || r.Link.Delay < 0 || r.Link.Jitter < 0 || r.Link.Rate < 0 {
		return nil, fmt.Errorf("link %s %s: delay, jitter and rate must not be negative, loss must be from 0 to 1", r.From, r.To)
	}
	return d.orderChange(func(l *Link, r request) { *l = *r.Link })(ctx, r)
}

func (d *Daemon) orderBlock(ctx context.Context, r request) (any, error) {
	r.OneWay = true
	return d.orderChange(func(l *Link, r request) { l.Blocks = append(slices.Clone(l.Blocks), *r.Block) })(ctx, r)
}

func (d *Daemon) orderUnblock(ctx context.Context, r request) (any, error) {
	r.OneWay = true
	return d.orderChange(func(l *Link, r request) {
		l.Blocks = slices.DeleteFunc(slices.Clone(l.Blocks), func(b Block) bool { return r.Block == nil || b == *r.Block })
	})(ctx, r)
}

// orderChange edits the link of a pair, both directions unless told otherwise.
func (d *Daemon) orderChange(edit func(*Link, request)) order {
	return func(_ context.Context, r request) (any, error) {
		if err := d.checkPair(r); err != nil {
			return nil, err
		}
		pairs := [][2]string{{r.From, r.To}}
		if !r.OneWay {
			pairs = append(pairs, [2]string{r.To, r.From})
		}
		for _, pair := range pairs {
			changed := d.wan.wire(pair[0], pair[1])
			link, _ := changed.get()
			edit(&link, r)
			changed.set(link)
		}
		return struct{}{}, nil
	}
}

func (d *Daemon) checkPair(r request) error {
	for _, name := range []string{r.From, r.To} {
		if _, err := d.machine(name); err != nil && name != Operator && name != RepositoryHost {
			return err
		}
	}
	if r.From == r.To {
		return fmt.Errorf("link %s %s: needs two different hosts", r.From, r.To)
	}
	return nil
}

// inside is a path on the host's disk as the host sees it: its mounts are in a
// namespace of their own, which its first process leads to.
func (m *machine) inside(path string) (string, error) {
	pids, err := processesIn(m.paths.namespace(m.spec.Name))
	if err != nil {
		return "", err
	}
	for _, pid := range pids {
		if isFirst(pid) {
			return filepath.Join(fmt.Sprintf("/proc/%d/root", pid), path), nil
		}
	}
	return "", fmt.Errorf("host %s is off", m.spec.Name)
}

// fillDisk leaves no block free on the host's disk.
func (m *machine) fillDisk() error {
	path, err := m.inside("/var/lib/filler")
	if err != nil {
		return err
	}
	return fill(path)
}

// freeDisk gives the room back.
func (m *machine) freeDisk() error {
	path, err := m.inside("/var/lib/filler")
	if err != nil {
		return err
	}
	return os.Remove(path)
}
