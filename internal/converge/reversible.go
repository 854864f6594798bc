// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Reversible is a change that could lock us out: of keys, sshd's settings, a
// firewall. Before it, the host arms its own way back: a timer of systemd, and a
// unit for the case that it boots in between, put back what was there. Then the
// change is made, proven over a fresh connection, and the way back disarmed.
// Killed anywhere, the run leaves a host that goes back by itself.
type Reversible struct {
	// Name of the change on the host: lower-case letters and hyphens. Of one name
	// there is one change at a time; the next waits until it was proven or taken
	// back.
	Name string
	// Keep are the paths of all files that the steps touch. One that is not there
	// before is removed again.
	Keep []string
	// Steps make the change.
	Steps []Step
	// Reload is a script that lets those who read the files read them again, after
	// they were put back. At boot it is not needed and does not run.
	Reload string
	// Prove shows that the machine lets us in, and gives the Host by which it is
	// reached from now on. It is tried again while Wait has time for it, unless the
	// login is refused; nil means the host's own Prove.
	Prove func(ctx context.Context) (remote.Host, error)
	// Wait is how long the host waits for the proof; 0 means DefaultWait.
	Wait time.Duration
}

// DefaultWait is long enough for sshd to read its settings on a slow machine and
// for a connection over a slow line, several times.
const DefaultWait = 60 * time.Second

var (
	// ErrReverted says that the host went back to what was there before the
	// change, or is about to by itself.
	ErrReverted = errors.New("the change was taken back")
	// ErrUnproven says that with the change the host did not let us in.
	ErrUnproven = errors.New("with it the host does not let us in")
)

const (
	wayBackRoot = "/var/lib/atoll/way-back"
	// revertedCode is the exit code of a disarm that came too late.
	revertedCode = 76
	// The pauses between proofs: sshd punishes hasty clients.
	firstPause   = 250 * time.Millisecond
	longestPause = 4 * time.Second
	// goingBack is how long an explicit way back may take.
	goingBack = 20 * time.Second
)

// Apply makes the change. Its error says whether the host went back.
func (r Reversible) Apply(ctx context.Context, host remote.Host) error {
	id := strings.ToLower(rand.Text()[:10])
	prove := r.Prove
	if prove == nil {
		prove = func(ctx context.Context) (remote.Host, error) { return host, host.Prove(ctx) }
	}
	armed, arm := time.Now(), r.arm(id)
	err := Apply(ctx, host, Manifest{Owner: r.Name}, append([]Step{arm}, r.Steps...))
	var failed *StepError
	switch {
	case errors.Is(err, ErrBusy) || errors.As(err, &failed) && failed.Title == arm.Title:
		return err // nothing was changed
	case err != nil:
		return r.takeBack(ctx, host, id, err)
	}
	// The timer runs since some moment after this; half of the time is for us.
	deadline := armed.Add(r.wait() / 2)
	if now := time.Now(); deadline.Before(now.Add(r.wait() / 4)) {
		deadline = now.Add(r.wait() / 4) // the way to the host was long
	}
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		proven, err := prove(ctx)
		if err == nil {
			return r.disarm(ctx, proven, id)
		}
		// A key that is refused once is refused again, and sshd punishes those who
		// insist; all else may be an sshd that has not read its settings yet.
		if ctx.Err() != nil || time.Now().After(deadline) || errors.Is(err, remote.ErrAuthentication) {
			return r.takeBack(ctx, host, id, fmt.Errorf("%w: %w", ErrUnproven, err))
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return r.takeBack(ctx, host, id, err)
		}
	}
}

func (r Reversible) wait() time.Duration { return cmp.Or(r.Wait, DefaultWait) }

func (r Reversible) directory(id string) string { return path.Join(wayBackRoot, r.Name+"."+id) }

// timer is the unit that reversible.sh starts.
func (r Reversible) timer(id string) string { return "atoll-way-back-" + r.Name + "-" + id + ".timer" }

//go:embed reversible.sh
var armScript string

// wayBackUnit runs before what could read the files that it puts back.
const wayBackUnit = `# Written by Atoll: takes back what was changed and never proven.
[Unit]
Description=Take back what Atoll changed and nobody proved
DefaultDependencies=no
After=local-fs.target
Before=sysinit.target
[Service]
Type=oneshot
Environment=ATOLL_BOOTS=yes
ExecStart=/bin/sh -c 'for dir in ` + wayBackRoot + `/*; do case $$dir in *.new|*.done|*.restored) ;; *) [ ! -d "$$dir" ] || sh "$$dir/restore" ;; esac; done'`

// arm keeps the files beside themselves, so that putting them back is a rename,
// which needs no room and cannot be half.
func (r Reversible) arm(id string) Step {
	var keep strings.Builder
	for _, file := range r.Keep {
		copied := path.Join(path.Dir(file), ".atoll-kept."+id+"."+path.Base(file))
		fmt.Fprintf(&keep, "keep_file %s %s\n", quote(file), quote(copied))
	}
	reload := "if [ -z \"$ATOLL_BOOTS\" ]; then (\n:\n" + r.Reload + "\n) || :; fi"
	return Step{
		Title: "arm the way back from changing the " + r.Name, Effect: Effect{EffectArm, r.Name},
		Script: fmt.Sprintf("%sbase=%s name=%s id=%s wait=%d\nunit=%s\nback=%s\nkeep() {\n:\n%s}\n%s", ThereFunction, wayBackRoot, quote(r.Name), id,
			int(r.wait().Seconds()), quote(wayBackUnit), quote(reload), keep.String(), armScript),
	}
}

// disarm is done once, whoever asks: a lost answer is asked for again.
func (r Reversible) disarm(ctx context.Context, host remote.Host, id string) error {
	command := remote.Command{Name: "keeping the changed " + r.Name, Script: fmt.Sprintf(`dir=%s
if [ -e "$dir.restored" ]; then echo "the host went back before" >&2; exit %d; fi
if ! mv -T "$dir" "$dir.done" 2>/dev/null && [ ! -d "$dir.done" ]; then
  # Either it was done before and the answer was lost, or the host goes back.
  if [ -d "$dir.back" ] || [ -e "$dir.restored" ]; then echo "the host went back before" >&2; exit %[2]d; fi
  exit 0
fi
sh "$dir.done/discard" && rm -rf "$dir.done"
systemctl stop %[3]s 2>/dev/null || :`, quote(r.directory(id)), revertedCode, quote(r.timer(id)))}
	_, err := host.Run(ctx, command)
	if errors.Is(err, remote.ErrUnreachable) && ctx.Err() == nil {
		_, err = host.Run(ctx, command)
	}
	var failed *remote.CommandError
	switch {
	case errors.As(err, &failed) && failed.ExitCode == revertedCode:
		return fmt.Errorf("changing the %s on %s: %w, since the proof came later than %s: apply again", r.Name, host.Target().Host, ErrReverted, r.wait())
	case err != nil:
		return fmt.Errorf("changing the %s: it was proven, and whether it was kept is not known; if not, the host takes it back within %s: %w", r.Name, r.wait(), err)
	}
	return nil
}

// takeBack goes back at once, over the connection that stands, and leaves it to
// the host where that does not work.
func (r Reversible) takeBack(ctx context.Context, host remote.Host, id string, reason error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goingBack)
	defer cancel()
	dir := quote(r.directory(id))
	_, err := host.Run(ctx, remote.Command{Name: "taking the " + r.Name + " back", Long: true, Script: fmt.Sprintf(
		"[ ! -d %[1]s ] || sh %[1]s/restore\n[ ! -d %[1]s.back ] || sh %[1]s.back/restore\n[ ! -d %[1]s ] && [ ! -d %[1]s.back ] || exit\nsystemctl stop %[2]s 2>/dev/null || :",
		dir, quote(r.timer(id)))})
	if err != nil {
		return fmt.Errorf("changing the %s on %s: %w, or will be by the host itself within %s: %w", r.Name, host.Target().Host, ErrReverted, r.wait(), reason)
	}
	return fmt.Errorf("changing the %s on %s: %w: %w", r.Name, host.Target().Host, ErrReverted, reason)
}

// ChangeState is how it stands with the changes of one name on a host.
type ChangeState string

const (
	// Settled means that each was proven or taken back.
	Settled ChangeState = "settled"
	// Unproven means that one is neither, so what stands may not stay.
	Unproven ChangeState = "unproven"
	// Overdue means that one should have been taken back, and its timer was lost.
	Overdue ChangeState = "overdue"
)

// StateOfChange asks how it stands with the changes of a name.
func StateOfChange(name string) Question[ChangeState] {
	return Question[ChangeState]{
		Name: "the state of changes of the " + name, Script: eachChange(name, "state=$now") + "\necho ${state:-settled}",
		Read: func(output string) (ChangeState, error) {
			switch state := ChangeState(strings.TrimSpace(output)); state {
			case Settled, Unproven, Overdue:
				return state, nil
			default:
				return "", fmt.Errorf("%q is no state of a change", output)
			}
		},
	}
}

// eachChange does something for each change that is neither proven nor taken
// back: its directory is in one, its state in now.
func eachChange(name, do string) string {
	return fmt.Sprintf(`for one in %s/%s.*; do
  case $one in *.new|*.done|*.restored) continue ;; esac
  [ -d "$one" ] || continue
  if [ "$(date +%%s)" -gt "$(cat "$one/deadline")" ]; then now=overdue; else now=unproven; fi
  %s
done`, wayBackRoot, quote(name), do)
}

// Settle waits until no change of the name is unproven, and takes one back that
// is overdue.
func Settle(ctx context.Context, host remote.Host, name string) error {
	for {
		state, err := Ask(ctx, host, StateOfChange(name))
		if err != nil || state == Settled {
			return err
		}
		if state == Overdue {
			_, err = host.Run(ctx, remote.Command{Name: "taking the " + name + " back", Long: true, Script: eachChange(name, `[ $now = unproven ] || sh "$one/restore"`)})
		}
		if err == nil {
			err = remote.Pause(ctx, time.Second)
		}
		if err != nil {
			return fmt.Errorf("waiting until the unproven change of the %s is taken back: %w", name, err)
		}
	}
}
