// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// Fault is one way in which the API lets its clients down.
type Fault string

const (
	// Dropped breaks the connection after a request was carried out.
	Dropped Fault = "dropped"
	// Unavailable answers 503.
	Unavailable Fault = "unavailable"
	// BadGateway answers 502 with a page of HTML, as a balancer does.
	BadGateway Fault = "bad gateway"
	// TooMany answers 429 with Retry-After.
	TooMany Fault = "too many"
	// Busy refuses an action with "Linode busy.".
	Busy Fault = "busy"
	// FailedEvent lets the last event of an action fail.
	FailedEvent Fault = "failed event"
	// Stuck leaves a new instance provisioning for ever.
	Stuck Fault = "stuck"
)

// Faults are what is to go wrong.
type Faults struct {
	// Chance of each fault at each opportunity, from 0 to 1.
	Chance map[Fault]float64 `json:"chance,omitempty"`
	// Next strikes once each, at the first opportunity, whatever the chance.
	Next []Next `json:"next,omitempty"`
	// Seed of the chances.
	Seed uint64 `json:"seed,omitempty"`
}

// Next is a fault that strikes once.
type Next struct {
	Fault Fault `json:"fault"`
	// Request narrows it down to "METHOD /path" as a prefix; "" is any. Busy,
	// FailedEvent and Stuck do not look at it.
	Request string `json:"request,omitempty"`
}

// Fail sets the faults from now on.
func (s *Server) Fail(faults Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = faults
	s.random = rand.New(rand.NewPCG(faults.Seed, faults.Seed))
}

// strikes decides whether a fault strikes at this opportunity.
func (s *Server) strikes(fault Fault, request ...string) bool {
	for i, next := range s.faults.Next {
		if next.Fault == fault && (len(request) == 0 || strings.HasPrefix(request[0], next.Request)) {
			s.faults.Next = append(s.faults.Next[:i:i], s.faults.Next[i+1:]...)
			return true
		}
	}
	return s.random.Float64() < s.faults.Chance[fault]
}

func requestName(r *http.Request) string {
	return r.Method + " " + strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v4beta"), "/v4")
}

// fails answers for a request that is not carried out.
func (s *Server) fails(w http.ResponseWriter, r *http.Request) bool {
	switch name := requestName(r); {
	case s.strikes(Unavailable, name):
		answer(w, http.StatusServiceUnavailable, refuse(http.StatusServiceUnavailable, "", "Service unavailable").body())
	case s.strikes(BadGateway, name):
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head></html>"))
	case s.strikes(TooMany, name):
		tooMany(w, 400, time.Now().Add(time.Second))
	default:
		return false
	}
	return true
}

// drops breaks the connection of a request that was carried out.
func (s *Server) drops(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || !s.strikes(Dropped, requestName(r)) {
		return false
	}
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return false
	}
	_ = connection.Close()
	return true
}

// window counts requests of one kind since it began.
type window struct {
	begun time.Time
	count int
}

// limits of the API by kind of request: how many in how many seconds. What is
// documented; the recordings show others, up to 1840.
type limit struct {
	name    string
	count   int
	seconds float64
}

func limitOf(route route) limit {
	switch {
	case route.Method == http.MethodPost && route.Path == "/linode/instances":
		return limit{"create", 10, 30}
	case route.Method == http.MethodPost && route.Path == "/volumes":
		return limit{"volumes", 25, 60}
	case route.Method == http.MethodGet && route.Path == "/images":
		return limit{"images", 20, 60}
	case route.Method == http.MethodGet && !strings.HasSuffix(route.Path, "}"):
		return limit{"lists", 200, 60}
	default:
		return limit{"others", 400, 60}
	}
}

// limited counts a request and answers 429 where it is one too many.
func (s *Server) limited(w http.ResponseWriter, route route) bool {
	rule := limitOf(route)
	length := time.Duration(rule.seconds / s.options.Speed * float64(time.Second))
	current := s.limits[rule.name]
	if current == nil || time.Since(current.begun) > length {
		current = &window{begun: time.Now()}
		s.limits[rule.name] = current
	}
	current.count++
	reset := current.begun.Add(length)
	w.Header().Set("X-RateLimit-Limit", fmt.Sprint(rule.count))
	w.Header().Set("X-RateLimit-Remaining", fmt.Sprint(max(0, rule.count-current.count)))
	w.Header().Set("X-RateLimit-Reset", fmt.Sprint(reset.Unix()))
	if current.count <= rule.count {
		return false
	}
	tooMany(w, rule.count, reset)
	return true
}

func tooMany(w http.ResponseWriter, count int, reset time.Time) {
	seconds := int(time.Until(reset).Seconds()) + 1
	w.Header().Set("Retry-After", fmt.Sprint(seconds))
	w.Header().Set("X-RateLimit-Limit", fmt.Sprint(count))
	w.Header().Set("X-RateLimit-Remaining", "0")
	answer(w, http.StatusTooManyRequests, refuse(http.StatusTooManyRequests, "", "Too many requests").body())
}
