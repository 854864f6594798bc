// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// Delay is one way on every line of the bench: 100 ms there and back.
const Delay = 50 * time.Millisecond

// farther is a delay beside which the machine's own work, and its noise, count for
// little: what a plan takes longer then is round trips and nothing else.
const farther = 400 * time.Millisecond

// goalTrips is how many serial round trips a plan may wait for, whatever the depth:
// seven of the handshake, one each for the session, the first answer, and what a
// machine pings over the mesh for it.
const goalTrips = 10

// What the design allows: the handshake, and two round trips for each level of
// dependency (host, peer, mesh, server, cluster, router).
const (
	handshakeTrips = 7
	levels         = 6
	mostTrips      = handshakeTrips + 2*levels
)

// samples of everything that is timed; the middle one counts.
const samples = 3

// BenchPlan measures a plan of the unchanged site and the same check by Ansible.
func BenchPlan(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	terraform, err := Example(dir, client.Inventory)
	if err != nil {
		return err
	}
	if err := delay(ctx, client, 0); err != nil {
		return err
	}
	if err := terraform.Apply(ctx); err != nil {
		return err
	}
	near, err := measurePlan(ctx, client, terraform)
	if err != nil {
		return err
	}
	if err := delay(ctx, client, Delay); err != nil {
		return err
	}
	far, err := measurePlan(ctx, client, terraform)
	if err != nil {
		return err
	}
	if err := delay(ctx, client, farther); err != nil {
		return err
	}
	farthest, err := measurePlan(ctx, client, terraform)
	if err != nil {
		return err
	}
	if err := delay(ctx, client, Delay); err != nil {
		return err
	}
	playbook, err := measureAnsible(ctx, client, dir)
	if err != nil {
		return err
	}
	trip := 2 * Delay
	trips := float64(farthest.took-far.took) / float64(2*(farther-Delay))
	allowed := time.Duration(1.5 * float64(mostTrips*trip+near.took))
	fmt.Fprintf(out, "\n### A plan of the unchanged five-host site, %s each way\n\n", Delay)
	fmt.Fprintln(out, "| | Atoll | Ansible, --check, pipelining |\n| --- | ---: | ---: |")
	fmt.Fprintf(out, "| time | %s | %s |\n", far.took.Round(10*time.Millisecond), playbook.took.Round(10*time.Millisecond))
	fmt.Fprintf(out, "| SSH connections, all hosts | %d | %d |\n", far.connections, playbook.connections)
	fmt.Fprintf(out, "| bytes on the wire | %d KiB | %d KiB |\n", far.bytes>>10, playbook.bytes>>10)
	fmt.Fprintf(out, "| packets | %d | %d |\n", far.packets, playbook.packets)
	fmt.Fprintf(out, "\nAt no delay the plan takes %s. 1.5 × (%d × %s + %s) = %s: **%s**.\n",
		near.took.Round(10*time.Millisecond), mostTrips, trip, near.took.Round(10*time.Millisecond), allowed.Round(10*time.Millisecond), verdict(far.took <= allowed))
	fmt.Fprintf(out, "At %s each way it takes %s, so it waits for %.1f serial round trips (goal: %d): **%s**.\n",
		farther, farthest.took.Round(10*time.Millisecond), trips, goalTrips, verdict(math.Round(trips) <= goalTrips))
	fmt.Fprintf(out, "Peak memory of the provider in a plan: %d MiB (allowed: 150): **%s**.\n", far.memory>>20, verdict(far.memory < 150<<20))
	return nil
}

func verdict(held bool) string {
	if held {
		return "held"
	}
	return "missed"
}

// cost of one run.
type cost struct {
	took                        time.Duration
	connections, bytes, packets int64
	memory                      int64
}

// delay sets every line of the lab to one delay, without loss.
func delay(ctx context.Context, client *lab.Client, one time.Duration) error {
	names := []string{lab.Operator}
	for _, host := range client.Inventory.Hosts {
		names = append(names, host.Name)
	}
	for i, from := range names {
		for _, to := range names[i+1:] {
			if err := client.SetLink(ctx, from, to, lab.Link{Delay: one}, false); err != nil {
				return err
			}
		}
	}
	return nil
}

// traffic between the operator and the hosts so far.
func traffic(ctx context.Context, client *lab.Client) (cost, error) {
	statistics, err := client.Statistics(ctx)
	var sum cost
	for direction, counters := range statistics {
		if strings.HasPrefix(direction, lab.Operator+">") || strings.HasSuffix(direction, ">"+lab.Operator) {
			sum.connections += counters.SSHConnections
			sum.bytes += counters.Bytes
			sum.packets += counters.Packets
		}
	}
	return sum, err
}

// measure runs something a few times and gives the middle of the times, and
// what one run put on the wire.
func measure(ctx context.Context, client *lab.Client, run func() error) (cost, error) {
	var times []time.Duration
	var last cost
	for range samples {
		before, err := traffic(ctx, client)
		if err != nil {
			return last, err
		}
		start := time.Now()
		if err := run(); err != nil {
			return last, err
		}
		times = append(times, time.Since(start))
		after, err := traffic(ctx, client)
		if err != nil {
			return last, err
		}
		last = cost{connections: after.connections - before.connections, bytes: after.bytes - before.bytes, packets: after.packets - before.packets}
	}
	slices.Sort(times)
	last.took = times[len(times)/2]
	return last, nil
}

func measurePlan(ctx context.Context, client *lab.Client, terraform *Terraform) (cost, error) {
	peak, stop := watchMemory()
	defer stop()
	found, err := measure(ctx, client, func() error {
		_, err := terraform.run(ctx, "plan", "-no-color", "-detailed-exitcode")
		return err
	})
	found.memory = peak.Load()
	return found, err
}

// watchMemory follows the peak resident memory of any provider process.
func watchMemory() (*atomic.Int64, func()) {
	var peak atomic.Int64
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
			files, _ := filepath.Glob("/proc/[0-9]*/comm")
			for _, file := range files {
				name, err := os.ReadFile(file)
				if err != nil || !strings.HasPrefix(string(name), "terraform-prov") {
					continue
				}
				peak.Store(max(peak.Load(), highWater(filepath.Join(filepath.Dir(file), "status"))))
			}
		}
	}()
	return &peak, func() { close(done) }
}

// highWater reads VmHWM of a process, in bytes; 0 when it has ended.
func highWater(status string) int64 {
	text, err := os.ReadFile(status)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "VmHWM:" {
			kibibytes, _ := strconv.ParseInt(fields[1], 10, 64)
			return kibibytes << 10
		}
	}
	return 0
}
