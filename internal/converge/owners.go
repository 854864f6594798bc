// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"context"
	"net/url"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Owners lists who has something on a host, by its records. A host whose records
// cannot be read is an error: what it carries is not known then.
func Owners(ctx context.Context, host remote.Host) ([]string, error) {
	return Ask(ctx, host, OwnersQuestion())
}

// OwnersQuestion asks for the names of the records. A host on which nothing was
// ever made has no directory for them.
func OwnersQuestion() Question[[]string] {
	return Question[[]string]{
		Name: "the records of what belongs to whom",
		Script: ThereFunction + `if there ` + recordRoot + `; then ls -- ` + recordRoot + `/ || exit; fi
echo '` + WholeMark + `'`,
		Read: readOwners,
	}
}

func readOwners(output string) ([]string, error) {
	names, err := Whole(output)
	if err != nil {
		return nil, err
	}
	var owners []string
	for name := range strings.Lines(names) {
		escaped, isRecord := strings.CutSuffix(strings.TrimRight(name, "\n"), ".json")
		if !isRecord {
			continue
		}
		owner, err := url.PathUnescape(escaped)
		if err != nil {
			return nil, err
		}
		owners = append(owners, owner)
	}
	return owners, nil
}
