// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package linode is an emulator of the Linode API v4 that boots real hosts.
//
// It answers what the provider asks of the API (the routes table is the whole
// of it), keeps the account in memory, and lets Machines carry out what happens
// to an instance: in a lab that is a host in the lab's WAN. It can be slow,
// busy, limited and faulty on demand (Faults), as the real API is by itself.
//
// Where the truth comes from: Linode's OpenAPI document 4.189.0 and recorded
// conversations of linodego; the tests hold the emulator to both. Deviations
// stand in the guide on the emulator in docs/.
package linode

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// Machine is what an instance asks for of the hoster.
type Machine struct {
	// Name is unique for the life of the emulator; Label is not.
	Name, Label string
	// Address is its public IPv4 address, Region the id of its region.
	Address, Region string
	// MemoryMiB is what the host says it has.
	MemoryMiB int
	// UserData is what cloud-init is given, decoded; nil for none.
	UserData []byte
	// AuthorizedKeys of root, in authorized_keys form.
	AuthorizedKeys []string
}

// Machines is the hoster's floor: what stands behind the instances. All methods
// return when it is done; a machine keeps its disk unless Rebuild makes it new.
type Machines interface {
	// Create makes a machine with a fresh disk, switched off.
	Create(ctx context.Context, machine Machine) error
	// Boot switches on and returns when the machine has started.
	Boot(ctx context.Context, name string) error
	// Shutdown lets the machine end by itself.
	Shutdown(ctx context.Context, name string) error
	// Rebuild gives a machine that is off a fresh disk; the address stays.
	Rebuild(ctx context.Context, machine Machine) error
	// Resize changes what a machine that is off will have.
	Resize(ctx context.Context, name string, memoryMiB int) error
	// Remove takes the machine away with its disk.
	Remove(ctx context.Context, name string) error
	// Guard puts firewalls before a machine, all of which have to let a packet
	// pass; none lets everything pass. It holds at once, for what goes on, too,
	// until the next call or Remove. Nothing happens to a machine that is not there.
	Guard(name string, walls []filter.Rules)
}

// Options of an emulator.
type Options struct {
	// Token is the one that is let in.
	Token string
	// Speed divides the real API's times: 1 is as slow as the recordings.
	Speed float64
	// Machines may be nil: then instances have no host behind them.
	Machines Machines
	// Reserved addresses are never given to an instance.
	Reserved []string
}

// Server is the emulator of one account. It is an http.Handler.
type Server struct {
	options Options
	mux     *http.ServeMux

	mu        sync.Mutex
	faults    Faults
	random    *rand.Rand
	ids       int
	instances map[int]*instance
	firewalls map[int]*firewall
	groups    map[int]*placementGroup
	volumes   map[int]*volume
	vpcs      map[int]*VPC
	settings  Settings
	defaults  Defaults
	events    []*Event
	// tags by their lower case, as they are spelled.
	tags      map[string]string
	addresses map[string]int
	limits    map[string]*window
	requests  []Request
	// work counts what goes on behind the answers, for Close.
	work   sync.WaitGroup
	ctx    context.Context //nolint:containedctx // the life of the emulator, not of a request
	cancel context.CancelFunc
}

// Request is one that came in, for tests that count them.
type Request struct {
	Method string `json:"method"`
	// Path is without version and query.
	Path   string `json:"path"`
	Status int    `json:"status"`
}

// New makes an emulator with an empty account.
func New(options Options) *Server {
	if options.Speed <= 0 {
		options.Speed = 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Server{
		options: options, mux: http.NewServeMux(), random: rand.New(rand.NewPCG(1, 2)), ids: 1000,
		instances: map[int]*instance{}, firewalls: map[int]*firewall{}, groups: map[int]*placementGroup{}, volumes: map[int]*volume{}, vpcs: map[int]*VPC{}, settings: defaultSettings(),
		tags: map[string]string{}, addresses: map[string]int{}, limits: map[string]*window{},
		ctx: ctx, cancel: cancel,
	}
	for _, version := range []string{"/v4", "/v4beta"} {
		for _, route := range routes {
			s.mux.HandleFunc(route.Method+" "+version+route.Path, s.serve(route))
		}
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusNotFound, notFound().body()) })
	for _, address := range options.Reserved {
		s.addresses[address] = reserved
	}
	return s
}

// reserved is no instance's number.
const reserved = -1

// Close ends what goes on behind the answers. Hosts stay as they are.
func (s *Server) Close() {
	s.cancel()
	s.work.Wait()
}

// Requests gives what came in since the last call, and forgets it.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.requests
	s.requests = nil
	return all
}

// ServeHTTP speaks the API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	seen := &statusWriter{ResponseWriter: w}
	defer func() {
		path := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v4beta"), "/v4")
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, Request{Method: r.Method, Path: path, Status: seen.status})
	}()
	s.mux.ServeHTTP(seen, r)
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController see through.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// serve wraps a route's handler with what all of them have in common: the
// token, the limits, the faults, the lock and the form of the answer.
func (s *Server) serve(route route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token != s.options.Token {
			answer(w, http.StatusUnauthorized, refuse(http.StatusUnauthorized, "", "Invalid Token").body())
			return
		}
		if s.limited(w, route) || s.fails(w, r) {
			return
		}
		result, err := route.handle(s, &call{Request: r})
		if s.drops(w, r) {
			return
		}
		if err != nil {
			answer(w, err.status, err.body())
			return
		}
		answer(w, http.StatusOK, result)
	}
}

// answer writes JSON. Linode says exactly application/json, and linodego's
// reading of errors depends on it.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

// nextID numbers everything in the account.
func (s *Server) nextID() int {
	s.ids++
	return s.ids
}

// timeLayout has no zone: linodego refuses one.
const timeLayout = "2006-01-02T15:04:05"

func now() string { return time.Now().UTC().Format(timeLayout) }
