// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// StepError says which step of a plan failed. The steps before it are done,
// those behind it are not begun.
type StepError struct {
	// Title is the step's.
	Title string
	// Err is a *remote.CommandError with the step's exit code and output.
	Err error
}

func (e *StepError) Error() string { return "unable to " + e.Title + ": " + e.Err.Error() }

// Unwrap gives the command's error.
func (e *StepError) Unwrap() error { return e.Err }

// ErrStillDiffers says that the steps ran without an error and the host is still not as
// declared.
var ErrStillDiffers = errors.New("still differs after apply")

// ErrBusy says that another run holds the host's lock for too long.
var ErrBusy = errors.New("another run is working on the host")

// lockWait is how long an apply waits for another one, in seconds.
const lockWait = 900

// busyCode is the exit code of the wrapper when the lock was not to be had.
const busyCode = 75

// Apply runs the steps in one stream, under the host's lock. Nothing of a
// payload appears on a command line.
func Apply(ctx context.Context, host remote.Host, m Manifest, steps []Step) error {
	if len(steps) == 0 {
		return nil
	}
	release, err := host.Exclusive(ctx)
	if err != nil {
		return err
	}
	defer release()
	for _, step := range steps {
		tflog.Info(ctx, step.Title, map[string]any{"host": host.Target().Host, "owner": m.Owner})
	}
	script := applyScript(m.Owner, steps)
	readers := []io.Reader{strings.NewReader(script)}
	for _, step := range steps {
		readers = append(readers, bytes.NewReader(step.Payload))
	}
	_, err = host.Run(ctx, remote.Command{
		Name: "converging " + m.Owner, Long: true, Stdin: io.MultiReader(readers...),
		// The script itself comes first on standard input: an argument could
		// not be as long, and everybody on the host could read it. One that
		// was cut on its way must not run: half of a command is another one.
		Script: fmt.Sprintf(`s=$(head -c %d)
case $s in *%s) eval "$s" ;; *) echo "the script did not arrive whole" >&2; exit 1 ;; esac`, len(script), remote.Quote(scriptEnd)),
	})
	return stepError(steps, err)
}

// Whoami names the person and the machine that work on a host, for those who
// have to wait for them.
var Whoami = sync.OnceValue(func() string {
	name := "somebody"
	if known, err := user.Current(); err == nil {
		name = known.Username
	}
	if machine, err := os.Hostname(); err == nil {
		name += "@" + machine
	}
	return name
})

// scriptEnd is the last line of every script.
const scriptEnd = "# that is all"

// applyScript takes the lock and runs the steps, each in a subshell. A failed
// one ends the stream and names itself by number.
func applyScript(owner string, steps []Step) string {
	var script strings.Builder
	fmt.Fprintf(&script, `umask 077
mkdir -p /run/atoll
chmod 0700 /run/atoll
exec 9>>/run/atoll/lock
flock -w %d 9 || { printf 'held by %%s\n' "$(cat /run/atoll/holder 2>/dev/null)" >&2; exit %d; }
printf '%%s since %%s\n' %s "$(date -u +%%FT%%TZ)" >/run/atoll/holder
umask 022
%s`, lockWait, busyCode, quote(owner+", applied by "+Whoami()), waysShell)
	for i, step := range steps {
		// A step without a payload must not eat that of the next.
		input := ""
		if len(step.Payload) == 0 {
			input = " </dev/null"
		}
		fmt.Fprintf(&script, "(exec 9>&-\nset -e\n%s\n)%s\ncode=$?; [ $code = 0 ] || { printf 'atoll-step %d\\n' >&2; exit $code; }\n", step.Script, input, i)
	}
	script.WriteString(scriptEnd)
	return script.String()
}

var stepMark = regexp.MustCompile(`(?m)^atoll-step (\d+)\n?\z`)

// stepError finds out which step failed.
func stepError(steps []Step, err error) error {
	var command *remote.CommandError
	if !errors.As(err, &command) {
		return err
	}
	if command.ExitCode == busyCode && strings.HasPrefix(command.Stderr, "held by ") {
		return fmt.Errorf("%w: %s %s: wait until it has ended and apply again", ErrBusy, command.Host, strings.TrimSpace(command.Stderr))
	}
	found := stepMark.FindStringSubmatch(command.Stderr)
	if found == nil {
		return err
	}
	index, convErr := strconv.Atoi(found[1])
	if convErr != nil || index >= len(steps) {
		return err
	}
	clean := *command
	clean.Stderr = stepMark.ReplaceAllString(command.Stderr, "")
	return &StepError{Title: steps[index].Title, Err: &clean}
}

// rounds is how often Converge looks again: a second round mends what the first
// made visible, such as a unit that a package brought along.
const rounds = 3

// Converge brings the host to the manifest and gives what was read back. It can
// be killed anywhere: the next call goes on from what it sees.
func Converge(ctx context.Context, host remote.Host, m Manifest) (Observation, error) {
	for round := 1; ; round++ {
		observation, err := Observe(ctx, host, m)
		if err != nil {
			return observation, err
		}
		plan := Diff(m, observation)
		switch {
		case plan.Refusal != nil:
			return observation, plan.Refusal
		case len(plan.Steps) == 0:
			return observation, nil
		case round > rounds:
			return observation, fmt.Errorf("%w: %s", ErrStillDiffers, strings.Join(Texts(plan.Drift), "; "))
		}
		if err := Apply(ctx, host, m, plan.Steps); err != nil {
			return observation, err
		}
	}
}

// Remove takes back everything that the host's record lists for the owner. Where nothing is
// recorded, as after an apply that failed at its beginning, what the host was asked by then
// is forgotten all the same.
func Remove(ctx context.Context, host remote.Host, owner string) error {
	manifest := Manifest{Owner: owner}
	observation, err := Observe(ctx, host, manifest)
	if err != nil {
		return err
	}
	steps := DiffRemoval(observation.Record).Steps
	if observation.Record == nil {
		steps = []Step{forgetStep(owner)}
	}
	return Apply(ctx, host, manifest, steps)
}
