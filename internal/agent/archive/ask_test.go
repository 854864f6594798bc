// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// scripted is a node that answers by a shell script.
func scripted(script string) dialled {
	return dialled{[]string{"sh", "-c", script}, time.Minute}
}

// Whatever is no whole answer is an error, never "nothing rotted".
func TestAnswersThatAreNone(t *testing.T) {
	for name, test := range map[string]struct{ script, says string }{
		"no connection":    {"echo 'ssh: connection refused' >&2; exit 255", "ssh: connection refused"},
		"nothing":          {"exit 0", "it gave no whole answer"},
		"half a line":      {`printf '{"protocol":1,"rotten":['`, "it gave no whole answer"},
		"another greeting": {"echo Welcome to Debian", "cannot be read"},
		"an error":         {`echo '{"protocol":1,"error":"the disk is gone"}'`, "the disk is gone"},
		"no protocol":      {`echo '{"rotten":[]}'`, "terraform apply brings both up to date"},
		"more than it":     {`echo '{"protocol":1}'; echo more`, "5 bytes follow"},
		"a failure after":  {`echo '{"protocol":1}'; exit 3`, "exit status 3"},
		"silence":          {"sleep 1000 & wait", "no answer within"},
		"no such command":  {"exec /no/such/command", "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			two := scripted(test.script)
			if name == "silence" {
				two.patience = 100 * time.Millisecond
			}
			rotten, err := two.Rotten(context.Background())
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%+v, %v", rotten, err)
			}
		})
	}
	if _, err := (dialled{[]string{"/no/such/command"}, time.Minute}).Rotten(context.Background()); err == nil {
		t.Error("a command that cannot be started gives an answer")
	}
	// A newer agent says more than this one knows.
	if rotten, err := scripted(`echo '{"protocol":7,"rotten":[{"path":"a","mood":"good"}],"more":1}'`).Rotten(context.Background()); err != nil || len(rotten) != 1 {
		t.Errorf("%+v, %v", rotten, err)
	}
}

// A file that came by half must not be taken for whole, nor a late failure for success.
func TestFetchThatIsCut(t *testing.T) {
	content, err := scripted(`echo '{"protocol":1,"follows":true}'; printf half; exit 1`).Fetch(context.Background(), tier.Rotten{Path: "file"})
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(content); err == nil {
		t.Errorf("%q is taken for whole", text)
	}
	if err := content.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := scripted(`echo '{"protocol":1}'`).Fetch(context.Background(), tier.Rotten{Path: "file"}); err == nil {
		t.Error("an answer without a file is a file")
	}
}
