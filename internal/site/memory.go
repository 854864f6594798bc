// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// simulated is what a process that observes many hosts is told.
type simulated struct {
	Targets []remote.Target
	Keys    map[string][]byte
}

// BenchMemory reports the peak memory of a process that refreshes 5, 50 and 200
// hosts, each an sshd in this process.
func BenchMemory(ctx context.Context, out io.Writer) error {
	fmt.Fprint(out, "\n### Peak memory of a refresh of n simulated hosts\n\n| hosts | peak memory | more for each host |\n| ---: | ---: | ---: |\n")
	last, lastCount := int64(0), 0
	for _, count := range []int{5, 50, 200} {
		peak, err := observeInProcess(ctx, count)
		if err != nil {
			return err
		}
		growth := "–"
		if last > 0 {
			growth = fmt.Sprintf("%d KiB", (peak-last)/int64(count-lastCount)>>10)
		}
		fmt.Fprintf(out, "| %d | %d MiB | %s |\n", count, peak>>20, growth)
		last, lastCount = peak, count
	}
	return nil
}

// observeInProcess starts that many sshds here, and a process that asks them.
func observeInProcess(ctx context.Context, count int) (int64, error) {
	task := simulated{Keys: map[string][]byte{}}
	for i := range count {
		server, err := remotetest.Start()
		if err != nil {
			return 0, err
		}
		defer server.Close()
		name := fmt.Sprintf("host%d", i)
		task.Keys[name] = server.Key
		task.Targets = append(task.Targets, remote.Target{Host: server.Host, Port: server.Port, HostKey: server.HostKey, Key: name})
	}
	input, err := json.Marshal(task)
	if err != nil {
		return 0, err
	}
	program, err := os.Executable()
	if err != nil {
		return 0, err
	}
	command := exec.CommandContext(ctx, program, "observe")
	command.Stdin, command.Stderr = bytes.NewReader(input), os.Stderr
	output, err := command.Output()
	if err != nil {
		return 0, fmt.Errorf("observing %d hosts: %w", count, err)
	}
	var peak int64
	_, err = fmt.Sscan(string(output), &peak)
	return peak, err
}

// ObserveMany is that process: it asks all hosts at once about a mesh peer and
// prints its own peak memory, in bytes.
func ObserveMany(ctx context.Context, in io.Reader, out io.Writer) error {
	var task simulated
	if err := json.NewDecoder(in).Decode(&task); err != nil {
		return err
	}
	keys := map[string]remote.PrivateKey{}
	for name, key := range task.Keys {
		keys[name] = remote.PrivateKey{PEM: key}
	}
	pool, err := remote.New(remote.Options{Keys: keys})
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	var group sync.WaitGroup
	problems := make(chan error, len(task.Targets))
	for i, target := range task.Targets {
		group.Go(func() {
			node := tinc.Node{Mesh: "bench", Name: fmt.Sprintf("n%d", i), Address: "10.0.0.1", Endpoint: "192.0.2.1", Port: 655, MTU: 1400}
			manifest, err := node.Manifest()
			if err == nil {
				_, err = converge.Observe(ctx, pool.Host(target), manifest)
			}
			if err != nil {
				problems <- err
			}
		})
	}
	group.Wait()
	select {
	case err := <-problems:
		return err
	default:
	}
	_, err = fmt.Fprintln(out, highWater("/proc/self/status"))
	return err
}
