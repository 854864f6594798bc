// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeStopped says that a process which serves a peer was stopped.
const CodeStopped converge.Code = "tier-stopped"

// stoppedServing is a shell function that does something with each stopped process of the
// units that serve a peer.
const stoppedServing = `stopped() { # units, and what to do with a process
  units=$1
  shift
  for group in $(systemctl show -p ControlGroup --value -- "$units"); do
    for process in $(cat "/sys/fs/cgroup$group/cgroup.procs" 2>/dev/null); do
      case $(sed -n 's/^State:[[:space:]]*//p' "/proc/$process/status" 2>/dev/null) in [Tt]*) "$@" "$process" ;; esac
    done
  done
}
`

// stopped finds what serves a peer and was stopped. The node that dials waits for it, and has
// nothing to say but that it is at work.
func (t Tier) stopped(peer string) converge.Check[[]int] {
	serving := "stopped " + remote.Quote(t.unit(peer)+"@*.service")
	return converge.Check[[]int]{
		Question: converge.Question[[]int]{
			Name: "whether what serves " + peer + " was stopped", Read: readStopped,
			Script: stoppedServing + serving + " echo stopped\necho '" + converge.WholeMark + "'",
		},
		Differs: func(processes []int) []converge.Line {
			var lines []converge.Line
			for _, process := range processes {
				lines = append(lines, converge.Line{Subject: "pair with " + peer, Code: CodeStopped, Text: fmt.Sprintf("process %d, which serves it, is stopped, and nothing is carried", process)})
			}
			return lines
		},
		Mend: func(processes []int) []converge.Step {
			if len(processes) == 0 {
				return nil
			}
			return []converge.Step{{
				Title: "let what serves " + peer + " go on", Effect: converge.Effect{Kind: converge.EffectRun, Name: t.unit(peer)},
				Script: stoppedServing + serving + " kill -CONT",
			}}
		},
	}
}

func readStopped(output string) ([]int, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	var processes []int
	for line := range strings.Lines(rows) {
		number, told := strings.CutPrefix(strings.TrimSpace(line), "stopped ")
		process, err := strconv.Atoi(number)
		if !told || err != nil || process < 1 {
			return nil, fmt.Errorf("line %q makes no sense", line)
		}
		processes = append(processes, process)
	}
	return processes, nil
}
