// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package peer

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

const day = "2020/02/01"

// TestMain is the agent where the environment says so.
func TestMain(m *testing.M) {
	if os.Getenv("ATOLL_TEST_AGENT") != "" {
		roles := []agent.Role{mover.Role, Role}
		os.Exit(agent.Main(context.Background(), roles, os.Args, agent.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

func do(t *testing.T, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

// node makes a node of a tier with one old day, and its configuration file.
func node(t *testing.T, top, name string, others ...tier.MoverNode) (config mover.Config, file string) {
	t.Helper()
	config = mover.Config{
		Tier: "files", Hot: filepath.Join(top, name, "hot"), Cold: filepath.Join(top, name, "cold"), Layout: "%Y/%m/%d", Nodes: others,
	}
	do(t, os.MkdirAll(filepath.Join(config.Hot, day), 0o755), os.Mkdir(config.Cold, 0o755), mover.Prepare(config))
	for _, path := range []string{"file", "odd \n\xff%41"} {
		do(t, os.WriteFile(filepath.Join(config.Hot, day, path), []byte("content of "+path), 0o600))
	}
	text, err := json.Marshal(config)
	file = filepath.Join(top, name+".json")
	do(t, err, os.WriteFile(file, text, 0o600))
	return config, file
}

// reach is how a node is reached: here without the network in between.
func reach(name, file string) tier.MoverNode {
	return tier.MoverNode{Name: name, Command: []string{"env", "ATOLL_TEST_AGENT=1", os.Args[0], "peer", "--config", file}}
}

// scripted is a node that answers by a shell script.
func scripted(script string) mover.CommandNode {
	return mover.CommandNode{NodeName: "two", Command: []string{"sh", "-c", script}}
}

func run(t *testing.T, file, role string, args ...string) (out string) {
	t.Helper()
	var said, problems strings.Builder
	roles := []agent.Role{mover.Role, Role}
	line := append([]string{"atoll-agent", role, "--config", file}, args...)
	if code := agent.Main(context.Background(), roles, line, agent.Streams{Out: &said, Err: &problems}); code != agent.ExitDone {
		t.Fatalf("%s: %s%s", role, said.String(), problems.String())
	}
	return said.String()
}

func TestTwoNodesMoveADay(t *testing.T) {
	top := t.TempDir()
	fileOne, fileTwo := filepath.Join(top, "one.json"), filepath.Join(top, "two.json")
	one, _ := node(t, top, "one", reach("two", fileTwo))
	two, _ := node(t, top, "two", reach("one", fileOne))
	if out := run(t, fileOne, "mover"); !strings.Contains(out, "two has no copy yet") {
		t.Error(out)
	}
	if out := run(t, fileTwo, "mover"); !strings.Contains(out, "one has not flipped") {
		t.Error(out)
	}
	if out := run(t, fileOne, "mover"); !strings.Contains(out, "it is in the archive") {
		t.Error(out)
	}
	if out := run(t, fileTwo, "mover"); !strings.Contains(out, "it is in the archive") {
		t.Error(out)
	}
	for _, config := range []mover.Config{one, two} {
		for _, path := range []string{"file", "odd \n\xff%41"} {
			if text, err := os.ReadFile(filepath.Join(config.Hot, day, path)); err != nil || string(text) != "content of "+path {
				t.Errorf("%q, %v", text, err)
			}
		}
	}
}

// Whatever is no whole answer is an error, never "it has nothing".
func TestAnswersThatAreNone(t *testing.T) {
	for name, test := range map[string]struct{ script, says string }{
		"no connection":    {"echo 'ssh: connection refused' >&2; exit 255", "ssh: connection refused"},
		"nothing":          {"exit 0", "it gave no whole answer"},
		"half a line":      {`printf '{"protocol":1,"report":{"tier":"files","days":{'`, "it gave no whole answer"},
		"another greeting": {"echo Welcome to Debian", "cannot be read"},
		"no report":        {`echo '{"protocol":1}'`, "has no report"},
		"an error":         {`echo '{"protocol":1,"error":"the disk is gone"}'`, "the disk is gone"},
		"no protocol":      {`echo '{"report":{"tier":"files"}}'`, "terraform apply brings both up to date"},
		"more than it":     {`echo '{"protocol":1,"report":{"tier":"files"}}'; echo more`, "5 bytes follow"},
		"a failure after":  {`echo '{"protocol":1,"report":{"tier":"files"}}'; exit 3`, "exit status 3"},
		"silence":          {"sleep 1000 & wait", "no answer within"},
		"no such command":  {"exec /no/such/command", "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			two := scripted(test.script)
			if name == "silence" {
				two.Patience = 100 * time.Millisecond
			}
			report, err := two.Report(context.Background(), []string{day})
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%+v, %v", report, err)
			}
		})
	}
	if _, err := (mover.CommandNode{NodeName: "x", Command: []string{"/no/such/command"}}).Report(context.Background(), nil); err == nil {
		t.Error("a command that cannot be started gives a report")
	}
	// A newer agent says more than this one knows.
	if report, err := scripted(`echo '{"protocol":7,"report":{"tier":"files","days":{},"mood":"good"},"more":1}'`).Report(context.Background(), nil); err != nil || report.Tier != "files" {
		t.Errorf("%+v, %v", report, err)
	}
}

// A file that came by half must not be taken for whole, nor a late failure for success.
func TestFetchThatIsCut(t *testing.T) {
	content, err := scripted(`echo '{"protocol":1,"follows":true}'; printf half; exit 1`).Fetch(context.Background(), tier.Rotten{Path: "file"})
	do(t, err)
	if text, err := io.ReadAll(content); err == nil {
		t.Errorf("%q is taken for whole", text)
	}
	do(t, content.Close())
	if _, err := scripted(`echo '{"protocol":1}'`).Fetch(context.Background(), tier.Rotten{Path: "file"}); err == nil {
		t.Error("an answer without a file is a file")
	}
}

func TestQuestionsThatAreNone(t *testing.T) {
	_, file := node(t, t.TempDir(), "one")
	for line, says := range map[string]string{
		"hello\n":                           "cannot be read",
		`{"ask":"report"}` + "\n":           "terraform apply brings both up to date",
		`{"protocol":1,"ask":"fly"}` + "\n": `does not know the question "fly"`,
		`{"protocol":1,"ask":"report"}`:     "unable to read the question",
	} {
		var said, problems strings.Builder
		code := agent.Main(context.Background(), []agent.Role{Role}, []string{"atoll-agent", "peer", "--config", file}, agent.Streams{In: strings.NewReader(line), Out: &said, Err: &problems})
		if code == agent.ExitDone || !strings.Contains(problems.String(), says) {
			t.Errorf("%q: %d, %s, %s", line, code, said.String(), problems.String())
		}
	}
}
