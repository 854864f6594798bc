// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package remotetest has an sshd that lives in the test's own process and runs
// what it is asked on this machine: for tests of what happens on the wire, and
// for counting round trips with many hosts.
package remotetest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// Server is one such sshd on a port of 127.0.0.1.
type Server struct {
	// Host and Port to dial; HostKey and Key in the forms that remote takes.
	Host    string
	Port    int
	HostKey string
	Key     []byte
	// Connections and Sessions count what was accepted.
	Connections, Sessions atomic.Int64
	// Answer, if set, stands in for a command: it gets the script that came on
	// the long-lived shell or session and may say what it prints.
	Answer func(program string, stdin io.Reader, stdout io.Writer) int

	listener net.Listener
	config   *ssh.ServerConfig
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// Start makes keys and listens. Only the user root with Key is let in.
func Start() (*Server, error) {
	_, hostPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.NewSignerFromKey(hostPrivate)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "test")
	if err != nil {
		return nil, err
	}
	allowed, err := ssh.NewPublicKey(public)
	if err != nil {
		return nil, err
	}
	s := &Server{Key: pem.EncodeToMemory(block), HostKey: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), open: map[net.Conn]bool{}}
	s.config = &ssh.ServerConfig{PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if conn.User() != "root" || string(key.Marshal()) != string(allowed.Marshal()) {
			return nil, errors.New("not allowed")
		}
		return &ssh.Permissions{}, nil
	}}
	s.config.AddHostKey(signer)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	address, ok := s.listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("listening on %T", s.listener.Addr())
	}
	s.Host, s.Port = "127.0.0.1", address.Port
	go s.accept()
	return s, nil
}

// Close stops listening and cuts all connections.
func (s *Server) Close() {
	_ = s.listener.Close()
	s.Cut()
}

// Cut breaks all connections, as a line does.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		_ = conn.Close()
	}
}

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.Connections.Add(1)
		s.mu.Lock()
		s.open[conn] = true
		s.mu.Unlock()
		go s.serve(conn)
	}
}

func (s *Server) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		s.mu.Lock()
		delete(s.open, conn)
		s.mu.Unlock()
	}()
	_, channels, requests, err := ssh.NewServerConn(conn, s.config)
	if err != nil {
		return
	}
	go func() {
		for request := range requests {
			_ = request.Reply(true, nil) // keepalives
		}
	}()
	for offered := range channels {
		switch offered.ChannelType() {
		case "session":
			channel, asked, err := offered.Accept()
			if err == nil {
				s.Sessions.Add(1)
				go s.session(channel, asked)
			}
		case "direct-tcpip", "direct-streamlocal@openssh.com":
			go forward(offered)
		default:
			_ = offered.Reject(ssh.UnknownChannelType, "not here")
		}
	}
}

// session runs the one command that is asked for.
func (s *Server) session(channel ssh.Channel, asked <-chan *ssh.Request) {
	defer func() { _ = channel.Close() }()
	for request := range asked {
		if request.Type != "exec" {
			_ = request.Reply(false, nil)
			continue
		}
		var payload struct{ Program string }
		if ssh.Unmarshal(request.Payload, &payload) != nil {
			return
		}
		_ = request.Reply(true, nil)
		code := s.run(payload.Program, channel)
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Code uint32 }{uint32(code)}))
		return
	}
}

func (s *Server) run(program string, channel ssh.Channel) int {
	if s.Answer != nil {
		return s.Answer(program, channel, channel)
	}
	command := exec.Command("/bin/sh", "-c", program)
	stdin, err := command.StdinPipe()
	if err != nil {
		return 255
	}
	command.Stdout, command.Stderr = channel, channel.Stderr()
	if err := command.Start(); err != nil {
		return 127
	}
	go func() {
		_, _ = io.Copy(stdin, channel)
		_ = stdin.Close()
	}()
	err = command.Wait()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}

// forward joins a channel with what it names.
func forward(offered ssh.NewChannel) {
	var network, address string
	if offered.ChannelType() == "direct-tcpip" {
		var to struct {
			Host   string
			Port   uint32
			Origin string
			From   uint32
		}
		if ssh.Unmarshal(offered.ExtraData(), &to) != nil {
			return
		}
		network, address = "tcp", net.JoinHostPort(to.Host, fmt.Sprint(to.Port))
	} else {
		var to struct {
			Path, Reserved string
			Port           uint32
		}
		if ssh.Unmarshal(offered.ExtraData(), &to) != nil {
			return
		}
		network, address = "unix", to.Path
	}
	target, err := net.Dial(network, address)
	if err != nil {
		_ = offered.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	defer func() { _ = target.Close() }()
	channel, requests, err := offered.Accept()
	if err != nil {
		return
	}
	defer func() { _ = channel.Close() }()
	go ssh.DiscardRequests(requests)
	go func() {
		_, _ = io.Copy(target, channel)
		_ = target.Close()
	}()
	_, _ = io.Copy(channel, target)
}
