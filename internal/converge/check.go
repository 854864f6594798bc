// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

// Check compares what has no file: variables, ports, rules, routes, memory. It
// is a question whose answer the plan depends on, so one without an answer fails
// the whole observation: nothing can be called in sync then.
type Check[T any] struct {
	Question[T]
	// Differs says what differs, nothing when in sync. It does no I/O.
	Differs func(T) []Line
	// Mend gives the steps that bring it in order. Without it the lines are
	// mended by the plugin, by other means than steps on the host.
	Mend func(T) []Step
}

// checked is a check, whatever its type.
type checked interface {
	Asked
	verify(got reply) error
	diff(d *differ, got reply)
}

func (Check[T]) kind() engine { return checkKind }

var checkKind = &kind[checked, reply]{
	name: "check", function: "question", shell: questionShell,
	arguments: func(c checked) []string { return []string{c.script()} },
	read: func(c checked, words []string) (reply, error) {
		got, err := readReply(words)
		if err == nil {
			err = c.verify(got)
		}
		return got, err
	},
	compare: func(d *differ, c checked, got reply) { c.diff(d, got) },
}

func (c Check[T]) verify(got reply) error {
	_, err := c.read(got)
	return err
}

func (c Check[T]) diff(d *differ, got reply) {
	value, err := c.read(got)
	if err != nil {
		d.refusal = err
		return
	}
	lines := c.Differs(value)
	d.say(lines...)
	if len(lines) > 0 && c.Mend != nil {
		d.do(c.Mend(value)...)
	}
}
