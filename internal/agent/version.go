// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
)

func version(roles []Role, args []string, streams Streams) error {
	asJSON := false
	err := Flags("version", args, func(set *flag.FlagSet) { set.BoolVar(&asJSON, "json", false, "") })
	if err != nil {
		return err
	}
	build, err := ownHash()
	if err != nil {
		return fmt.Errorf("unable to read the program itself: %w", err)
	}
	if asJSON {
		return json.NewEncoder(streams.Out).Encode(model.Version{Oldest: model.Oldest, Newest: model.Newest, Roles: names(roles), Build: build})
	}
	_, err = fmt.Fprintf(streams.Out, "atoll-agent %.12s, protocols %d to %d, roles %s\n", build, model.Oldest, model.Newest, strings.Join(names(roles), ", "))
	return err
}

// ownHash reads the running program even where its file has been replaced.
func ownHash() (string, error) {
	file, err := os.Open("/proc/self/exe")
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
