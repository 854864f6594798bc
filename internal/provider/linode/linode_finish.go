// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
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

// work is one apply of one machine.
type work struct {
	*linodeKind
	run    *base.Run
	client *linode.Client
	spec   linode.Spec
	// config was written; model is the plan, and in the end what was read back.
	config, model *linodeModel
}

// create lets Terraform know of the machine before any waiting: whatever happens
// then, it is known.
func (w *work) create(ctx context.Context) error {
	w.spec.Generation = cmp.Or(w.spec.Generation, linode.GenerationConfig)
	journal := orders()
	made, err := w.client.Create(ctx, w.spec, journal)
	if made.Instance.ID != 0 {
		w.model.readMade(made)
		w.run.Checkpoint(ctx)
		base.WritePrivate(ctx, w.run, declaredKey, w.config.declared())
	}
	if err == nil {
		err = w.finish(ctx, made, newMachine)
	}
	if err == nil {
		journal.End("linode " + w.spec.Label)
	}
	return err
}

// readMade takes over a machine that was ordered and is not finished. What the
// plan promised of it stays.
func (m *linodeModel) readMade(made linode.Made) {
	declared := *m
	m.read(linode.Observed{Instance: made.Instance})
	m.Tags, m.Label, m.Type, m.Image = declared.Tags, declared.Label, declared.Type, declared.Image
	m.ReverseDNS = declared.ReverseDNS
	if !declared.Firewall.IsUnknown() {
		m.Firewall = declared.Firewall
	}
	m.nullUnknown()
}

// finish brings a new or rebuilt machine to its end and reads it back.
func (w *work) finish(ctx context.Context, made linode.Made, how birth) error {
	expected := cmp.Or(made.HostKey, w.config.HostKey.ValueString())
	instance, key, err := w.client.Finish(ctx, made, w.Hosts, w.model.target(expected))
	if err != nil {
		return err
	}
	return w.complete(ctx, instance, key, how)
}

// birth is how the disk of a machine came about in this run.
type birth int

const (
	keptDisk birth = iota
	newMachine
	rebuiltMachine
)

// complete does what is left on a machine that runs: the account's own
// settings may have given it what is not declared. Then everything is read back.
func (w *work) complete(ctx context.Context, instance linode.Instance, hostKey string, how birth) error {
	seen, err := w.observe(ctx, instance)
	if err != nil {
		return err
	}
	operations, err := provision.Operations(linode.Diagnose(w.spec, seen))
	if err != nil {
		return err
	}
	planned, refused := w.model.ReverseDNS, false
	do := w.client.Doer(seen.Instance, w.spec, w.pause(w.model, hostKey))
	for _, operation := range operations {
		err := do.Do(ctx, operation)
		if _, naming := operation.(linode.Resolve); naming && errors.Is(err, linode.ErrRefused) {
			refused = true
			// No reason to call a machine half-made, and to make it again.
			w.run.Diagnostics.AddAttributeWarning(path.Root("reverse_dns"), "Reverse DNS Is Not Set", err.Error()+"\n\nLinode looks the name up and wants the machine's address. Apply again when the name points to it.")
			err = nil
		}
		if err != nil {
			return err
		}
	}
	if seen, err = w.observeIdle(ctx); err != nil {
		return err
	}
	if err := w.readBackFrom(ctx, seen, hostKey, how); err != nil {
		return err
	}
	if refused {
		w.model.ReverseDNS = planned // the next refresh shows the real one
	}
	return nil
}

// readBackFrom fills the model from what was seen.
func (w *work) readBackFrom(ctx context.Context, seen linode.Observed, hostKey string, how birth) error {
	planned := *w.model
	w.model.read(seen)
	w.model.connect(hostKey)
	if w.config.Firewall.IsNull() && !planned.Firewall.IsUnknown() {
		// Another declaration may have put the machine behind it in this very run;
		// Terraform holds us to what was planned, and the next refresh shows it.
		w.model.Firewall = planned.Firewall
	}
	if seen.Instance.Status != linode.Running {
		return fmt.Errorf("instance %d is %s at the end, and it should run. Somebody else may be at work on it; apply again", seen.Instance.ID, seen.Instance.Status)
	}
	if err := w.readBackParts(ctx, seen.Instance, how); err != nil {
		return err
	}
	w.model.nullUnknown()
	return nil
}

// readBackParts reads what the instance's own answer does not tell, where it is
// declared or was just made.
func (w *work) readBackParts(ctx context.Context, instance linode.Instance, how birth) error {
	model := w.model
	if how != keptDisk && number(model.Subnet) != nil {
		subnet, address, err := w.client.Subnet(ctx, instance)
		if err != nil {
			return err
		}
		if subnet != *number(model.Subnet) {
			return fmt.Errorf("instance %d is in subnet %d, and not in %d", instance.ID, subnet, *number(model.Subnet))
		}
		model.SubnetIPv4 = base.OptionalText(address)
	}
	declared := number(model.SwapMiB)
	if how == rebuiltMachine || how == newMachine && declared != nil {
		swap, err := w.client.SwapMiB(ctx, instance.ID)
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

// observeIdle reads the machine from the account; one that reboots or moves is waited
// for.
func (w *work) observeIdle(ctx context.Context) (linode.Observed, error) {
	instance, err := w.client.Instance(ctx, numbered(w.model.ID))
	if err != nil {
		return linode.Observed{}, err
	}
	return w.observe(ctx, instance)
}

func (w *work) observe(ctx context.Context, instance linode.Instance) (linode.Observed, error) {
	instance, err := w.client.AwaitIdle(ctx, instance)
	if err != nil {
		return linode.Observed{}, err
	}
	return surroundings(ctx, w.client, instance, w.model)
}

// observeNow waits for nothing.
func (k *linodeKind) observeNow(ctx context.Context, client *linode.Client, model *linodeModel) (linode.Observed, error) {
	instance, err := client.Instance(ctx, numbered(model.ID))
	if err != nil {
		return linode.Observed{}, err
	}
	return surroundings(ctx, client, instance, model)
}

// surroundings are what the account shows around an instance.
func surroundings(ctx context.Context, client *linode.Client, instance linode.Instance, model *linodeModel) (linode.Observed, error) {
	attached, err := client.FirewallsOf(ctx, instance.ID)
	seen := linode.Observed{Instance: instance, Firewalls: attached}
	if err == nil && !model.ReverseDNS.IsNull() {
		address, _ := linode.Addresses(instance, model.IPv4.ValueString())
		seen.ReverseDNS, err = client.ReverseDNS(ctx, address)
	}
	return seen, err
}

// declared is what is remembered of a configuration that was applied.
func (m *linodeModel) declared() map[string]string {
	all := maps.Clone(m.fixed())
	all["private_ip"] = fmt.Sprint(m.PrivateIP.ValueBool())
	return all
}
