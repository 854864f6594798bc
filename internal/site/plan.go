// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Plan is what terraform plan wants to do.
type Plan struct {
	// Changes holds the action by resource address: "create", "update",
	// "delete", or "delete/create". What does not change is left out.
	Changes map[string]string
	// Reasons holds why a resource is replaced, in Terraform's words, by address.
	Reasons map[string]string
	// Outputs names the outputs that would change.
	Outputs []string
	// Drift holds the drift lines by resource address.
	Drift map[string][]string
	// Text is what a user saw.
	Text string
}

// Empty says that the site is as declared.
func (p Plan) Empty() bool { return len(p.Changes) == 0 && len(p.Outputs) == 0 }

// Lines lists all drift lines as "address: line", sorted.
func (p Plan) Lines() []string {
	var all []string
	for address, lines := range p.Drift {
		for _, line := range lines {
			all = append(all, address+": "+line)
		}
	}
	slices.Sort(all)
	return all
}

// String gives a short form for test failures.
func (p Plan) String() string {
	return fmt.Sprintf("changes %v, outputs %v, drift %s", p.Changes, p.Outputs, strings.Join(p.Lines(), "; "))
}

// planJSON is the part of terraform's plan representation that we read:
// https://developer.hashicorp.com/terraform/internals/json-format
type planJSON struct {
	ResourceChanges []struct {
		Address string `json:"address"`
		Reason  string `json:"action_reason"`
		Change  struct {
			Actions []string       `json:"actions"`
			Before  map[string]any `json:"before"`
		} `json:"change"`
	} `json:"resource_changes"`
	OutputChanges map[string]struct {
		Actions []string `json:"actions"`
	} `json:"output_changes"`
}

// ApplyPlan applies the last plan.
func (t *Terraform) ApplyPlan(ctx context.Context) error { return t.Apply(ctx, t.planFile()) }

func (t *Terraform) planFile() string { return filepath.Join(t.Dir, "plan.bin") }

// Plan runs a plan and reads it back.
func (t *Terraform) Plan(ctx context.Context, args ...string) (Plan, error) {
	file := t.planFile()
	text, err := t.run(ctx, append([]string{"plan", "-no-color", "-out", file}, args...)...)
	if err != nil {
		return Plan{Text: string(text)}, err
	}
	quiet := *t
	quiet.Log = nil
	encoded, err := quiet.run(ctx, "show", "-json", file)
	if err != nil {
		return Plan{}, err
	}
	plan, err := parsePlan(encoded)
	plan.Text = string(text)
	return plan, err
}

func parsePlan(encoded []byte) (Plan, error) {
	var raw planJSON
	if err := json.Unmarshal(encoded, &raw); err != nil {
		return Plan{}, fmt.Errorf("decoding the plan: %w", err)
	}
	plan := Plan{Changes: map[string]string{}, Reasons: map[string]string{}, Drift: map[string][]string{}}
	for _, resource := range raw.ResourceChanges {
		action := strings.Join(resource.Change.Actions, "/")
		if action == "no-op" || action == "read" {
			continue
		}
		plan.Changes[resource.Address] = action
		if resource.Reason != "" {
			plan.Reasons[resource.Address] = resource.Reason
		}
		lines, _ := resource.Change.Before["drift"].([]any)
		for _, line := range lines {
			plan.Drift[resource.Address] = append(plan.Drift[resource.Address], fmt.Sprint(line))
		}
	}
	for name, output := range raw.OutputChanges {
		if !slices.Equal(output.Actions, []string{"no-op"}) {
			plan.Outputs = append(plan.Outputs, name)
		}
	}
	slices.Sort(plan.Outputs)
	return plan, nil
}
