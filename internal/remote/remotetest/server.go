// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package remotetest has an sshd that lives in the test's own process and runs
// what it is asked on this machine: for tests of what happens on the wire, and
// for counting round trips with many hosts.
package remotetest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

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

	// What follows is set by what Start is given.

	// MaxSessions is how many sessions one connection gets at a time, as in
	// sshd_config; 0 means any number, less than 0 none.
	MaxSessions int
	// NoStreamLocal and NoTCP forbid forwarding, as AllowStreamLocalForwarding no
	// and AllowTcpForwarding no do.
	NoStreamLocal, NoTCP bool
	// Shell is root's login shell; "" means /bin/sh.
	Shell string
	// Noise is what the login shell says on both streams before anything else.
	Noise string
	// NoInput keeps from every program what is written to it, as sshd does from one
	// that has not started yet.
	NoInput bool
	// Environment is added to that of every session, as "NAME=value".
	Environment []string

	listener net.Listener
	config   *ssh.ServerConfig
	mu       sync.Mutex
	open     map[net.Conn]bool
}

// Start makes keys and listens, after it was configured. Only the user root with
// Key is let in.
func Start(configure ...func(*Server)) (*Server, error) {
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
	other, err := otherKey()
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
	s.config.AddHostKey(other)
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		return nil, err
	}
	address, ok := s.listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("listening on %T", s.listener.Addr())
	}
	s.Host, s.Port = "127.0.0.1", address.Port
	for _, change := range configure {
		change(s)
	}
	go s.accept()
	return s, nil
}

// otherKey is a host key of another type than HostKey: a machine has several.
func otherKey() (ssh.Signer, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
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
	var open atomic.Int64
	for offered := range channels {
		switch kind := offered.ChannelType(); {
		case kind == "session" && s.full(&open):
			_ = offered.Reject(ssh.ConnectionFailed, "open failed")
		case kind == "session":
			channel, asked, err := offered.Accept()
			if err == nil {
				s.Sessions.Add(1)
				open.Add(1)
				go s.session(channel, asked, &open)
			}
		case kind == "direct-tcpip" && s.NoTCP:
			_ = offered.Reject(ssh.Prohibited, "open failed")
		case kind == streamLocal && s.NoStreamLocal:
			_ = offered.Reject(ssh.ConnectionFailed, "open failed")
		case kind == "direct-tcpip" || kind == streamLocal:
			go forward(offered)
		default:
			_ = offered.Reject(ssh.UnknownChannelType, "not here")
		}
	}
}

// full says whether a connection has all sessions that it gets. sshd has dealt
// with a close when it sees what came after it; here the two are on their way in
// goroutines of their own.
func (s *Server) full(open *atomic.Int64) bool {
	for range 50 {
		if s.MaxSessions == 0 || open.Load() < int64(s.MaxSessions) {
			return false
		}
		time.Sleep(time.Millisecond)
	}
	return true
}

const streamLocal = "direct-streamlocal@openssh.com"

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
		said := err.Error()
		if network == "unix" {
			said = "open failed" // OpenSSH does not say more
		}
		_ = offered.Reject(ssh.ConnectionFailed, said)
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
