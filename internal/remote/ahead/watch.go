// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package ahead

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// line is what a watcher runs: the one program that sudo lets him run as root. A
// key that is bound to it runs it whatever is asked for.
const line = "sudo -n " + Program

// watch answers a question from what the host keeps. Somebody who only watches may
// ask for nothing that no apply has asked before him.
func (h *host) watch(ctx context.Context, command remote.Command) (remote.Result, error) {
	if command.Long || command.Stdin != nil {
		return h.Host.Run(ctx, command) // which refuses it
	}
	select {
	case h.machine.gate <- struct{}{}:
		defer func() { <-h.machine.gate }()
	case <-ctx.Done():
		return remote.Result{}, ctx.Err()
	}
	key := sum(command.Script)
	if _, there := h.machine.ahead.answers[key]; !there || time.Since(h.machine.at) > fresh {
		if err := h.askAll(ctx, key); err != nil {
			return remote.Result{}, err
		}
	}
	answer, found := h.machine.ahead.answers[key]
	delete(h.machine.ahead.answers, key)
	switch {
	case !found:
		h.machine.lacks[key] = true
		return remote.Result{}, h.refused(fmt.Sprintf(
			"a watcher may ask only what an apply has asked last, and this is something else (%s): what is declared here, or the provider's version, is not what was applied", command.Name))
	case answer.code != 0:
		return remote.Result{}, &remote.CommandError{Host: h.Target().Address(), Name: command.Name, ExitCode: answer.code}
	}
	return h.machine.result(answer.output), nil
}

// askAll brings home all answers, unless they lacked this one a moment ago.
func (h *host) askAll(ctx context.Context, key string) error {
	if h.machine.lacks[key] && time.Since(h.machine.at) < fresh {
		return nil
	}
	sent := time.Now()
	result, err := h.Host.Run(ctx, remote.Command{Name: "asking what is kept", Program: line, Reads: true})
	var failed *remote.CommandError
	if errors.As(err, &failed) {
		return h.refused(fmt.Sprintf("%s: %s", line, last(failed.Stderr)))
	}
	if err != nil {
		return err
	}
	ahead, err := parseAnswers(string(result.Stdout))
	if err != nil {
		return fmt.Errorf("%s: %w", h.Target().Address(), err)
	}
	h.machine.ahead, h.machine.sent, h.machine.at, h.machine.lacks = ahead, sent, time.Now(), map[string]bool{}
	return nil
}

func (h *host) refused(detail string) error {
	return &remote.Error{Kind: remote.ErrPrivilege, Address: h.Target().Address(), Detail: detail}
}

// last is the last line of what a program said.
func last(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
