// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// orders is the journal of this working directory and workspace, in Terraform's
// own data directory.
func orders() linode.Orders {
	data := os.Getenv("TF_DATA_DIR")
	if data == "" {
		data = ".terraform"
	}
	workspace := os.Getenv("TF_WORKSPACE")
	if workspace == "" {
		chosen, _ := os.ReadFile(filepath.Join(data, "environment")) // absent for the first workspace
		workspace = strings.TrimSpace(string(chosen))
	}
	if workspace == "" {
		workspace = "default"
	}
	return linode.Orders{Dir: filepath.Join(data, "atoll-orders", workspace)}
}

// seeMade takes over a machine that was ordered and is not finished. What the
// plan promised of it stays.
func (m *linodeModel) seeMade(made linode.Made) {
	declared := *m
	m.see(linode.Observed{Instance: made.Instance})
	m.Tags, m.Label, m.Type, m.Image = declared.Tags, declared.Label, declared.Type, declared.Image
	m.ReverseDNS = declared.ReverseDNS
	if !declared.Firewall.IsUnknown() {
		m.Firewall = declared.Firewall
	}
	m.settle()
}

// finish brings a new or rebuilt machine to its end and reads it back.
func (r *linodeResource) finish(ctx context.Context, client *linode.Client, made linode.Made, how birth, config linodeModel, spec linode.Spec, model *linodeModel, diags *diag.Diagnostics) error {
	expected := made.HostKey
	if expected == "" {
		expected = config.HostKey.ValueString()
	}
	instance, key, err := client.Finish(ctx, made, r.Hosts, model.target(expected))
	if err != nil {
		return err
	}
	return r.complete(ctx, client, instance, key, how, config, spec, model, diags)
}

// birth is how the disk of a machine came about in this run.
type birth int

const (
	keptDisk birth = iota
	newMachine
	rebuiltMachine
)

// complete takes what steps are left on a machine that runs: the account's own
// settings may have given it what is not declared. Then everything is read back.
func (r *linodeResource) complete(ctx context.Context, client *linode.Client, instance linode.Instance, hostKey string, how birth, config linodeModel, spec linode.Spec, model *linodeModel, diags *diag.Diagnostics) error {
	seen, err := r.observe(ctx, client, instance, *model)
	if err != nil {
		return err
	}
	planned, refused := model.ReverseDNS, false
	for _, step := range linode.Plan(spec, seen) {
		err := client.Carry(ctx, seen.Instance, spec, []linode.Step{step}, r.pause(*model, hostKey))
		if refused = step.Kind == linode.Name && errors.Is(err, linode.ErrRefused); refused {
			// No reason to call a machine half-made, and to make it again.
			diags.AddAttributeWarning(path.Root("reverse_dns"), "Reverse DNS Is Not Set", err.Error()+"\n\nLinode looks the name up and wants the machine's address. Apply again when the name points to it.")
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if seen, err = r.look(ctx, client, *model); err != nil {
		return err
	}
	if err := r.take(ctx, client, seen, hostKey, how, config, model); err != nil {
		return err
	}
	if refused {
		model.ReverseDNS = planned // the next refresh shows the real one
	}
	return nil
}

// readBack fills the model from the account.
func (r *linodeResource) readBack(ctx context.Context, client *linode.Client, hostKey string, config linodeModel, model *linodeModel) error {
	seen, err := r.look(ctx, client, *model)
	if err != nil {
		return err
	}
	return r.take(ctx, client, seen, hostKey, keptDisk, config, model)
}

// take fills the model from what was seen.
func (r *linodeResource) take(ctx context.Context, client *linode.Client, seen linode.Observed, hostKey string, how birth, config linodeModel, model *linodeModel) error {
	planned := *model
	model.see(seen)
	model.connect(hostKey)
	if config.Firewall.IsNull() && !planned.Firewall.IsUnknown() {
		// Another declaration may have put the machine behind it in this very run;
		// Terraform holds us to what was planned, and the next refresh shows it.
		model.Firewall = planned.Firewall
	}
	if seen.Instance.Status != linode.Running {
		return fmt.Errorf("instance %d is %s at the end, and it should run. Somebody else may be at work on it; apply again", seen.Instance.ID, seen.Instance.Status)
	}
	if err := r.takeParts(ctx, client, seen.Instance, how, model); err != nil {
		return err
	}
	model.settle()
	return nil
}

// takeParts reads what the instance's own answer does not tell, where it is
// declared or was just made.
func (r *linodeResource) takeParts(ctx context.Context, client *linode.Client, instance linode.Instance, how birth, model *linodeModel) error {
	if how != keptDisk && number(model.Subnet) != nil {
		subnet, address, err := client.Subnet(ctx, instance)
		if err != nil {
			return err
		}
		if subnet != *number(model.Subnet) {
			return fmt.Errorf("instance %d is in subnet %d, and not in %d", instance.ID, subnet, *number(model.Subnet))
		}
		model.SubnetIPv4 = optional(address)
	}
	declared := number(model.SwapMiB)
	if how == rebuiltMachine || how == newMachine && declared != nil {
		swap, err := client.SwapMiB(ctx, instance.ID)
		if err != nil {
			return err
		}
		if declared != nil && *declared != swap {
			return fmt.Errorf("instance %d has a swap disk of %d MiB, and not of %d", instance.ID, swap, *declared)
		}
		model.SwapMiB = types.Int64Value(int64(swap))
	}
	return nil
}

// look reads a machine from the account; one that reboots or moves is waited for.
func (r *linodeResource) look(ctx context.Context, client *linode.Client, model linodeModel) (linode.Observed, error) {
	instance, err := client.Instance(ctx, model.id())
	if err != nil {
		return linode.Observed{}, err
	}
	return r.observe(ctx, client, instance, model)
}

func (r *linodeResource) observe(ctx context.Context, client *linode.Client, instance linode.Instance, model linodeModel) (linode.Observed, error) {
	instance, err := client.AwaitIdle(ctx, instance)
	if err != nil {
		return linode.Observed{}, err
	}
	return r.surroundings(ctx, client, instance, model)
}

// surroundings are what the account shows around an instance.
func (r *linodeResource) surroundings(ctx context.Context, client *linode.Client, instance linode.Instance, model linodeModel) (linode.Observed, error) {
	attached, err := client.FirewallsOf(ctx, instance.ID)
	seen := linode.Observed{Instance: instance, Firewalls: attached}
	if err == nil && !model.ReverseDNS.IsNull() {
		address, _ := linode.Addresses(instance, model.IPv4.ValueString())
		seen.ReverseDNS, err = client.ReverseDNS(ctx, address)
	}
	return seen, err
}

// declared is what is remembered of a configuration that was applied.
func (m linodeModel) declared() map[string]string {
	all := maps.Clone(m.fixed())
	all["private_ip"] = fmt.Sprint(m.PrivateIP.ValueBool())
	return all
}
