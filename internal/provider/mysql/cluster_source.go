// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"maps"
	"regexp"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// importAttribute is write-only as a whole: it matters for one apply, and taking it out
// later is no change.
func importAttribute() schema.Attribute {
	return schema.SingleNestedAttribute{
		Optional: true, WriteOnly: true,
		Description: "A MySQL server outside of the cluster, with a copy of whose data (CLONE INSTANCE) a new cluster begins, where none of its servers has data. Only for the creation: once the cluster exists it is ignored, and taking it out is no change. None of it is kept in the state. " +
			"The source has to take no writes (SET PERSIST super_read_only = ON) and to replicate from nobody, since a copy lacks what is written after it; the plan warns where that is still to be done, the apply refuses. It has to be of the series of the members' MySQL (8.0.37 or later, or the very version before), with gtid_mode ON, the clone plugin, " +
			"and a root@localhost that logs in by auth_socket, since accounts are copied, too. A member with data or transactions of its own is never wiped: that is refused, and so is a source with tables that a group does not take, or with more data than the disk of that member has room for. An apply that is ended in the middle is finished by the next one, which copies again what is not whole. Needs Terraform 1.11 or OpenTofu 1.11.",
		Attributes: map[string]schema.Attribute{
			"address":  schema.StringAttribute{Required: true, WriteOnly: true, Validators: []validator.String{base.Address()}, Description: "Address of the source, as the machines of the members reach it."},
			"port":     schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, WriteOnly: true, Validators: []validator.Int64{int64validator.Between(1, 65535)}, Description: "TCP port of the source. Default 3306."},
			"user":     schema.StringAttribute{Required: true, WriteOnly: true, Validators: []validator.String{base.Matching(accountPattern, "must have 1 to 32 letters, digits, dots, underscores, dollars and hyphens, and begin with a letter, digit or underscore")}, Description: "Account that clones, with BACKUP_ADMIN, PROCESS and SELECT on *.* there."},
			"password": schema.StringAttribute{Required: true, WriteOnly: true, Sensitive: true, Validators: []validator.String{base.Line()}, Description: "Its password, such as an ephemeral variable."},
			"ssl_ca":   schema.StringAttribute{Optional: true, WriteOnly: true, Validators: []validator.String{base.Text{Must: "be certificates in PEM form", Check: checkCertificates}}, Description: "Certificates, in PEM form, of which one has signed the source's, by which it is verified. Left out, the line is encrypted and the source is not verified."},
		},
	}
}

var accountPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.$-]{0,31}$`)

func checkCertificates(value string) error {
	if !x509.NewCertPool().AppendCertsFromPEM([]byte(value)) {
		return errors.New("holds no certificate in PEM form")
	}
	return nil
}

// sourceOf is the declared source; nil for none, or one that is not known yet.
func sourceOf(written types.Object) *innodbcluster.Source {
	if written.IsNull() || written.IsUnknown() {
		return nil
	}
	address, user, password := base.Member[types.String](written, "address"), base.Member[types.String](written, "user"), base.Member[types.String](written, "password")
	port, authority := base.Member[types.Int64](written, "port"), base.Member[types.String](written, "ssl_ca")
	if address.IsUnknown() || user.IsUnknown() || password.IsUnknown() || port.IsUnknown() || authority.IsUnknown() {
		return nil
	}
	return &innodbcluster.Source{
		Address: address.ValueString(), Port: int(cmp.Or(port.ValueInt64(), 3306)), User: user.ValueString(), Password: password.ValueString(), CA: authority.ValueString(),
	}
}

// refuseSource looks at the source of a new cluster, from the machine of a member, and
// refuses what could not be cloned, or would be wiped. The apply looks again.
func (k *clusterKind) refuseSource(ctx context.Context, change *base.Change[clusterModel]) {
	if change.Diagnostics.HasError() || k.Data == nil || k.Pending != "" || change.State != nil || change.Plan.Members.IsUnknown() {
		return
	}
	cluster, targets := change.Plan.declared()
	hosts := k.Reachable(targets)
	if cluster.Options.ImportFrom = sourceOf(change.Config.ImportFrom); cluster.Options.ImportFrom == nil || len(hosts) == 0 {
		return
	}
	seen := innodbcluster.Observe(ctx, hosts)
	diagnosis := innodbcluster.Diagnose(cluster, seen)
	if diagnosis.Found {
		return // it exists, and is taken over as it is
	}
	at := path.Root("import_from")
	if _, err := diagnosis.Operations(); errors.Is(err, innodbcluster.ErrOwnData) {
		change.Diagnostics.AddAttributeError(at, "Data Would Be Wiped", base.Sentence(err))
		return
	}
	key := ""
	for _, one := range slices.Sorted(maps.Keys(hosts)) {
		if seen[one].Err == nil && key == "" {
			key = one
		}
	}
	if key == "" {
		return // no machine can be asked now, and the apply looks
	}
	switch later, err := innodbcluster.LookAtSource(ctx, cluster, key, hosts[key], seen[key]); {
	case err != nil:
		change.Diagnostics.AddAttributeError(at, "Source Cannot Be Cloned", base.Sentence(err))
	case later != nil:
		change.Diagnostics.AddAttributeWarning(at, "Source Is to Be Drained", later.Error()+"\n\nThe apply refuses it until then.")
	}
}
