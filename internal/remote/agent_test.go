// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// agentWith serves an SSH agent that holds a key under a comment.
func agentWith(t *testing.T, key []byte, comment string) string {
	t.Helper()
	socket, _ := countedAgent(t, key, comment)
	return socket
}

// countedAgent also tells how many connections to it are open.
func countedAgent(t *testing.T, key []byte, comment string) (socket string, open *atomic.Int64) {
	t.Helper()
	open = &atomic.Int64{}
	private, err := ssh.ParseRawPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private, Comment: comment}); err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			open.Add(1)
			go func() {
				defer open.Add(-1)
				_ = agent.ServeAgent(ring, conn)
			}()
		}
	}()
	return socket, open
}

// No dial, be it for a key that is not there, leaves a connection to the agent.
func TestAgentIsLetGo(t *testing.T) {
	server := start(t)
	socket, open := countedAgent(t, server.Key, "office")
	made, err := remote.New(remote.Options{Agent: true, AgentSocket: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = made.Close() }()
	missing := target(server)
	missing.Key = "home"
	for range 5 {
		if err := made.Host(target(server)).Prove(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := run(t, made.Host(missing), "true"); !errors.Is(err, remote.ErrConfiguration) {
			t.Fatalf("a key that the agent lacks: %v", err)
		}
	}
	for deadline := time.Now().Add(10 * time.Second); open.Load() > 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections to the agent stay open", open.Load())
		}
	}
}

// An agent that waits for a person is said to, and does not hold us.
func TestAgentThatDoesNotSign(t *testing.T) {
	t.Parallel()
	server := start(t)
	private, err := ssh.ParseRawPrivateKey(server.Key)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: private}); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	asked := &atomic.Int64{}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(pensive{ring, asked}, conn) }()
		}
	}()
	made, err := remote.New(remote.Options{Agent: true, AgentSocket: socket, DialTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = made.Close() }()
	_, err = run(t, made.Host(target(server)), "true")
	if !errors.Is(err, remote.ErrConfiguration) || !strings.Contains(err.Error(), "confirm") {
		t.Errorf("got %v", err)
	}
	if asked.Load() != 1 {
		t.Errorf("the person is asked %d times", asked.Load())
	}
}

// pensive never signs.
type pensive struct {
	agent.Agent
	asked *atomic.Int64
}

func (p pensive) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	p.asked.Add(1)
	select {}
}

func TestKeysFromAnAgent(t *testing.T) {
	server := start(t)
	socket := agentWith(t, server.Key, "office")
	open := func(name string) (string, error) {
		made, err := remote.New(remote.Options{Agent: true, AgentSocket: socket})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = made.Close() })
		named := target(server)
		named.Key = name
		return run(t, made.Host(named), "echo in")
	}
	for _, name := range []string{"", "office"} {
		if got, err := open(name); err != nil || strings.TrimSpace(got) != "in" {
			t.Errorf("key %q: %q %v", name, got, err)
		}
	}
	if _, err := open("home"); !errors.Is(err, remote.ErrConfiguration) || !strings.Contains(err.Error(), `"home"`) {
		t.Errorf("a key that the agent lacks: %v", err)
	}
	t.Setenv("SSH_AUTH_SOCK", "")
	if _, err := remote.New(remote.Options{Agent: true}); err == nil || !strings.Contains(err.Error(), "SSH_AUTH_SOCK") {
		t.Errorf("no agent at all: %v", err)
	}
}

// Prove asks the machine anew, whatever stands.
// The public half of a key is that of the one that a login offers.
func TestPublicKeyIsThatOfTheLogin(t *testing.T) {
	server := start(t)
	signer, err := ssh.ParsePrivateKey(server.Key)
	if err != nil {
		t.Fatal(err)
	}
	want := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
	socket, open := countedAgent(t, server.Key, "office")
	given := remote.Options{Keys: map[string]remote.PrivateKey{"default": {PEM: server.Key}}}
	lent := remote.Options{Agent: true, AgentSocket: socket}
	for _, row := range []struct {
		options remote.Options
		name    string
		found   bool
	}{{given, "", true}, {given, "default", true}, {given, "office", false}, {lent, "", true}, {lent, "office", true}, {lent, "home", false}, {remote.Options{}, "", false}} {
		got, err := remote.PublicKey(t.Context(), row.options, row.name)
		if row.found && (err != nil || got != want) || !row.found && !errors.Is(err, remote.ErrConfiguration) {
			t.Errorf("%q of an agent (%t): %q, %v", row.name, row.options.Agent, got, err)
		}
	}
	for range 100 {
		if open.Load() == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d connections to the agent are left", open.Load())
}

func TestProveOpensAConnectionOfItsOwn(t *testing.T) {
	server := start(t)
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	if _, err := run(t, host, "true"); err != nil {
		t.Fatal(err)
	}
	if err := host.Prove(t.Context()); err != nil || server.Connections.Load() != 2 {
		t.Errorf("%v, %d connections", err, server.Connections.Load())
	}
	unknown := target(server)
	unknown.HostKey = ""
	var shown *remote.Error
	err := pool(t, server.Key, remote.Options{}).Host(unknown).Prove(t.Context())
	if !errors.As(err, &shown) || shown.Shown != server.HostKey {
		t.Errorf("the shown key is not told: %v", err)
	}
}
