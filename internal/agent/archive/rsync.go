// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

const program = "/usr/bin/rsync"

// silence is how many seconds nothing may come over the line before it counts as cut.
const silence = 60

// What rsync's exit codes mean, see rsync(1).
const (
	exitPartial  = 23
	exitVanished = 24
)

// look is how often the room that is left is looked at.
const look = time.Second

// statementsMark ends the name of the directory where only statements are carried.
const statementsMark = "-told"

// keeps begins the path of a run's directory for what it replaced.
const keeps = tier.Workshop + "/" + tier.Replaced + "/"

// words are those of an rsync that carries what changed. What goes into a file is
// complete and safe on the disk before it takes its name (--temp-dir, --fsync), and
// what it takes the place of is kept (--backup). Of two versions the later one
// stays (-u). Times of directories would go to and fro (-O).
func (s *side) words(now time.Time) []string {
	flags := "-rlptHAXSuO"
	if os.Geteuid() == 0 {
		flags += "og"
	}
	kept := keeps + now.UTC().Format("2006-01-02T150405")
	if s.statements {
		kept += statementsMark
	}
	words := []string{
		flags, "--fsync", "--backup", "--backup-dir=" + kept,
		"--temp-dir=" + path.Join(tier.Workshop, s.incoming()),
		"--timeout=" + strconv.Itoa(silence), "--rsh=" + strings.Join(s.SSH, " "),
		"--exclude=/" + tier.Private, "--exclude=/" + tier.Workshop,
	}
	if s.BandwidthKiB > 0 {
		words = append(words, "--bwlimit="+strconv.Itoa(s.BandwidthKiB))
	}
	for _, path := range s.Deleted {
		words = append(words, "--exclude=/"+path)
	}
	if s.statements {
		words = append(words, "--include=/"+tier.Statements, "--include=/"+tier.Statements+"/*", "--exclude=*")
	}
	return words
}

// The words that the other side of this package asks for, and all that it may: a
// server of rsync's that carries what words has, from here or to here. No letter
// among the flags lets it follow links, delete, or read further words.
var (
	serverFlags = regexp.MustCompile(`\A-[bdnulHOtogpAXrS]+e[0-9]*\.[A-Za-z]*\z`)
	serverWords = regexp.MustCompile(`\A--(fsync|timeout=[0-9]{1,4}|bwlimit=[0-9]{1,9})\z`)
	keptIn      = regexp.MustCompile(`\A` + regexp.QuoteMeta(keeps) + `[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{6}(` + statementsMark + `)?\z`)
)

// asked reads what the other side asks for: the words after rsync, and whether
// files come in here.
func (s *side) asked(line string) (words []string, receives bool, err error) {
	words = strings.Fields(line)
	if len(words) < 5 || words[0] != "rsync" || words[1] != "--server" || words[len(words)-2] != "." || strings.TrimSuffix(words[len(words)-1], "/") != "." {
		return nil, false, fmt.Errorf("unable to do what the other node asks for: %.200q is no server of rsync's for the archive", line)
	}
	words = words[1:]
	options := words[1 : len(words)-2]
	receives = options[0] != "--sender"
	if !receives {
		options = options[1:]
	}
	given := map[string]bool{}
	for i := 0; i < len(options); i++ {
		word, value := options[i], ""
		if word == "--backup-dir" || word == "--temp-dir" {
			i++
			value = options[min(i, len(options)-1)]
		}
		switch {
		case i == 0 && serverFlags.MatchString(word):
			flags, _, _ := strings.Cut(word, "e")
			given["--backup"] = strings.Contains(flags, "b")
		case word == "--backup-dir" && keptIn.MatchString(value), word == "--temp-dir" && value == path.Join(tier.Workshop, s.incoming()):
			given[word] = true
			s.statements = s.statements || strings.HasSuffix(value, statementsMark)
		case !serverWords.MatchString(word):
			return nil, false, fmt.Errorf("unable to do what the other node asks for: %.200q is nothing that its agent asks for", strings.TrimSpace(word+" "+value))
		}
	}
	if receives && (!given["--backup"] || !given["--backup-dir"] || !given["--temp-dir"]) {
		return nil, false, errors.New("unable to do what the other node asks for: nothing would be kept of what comes to be replaced")
	}
	return words, receives, nil
}

// run runs an rsync to its end, and ends it where the archive gets full. Where
// nothing comes in here, there is nothing to get full.
func (s *side) run(ctx context.Context, words []string, receives bool, in *os.File, out, said io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	command := exec.CommandContext(ctx, program, words...)
	command.Dir, command.Stdout, command.Stderr = s.Cold, out, said
	command.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C", "HOME=" + s.State}
	if in != nil {
		command.Stdin = in
	}
	// What rsync started ends with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = 10 * time.Second
	if receives && !s.statements {
		if err := s.room(); err != nil {
			return err
		}
		go func() {
			for {
				select {
				case <-ctx.Done():
					return
				case <-time.After(look):
				}
				if err := s.room(); err != nil {
					cancel(err)
					return
				}
			}
		}()
	}
	err := command.Run()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// failure says what an rsync's end means for the pair, and which paths it left.
func (s *side) failure(err error, said []byte) (left []tier.Left, failed error) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(said)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "rsync error:") {
			lines = append(lines, line)
		}
	}
	first := "it says nothing of why"
	if len(lines) > 0 {
		first = lines[0]
	}
	switch code := exit.ExitCode(); code {
	case exitVanished:
		return nil, nil
	case exitPartial:
		for _, line := range lines {
			if name := quoted.FindStringSubmatch(line); name != nil && len(left) < mostLeft {
				left = append(left, tier.Left{Path: name[1], Reason: line})
			}
		}
		return left, fmt.Errorf("not all could be carried: %s", first)
	default:
		return nil, fmt.Errorf("rsync ended with code %d: %s", code, first)
	}
}

// mostLeft is how many paths a status lists.
const mostLeft = 100

var quoted = regexp.MustCompile(`"([^"]+)"`)

// head keeps the beginning of what a command says.
type head struct{ bytes.Buffer }

func (h *head) Write(text []byte) (int, error) {
	if room := 64<<10 - h.Len(); room > 0 {
		_, _ = h.Buffer.Write(text[:min(room, len(text))])
	}
	return len(text), nil
}
