// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package linode brings Linode VPSs from nothing to reachable over SSH, and
// keeps them as declared.
//
// It is the only room that speaks to the Linode API, through linodego. What it
// asks for is shared: one list of instances answers a whole refresh, and one
// list of events tells all that wait how far their machines are. Every call has
// a deadline, and a call whose answer was lost is resolved by what the account
// shows afterwards, never by doing it twice.
package linode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/linode/linodego"
	"golang.org/x/sync/singleflight"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What others see of linodego, so that its next version is this room's affair.
type (
	// Instance is a machine as the API shows it.
	Instance = linodego.Instance
	// Specs are the sizes of a machine.
	Specs = linodego.InstanceSpec
)

// States that others ask for.
const (
	Running = linodego.InstanceRunning
	Offline = linodego.InstanceOffline
)

// Config is what the provider block says about the account.
type Config struct {
	// Token of the API. It is in no log and no error.
	Token string
	// URL of the API with its version; "" means Linode's own, v4.
	URL string
	// CAFile holds certificates to trust beside the machine's own; "" is none.
	CAFile string
	// Poll lies between two looks at what goes on; 0 means DefaultPoll.
	Poll time.Duration
	// UserAgent tells Linode who asks.
	UserAgent string
	// ReadOnly lets through what only asks: another request fails with
	// remote.ErrReadOnly before it is sent.
	ReadOnly bool
}

// DefaultPoll is how often the account's events are read while something is
// waited for. A new machine takes a minute and a half.
const DefaultPoll = 8 * time.Second

// Bounds of one call. linodego itself tries up to 1000 times: a limit that is
// reached (429), an instance that is busy and a service that is away are waited
// for, within callTimeout.
const (
	callTimeout  = 3 * time.Minute
	retryLeast   = 500 * time.Millisecond
	retryMost    = 30 * time.Second
	readAttempts = 4
)

// Client speaks to one account. It is safe for concurrent use.
type Client struct {
	api  linodego.Client
	poll time.Duration
	once singleflight.Group

	mu sync.Mutex
	// changed is when something was changed last: lists that were asked for before are old.
	changed   time.Time
	instances shared[linodego.Instance]
	firewalls shared[linodego.Firewall]
	addresses shared[linodego.InstanceIP]
	catalogue *Catalogue
	making    map[string]orderedHere
	watch     watch
}

// New makes a client. Nothing is asked yet.
func New(config Config) (*Client, error) {
	transport, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, fmt.Errorf("the default transport is %T", http.DefaultTransport)
	}
	transport = transport.Clone()
	if config.CAFile != "" {
		// linodego would end the whole process where the file cannot be read.
		if err := trust(transport, config.CAFile); err != nil {
			return nil, err
		}
	}
	// linodego reads LINODE_URL and LINODE_CA by itself, and the latter ends the
	// process when it fails; ours are the provider block's.
	for _, name := range []string{"LINODE_CA", "LINODE_URL", "LINODE_DEBUG"} {
		_ = os.Unsetenv(name)
	}
	var way http.RoundTripper = transport
	if config.ReadOnly {
		way = readsOnly{transport}
	}
	api := linodego.NewClient(&http.Client{Transport: way})
	api.SetToken(config.Token).SetRetryWaitTime(retryLeast).SetRetryMaxWaitTime(retryMost)
	api.UseCache(false)
	if config.UserAgent != "" {
		api.SetUserAgent(config.UserAgent)
	}
	if config.URL != "" {
		if _, err := api.UseURL(config.URL); err != nil {
			return nil, fmt.Errorf("linode.url = %q: %w", config.URL, err)
		}
	}
	client := &Client{api: api, poll: config.Poll, making: map[string]orderedHere{}}
	if client.poll <= 0 {
		client.poll = DefaultPoll
	}
	return client, nil
}

// read carries out a question, again when its answer was lost: asking twice
// does no harm.
func read[T any](ctx context.Context, what string, ask func(context.Context) (T, error)) (T, error) {
	for attempt, pause := 1, retryLeast; ; attempt, pause = attempt+1, pause*2 {
		value, err := once(ctx, what, ask)
		if err == nil || !unknownOutcome(err) || attempt == readAttempts {
			return value, err
		}
		if remote.Pause(ctx, pause) != nil {
			return value, err
		}
	}
}

// once carries out one call within its deadline and classifies its failure.
func once[T any](ctx context.Context, what string, ask func(context.Context) (T, error)) (T, error) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	value, err := ask(limited)
	if err == nil {
		return value, nil
	}
	if ctx.Err() != nil {
		// The caller's own end, not a fault of the API.
		return value, errors.Join(ctx.Err(), classify(what, err))
	}
	return value, classify(what, err)
}

// carryOut gives an order. Where its answer was lost, happened looks at the
// account whether it was carried out; if not, it is given again.
func carryOut[T any](ctx context.Context, what string, order func(context.Context) (T, error), happened func(context.Context) (T, bool, error)) (T, error) {
	for attempt, pause := 1, retryLeast; ; attempt, pause = attempt+1, pause*2 {
		value, err := once(ctx, what, order)
		if err == nil || !unknownOutcome(err) || ctx.Err() != nil {
			return value, err
		}
		found, done, lookErr := happened(ctx)
		if lookErr != nil {
			return value, fmt.Errorf("%w; looking whether it was carried out: %w", err, lookErr)
		}
		if done {
			return found, nil
		}
		if attempt == readAttempts {
			return value, err
		}
		if remote.Pause(ctx, pause) != nil {
			return value, err
		}
	}
}

// set carries out an order that may be given twice without harm.
func set(ctx context.Context, what string, order func(context.Context) error) error {
	_, err := read(ctx, what, func(ctx context.Context) (struct{}, error) { return struct{}{}, order(ctx) })
	return err
}
