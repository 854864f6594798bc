// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

func start(t *testing.T, configure ...func(*remotetest.Server)) *remotetest.Server {
	t.Helper()
	server, err := remotetest.Start(configure...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	return server
}

func pool(t *testing.T, key []byte, options remote.Options) *remote.Pool {
	t.Helper()
	options.Keys = map[string]remote.PrivateKey{"default": {PEM: key}}
	made, err := remote.New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = made.Close() })
	return made
}

func target(s *remotetest.Server) remote.Target {
	return remote.Target{Host: s.Host, Port: s.Port, HostKey: s.HostKey}
}

func run(t *testing.T, host remote.Host, script string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	result, err := host.Run(ctx, remote.Command{Name: "testing", Script: script, Reads: true})
	return string(result.Stdout), err
}

func TestRun(t *testing.T) {
	server := start(t)
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	for _, row := range []struct {
		name, script, want string
		code               int
	}{
		{"output", "printf hello", "hello", 0},
		{"nothing", ":", "", 0},
		{"no line break at the end is kept", "printf 'a\\nb'", "a\nb", 0},
		{"exit code", "echo before; exit 3", "before\n", 3},
		{"a variable does not outlive its request", "echo \"[$left]\"; left=over", "[]\n", 0},
		{"nor does a directory", "pwd >/dev/null; cd /; echo ok", "ok\n", 0},
		{"quotes", `printf '%s' "it's"`, "it's", 0},
		{"standard input is empty", "cat", "", 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 {
				got, err := run(t, host, row.script)
				var command *remote.CommandError
				code := 0
				if errors.As(err, &command) {
					code = command.ExitCode
				} else if err != nil {
					t.Fatal(err)
				}
				if got != row.want || code != row.code {
					t.Errorf("got %q and exit code %d, want %q and %d", got, code, row.want, row.code)
				}
			}
		})
	}
	if got := server.Connections.Load(); got != 1 {
		t.Errorf("%d connections for all of it, want 1", got)
	}
}

// The first question comes with the shell: sshd takes no input for a program until
// it has started it, which would be another round trip.
func TestFirstQuestionNeedsNoInput(t *testing.T) {
	server := start(t, func(s *remotetest.Server) { s.NoInput = true })
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	result, err := host.Run(t.Context(), remote.Command{Name: "asking", Script: "echo first", Reads: true})
	if err != nil || string(result.Stdout) != "first\n" {
		t.Errorf("%q, %v", result.Stdout, err)
	}
}

// What does not fit into an argument of a program comes as its input.
func TestLongFirstQuestion(t *testing.T) {
	server := start(t)
	long := strings.Repeat("# a line that says nothing\n", 10_000)
	result, err := pool(t, server.Key, remote.Options{}).Host(target(server)).Run(t.Context(), remote.Command{Name: "asking", Script: long + "echo first", Reads: true})
	if err != nil || string(result.Stdout) != "first\n" {
		t.Errorf("%q, %v", result.Stdout, err)
	}
}

func TestManyAtOnceShareOneConnection(t *testing.T) {
	server := start(t)
	shared := pool(t, server.Key, remote.Options{})
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			host := shared.Host(target(server))
			want := strings.Repeat(fmt.Sprint(i), 1000)
			script := "printf " + want
			if i%3 == 0 {
				result, err := host.Run(t.Context(), remote.Command{Name: "long", Script: "cat", Stdin: strings.NewReader(want)})
				if err != nil || string(result.Stdout) != want {
					t.Errorf("streamed %d: got %d bytes, %v", i, len(result.Stdout), err)
				}
				return
			}
			if got, err := run(t, host, script); err != nil || got != want {
				t.Errorf("asked %d: got %d bytes, %v", i, len(got), err)
			}
		})
	}
	group.Wait()
	if got := server.Connections.Load(); got != 1 {
		t.Errorf("%d connections, want 1", got)
	}
}

func TestRefusals(t *testing.T) {
	server, other := start(t), start(t)
	for _, row := range []struct {
		name   string
		change func(*remote.Target)
		key    []byte
		want   error
		text   string
	}{
		{"no host key", func(t *remote.Target) { t.HostKey = "" }, server.Key, remote.ErrHostKeyUnknown, "SHA256:"},
		{"another host key", func(t *remote.Target) { t.HostKey = other.HostKey }, server.Key, remote.ErrHostKeyMismatch, "SHA256:"},
		{"nonsense for a host key", func(t *remote.Target) { t.HostKey = "ssh-ed25519 nonsense" }, server.Key, remote.ErrConfiguration, ""},
		{"another user", func(t *remote.Target) { t.User = "nobody" }, server.Key, remote.ErrAuthentication, "nobody"},
		{"another key", func(*remote.Target) {}, other.Key, remote.ErrAuthentication, ""},
		{"a key that nobody gave", func(t *remote.Target) { t.Key = "office" }, server.Key, remote.ErrConfiguration, "office"},
	} {
		t.Run(row.name, func(t *testing.T) {
			to := target(server)
			row.change(&to)
			_, err := run(t, pool(t, row.key, remote.Options{}).Host(to), "echo reached")
			if !errors.Is(err, row.want) {
				t.Fatalf("got %v, want %v", err, row.want)
			}
			if !strings.Contains(err.Error(), row.text) {
				t.Errorf("the error %q does not say %q", err, row.text)
			}
		})
	}
	to := target(server)
	to.HostKey = ""
	_, err := run(t, pool(t, server.Key, remote.Options{}).Host(to), "true")
	if !strings.Contains(err.Error(), server.HostKey) {
		t.Errorf("the error does not print the line to add: %v", err)
	}
}

// A machine that accepts and says nothing costs one bounded wait, however many
// ask; one that is lost costs none.
func TestDeadHostCostsOneWait(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	dials := 0
	var mu sync.Mutex
	options := remote.Options{DialTimeout: 400 * time.Millisecond, Lost: []string{"192.0.2.99"}}
	options.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		mu.Lock()
		dials++
		mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, listener.Addr().String())
	}
	server := start(t)
	shared := pool(t, server.Key, options)
	begin := time.Now()
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if _, err := run(t, shared.Host(remote.Target{Host: "192.0.2.98", HostKey: server.HostKey}), "true"); !errors.Is(err, remote.ErrUnreachable) {
				t.Errorf("got %v, want unreachable", err)
			}
		})
	}
	group.Wait()
	if _, err := run(t, shared.Host(remote.Target{Host: "192.0.2.98", HostKey: server.HostKey}), "true"); !errors.Is(err, remote.ErrUnreachable) {
		t.Errorf("later: got %v, want unreachable", err)
	}
	// Within the one wait a new attempt runs beside the first, since a line may lose packets.
	asked := dials
	if asked > 3 {
		t.Errorf("dialled %d times, want 3 at most", asked)
	}
	if took := time.Since(begin); took > 8*options.DialTimeout {
		t.Errorf("waited %s: more than one wait of %s", took, options.DialTimeout)
	}
	if _, err := run(t, shared.Host(remote.Target{Host: "192.0.2.99", HostKey: server.HostKey}), "true"); !errors.Is(err, remote.ErrLost) {
		t.Errorf("got %v, want lost", err)
	}
	if dials != asked {
		t.Error("a lost host was dialled")
	}
}

func TestCutInTheMiddle(t *testing.T) {
	server := start(t)
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	if _, err := run(t, host, "true"); err != nil {
		t.Fatal(err)
	}
	reader, writer := io.Pipe()
	go func() {
		_, _ = writer.Write(bytes.Repeat([]byte("x"), 1<<16))
		server.Cut()
		_, _ = writer.Write([]byte("y"))
		_ = writer.Close()
	}()
	_, err := host.Run(t.Context(), remote.Command{Name: "uploading", Script: "cat >/dev/null", Stdin: reader})
	if !errors.Is(err, remote.ErrUnreachable) {
		t.Errorf("got %v, want unreachable", err)
	}
}

func TestCancel(t *testing.T) {
	server := start(t)
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := host.Run(ctx, remote.Command{Name: "sleeping", Script: "sleep 30", Reads: true}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	if got, err := run(t, host, "echo again"); err != nil || got != "again\n" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// echoSocket is a unix socket that says what it hears.
func echoSocket(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", path)
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
			go func() { _, _ = io.Copy(conn, conn) }()
		}
	}()
	return path
}

func TestDialUnixSocket(t *testing.T) {
	path := echoSocket(t)
	server := start(t)
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	conn, err := host.Dial(t.Context(), remote.Endpoint{Network: "unix", Address: path})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("ping")); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 4)
	if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != "ping" {
		t.Errorf("got %q, %v", answer, err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Read(answer); err == nil {
		t.Error("a read went on after its deadline")
	}
}

func TestNoSecretInErrors(t *testing.T) {
	server := start(t)
	host := pool(t, server.Key, remote.Options{}).Host(target(server))
	_, err := host.Run(t.Context(), remote.Command{Name: "failing", Script: "exit 7 # pa55word", Stdin: strings.NewReader("s3cret")})
	if err == nil || strings.Contains(err.Error(), "pa55word") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error is %v", err)
	}
}

// A port that is closed is no machine that is gone, and yet nothing is known of it.
func TestRefusedPort(t *testing.T) {
	host, port, err := net.SplitHostPort(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	_, err = run(t, pool(t, start(t).Key, remote.Options{}).Host(remote.Target{Host: host, Port: number}), "true")
	want := "connect " + host + ":" + port + ": connection refused: the machine answers, and nothing listens on port " + port + ". Is its sshd at another port? Give that as ssh.port. Or it is still booting"
	if !errors.Is(err, remote.ErrUnreachable) || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// A machine that is booting is met when its sshd is up; what waiting cannot
// mend is said at once.
func TestAwait(t *testing.T) {
	server := start(t)
	dials := 0
	options := remote.Options{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		if dials < 3 {
			return nil, errors.New("connection refused")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	host := pool(t, server.Key, options).Host(target(server))
	if err := host.Await(t.Context(), 20*time.Second); err != nil {
		t.Fatal(err)
	}
	if dials != 3 {
		t.Errorf("dialled %d times, want 3", dials)
	}
	wrong := target(server)
	wrong.User = "nobody"
	begin := time.Now()
	if err := pool(t, server.Key, remote.Options{}).Host(wrong).Await(t.Context(), time.Minute); !errors.Is(err, remote.ErrAuthentication) {
		t.Errorf("got %v, want the refusal", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("a refusal was waited for: %s", took)
	}
}
