// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// loginKey is the key of one dial. release lets go of the agent behind it.
type loginKey struct {
	signer  ssh.Signer
	release func()
	agent   *agentSigner
}

// busy says that an agent was asked for a signature and has not answered, be it
// that a person has to confirm it.
func (k *loginKey) busy() bool { return k.agent != nil && k.agent.asked.Load() > 0 }

// failed says what the agent did not do; nil when it did, or is none.
func (k *loginKey) failed(address string) error {
	if k.agent == nil {
		return nil
	}
	err := k.agent.problem()
	if err != nil && !errors.Is(err, errTooLate) {
		return &Error{Kind: ErrConfiguration, Address: address, Detail: "the SSH agent did not sign", Err: err}
	}
	if err != nil || k.busy() {
		return &Error{Kind: ErrConfiguration, Address: address, Detail: "the SSH agent did not sign in time: does it wait for a confirmation? Give it, or a longer ssh.timeout"}
	}
	return nil
}

// signer finds the key for one login: by name, else from the agent.
func (k *keyring) signer(ctx context.Context, address, name string) (*loginKey, error) {
	if name == "" {
		name = defaultKey
	}
	if signer, found := k.signers[name]; found {
		return &loginKey{signer: signer, release: func() {}}, nil
	}
	if k.socket == "" {
		return nil, &Error{Kind: ErrConfiguration, Address: address, Detail: fmt.Sprintf(
			"there is no key named %q in the provider's ssh.keys or ssh.key_files, and no agent", name)}
	}
	return k.fromAgent(ctx, address, name)
}

// fromAgent takes the agent's key whose comment is the name, or its first one
// for the default. The agent signs over the connection that listed its keys;
// it ends with the dial, or with ctx.
func (k *keyring) fromAgent(ctx context.Context, address, name string) (*loginKey, error) {
	trouble := func(detail string, err error) error {
		return &Error{Kind: ErrConfiguration, Address: address, Detail: detail, Err: err}
	}
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", k.socket)
	if err != nil {
		return nil, trouble("the SSH agent does not answer", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
	release := func() {
		stop()
		_ = connection.Close()
	}
	client := agent.NewClient(connection)
	keys, err := client.List()
	var signers []ssh.Signer
	if err == nil {
		signers, err = client.Signers()
	}
	if err != nil {
		release()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, trouble("the SSH agent does not list its keys", err)
	}
	for i, key := range keys {
		if i < len(signers) && (key.Comment == name || name == defaultKey) {
			signer := &agentSigner{Signer: signers[i], late: func() bool { return ctx.Err() != nil }}
			return &loginKey{signer: signer, agent: signer, release: release}, nil
		}
	}
	release()
	return nil, trouble(fmt.Sprintf("the agent holds no key with the comment %q", name), nil)
}

// errTooLate: the time for the dial was over before the agent had signed.
var errTooLate = errors.New("the time was over")

// agentSigner remembers how the agent did: in the end of a handshake its
// failures look like those of the line.
type agentSigner struct {
	ssh.Signer
	late   func() bool
	asked  atomic.Int64
	mu     sync.Mutex
	failed error
}

// Sign signs with the key's first algorithm.
func (s *agentSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

// SignWithAlgorithm is what RSA keys need.
func (s *agentSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	s.asked.Add(1)
	defer s.asked.Add(-1)
	signer, ok := s.Signer.(ssh.AlgorithmSigner)
	if !ok {
		return nil, s.remember(errors.New("it knows no signature algorithms"))
	}
	signature, err := signer.SignWithAlgorithm(rand, data, algorithm)
	return signature, s.remember(err)
}

func (s *agentSigner) remember(err error) error {
	if err != nil {
		if s.late() {
			err = errTooLate
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.failed = err
	}
	return err
}

func (s *agentSigner) problem() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failed
}
