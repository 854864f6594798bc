// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
)

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

// privateVersion is that of the envelope. What stands in a private state is read
// by later versions of this provider: its form has explicit names, and is
// changed by a new number and a reader of the old one.
const privateVersion = 1

type envelope struct {
	Version int             `json:"version"`
	Value   json.RawMessage `json:"value"`
}

// ReadPrivate reads a value that Terraform keeps for this resource and shows
// nobody. false means that there is none. old reads what was written before
// there were versions; nil where there was nothing.
func ReadPrivate[T any](ctx context.Context, run *Run, key string, old func(text []byte) (T, error)) (value T, found bool) {
	value, found, err := tryPrivate(ctx, run, key, old)
	if err != nil {
		run.Diagnostics.AddError("Unable to Read the Private State",
			fmt.Sprintf("The value %q that Terraform keeps for this resource: %v. A newer version of the provider may have written it: use that one.", key, err))
	}
	return value, found && err == nil
}

func tryPrivate[T any](ctx context.Context, run *Run, key string, old func(text []byte) (T, error)) (value T, found bool, err error) {
	if run.reader == nil {
		return value, false, nil
	}
	text, problems := run.reader.GetKey(ctx, key)
	run.Diagnostics.Append(problems...)
	if len(text) == 0 {
		return value, false, nil
	}
	value, err = readPrivate(text, old)
	return value, true, err
}

func readPrivate[T any](text []byte, old func(text []byte) (T, error)) (value T, err error) {
	var outer envelope
	switch unversioned := json.Unmarshal(text, &outer) != nil || outer.Version == 0; {
	case unversioned && old != nil:
		return old(text)
	case unversioned:
		return value, fmt.Errorf("it has no version")
	case outer.Version != privateVersion:
		return value, fmt.Errorf("it is of version %d, and %d is known", outer.Version, privateVersion)
	}
	return value, json.Unmarshal(outer.Value, &value)
}

// WritePrivate keeps a value, see ReadPrivate. T has explicit JSON names.
func WritePrivate[T any](ctx context.Context, run *Run, key string, value T) {
	inner, err := json.Marshal(value)
	if err == nil {
		inner, err = json.Marshal(envelope{privateVersion, inner})
	}
	if err != nil {
		run.Diagnostics.AddError("Unable to Write the Private State", err.Error()+". This is a fault of the provider: please report it.")
		return
	}
	run.Diagnostics.Append(run.writer.SetKey(ctx, key, inner)...)
}
