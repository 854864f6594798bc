// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Cluster is the cluster as the router's resource reaches it.
type Cluster struct {
	Cluster innodbcluster.Cluster
	Hosts   map[string]remote.Host
}

// Knowing is the router that verifies the members by what they were found to show.
func (c Config) Knowing(found innodbcluster.Found) Config {
	c.Authorities, c.Awaited = found.Authorities, found.Awaited
	return c
}

// ErrUnverified says that there is nothing yet to verify the members by.
var ErrUnverified = errors.New("server_tls = \"" + VerifyTLS + "\" needs members that all show a certificate that Atoll has made, and not all do. " +
	"Apply their atoll_mysql_server, with none of ssl_ca, ssl_capath, ssl_cert and ssl_key in settings, and this router again; or set server_tls to REQUIRED")

// patience is how long a started router gets until it listens on all ports.
const patience = 30 * time.Second

// Converge brings the router to the declared state: bootstraps it where that is
// needed, waits until it listens, and has the metadata tell it how to route.
func (c Config) Converge(ctx context.Context, host remote.Host, cluster Cluster) (Status, error) {
	status, err := c.stand(ctx, host, cluster)
	if err != nil || c.Routing == nil {
		return status, err
	}
	routing, err := innodbcluster.OpenRouting(ctx, cluster.Cluster, cluster.Hosts)
	if err != nil {
		return status, err
	}
	defer routing.Close()
	return status, routing.SetOptions(ctx, c.Address, c.Name(), *c.Routing)
}

// stand brings about what is on the router's own machine, and ends when it listens.
func (c Config) stand(ctx context.Context, host remote.Host, cluster Cluster) (Status, error) {
	if c.Verifies() {
		c = c.Knowing(innodbcluster.Find(ctx, cluster.Cluster, cluster.Hosts))
	}
	observation, err := converge.Observe(ctx, host, c.Manifest(true))
	if err != nil {
		return Status{}, err
	}
	before, err := c.ReadStatus(observation)
	if err != nil {
		return Status{}, err
	}
	if c.Verifies() && c.Authorities == "" && before.Members == "" {
		return before, ErrUnverified
	}
	findings := c.Diagnose(before)
	operations, err := provision.Operations(findings)
	if err != nil {
		return Status{}, err
	}
	anew := !slices.Contains(operations, provision.Operation(Bootstrap{c.Address})) && c.shutOut(ctx, cluster, before, findings)
	if anew {
		operations = []provision.Operation{Bootstrap{c.Address}}
	}
	if len(operations) > 0 || !before.Active {
		if err := c.as(before.Version).Vacant(ctx, host); err != nil {
			return Status{}, err
		}
	}
	if len(operations) > 0 {
		// Router is installed before it bootstraps itself.
		if _, err := converge.Converge(ctx, host, c.Manifest(false)); err != nil {
			return Status{}, err
		}
		if err := c.mend(ctx, host, cluster, operations, anew); err != nil {
			return Status{}, err
		}
	}
	deadline := time.Now().Add(patience)
	for {
		manifest := c.Manifest(true)
		observation, err := converge.Converge(ctx, host, manifest)
		if err != nil {
			return Status{}, err
		}
		status, err := c.ReadStatus(observation)
		if err != nil {
			return Status{}, err
		}
		drift := converge.Diff(manifest, observation).Drift
		if len(drift) == 0 {
			return status, nil
		}
		if time.Now().After(deadline) {
			return status, fmt.Errorf("%w: %s", converge.ErrStillDiffers, strings.Join(converge.Texts(drift), "; "))
		}
		if err := remote.Pause(ctx, 300*time.Millisecond); err != nil {
			return status, err
		}
	}
}

// shutOut says whether only another bootstrap lets a router in again that is whole on its
// machine. One that does not stand, and of whose account nothing is noted, gets one, too:
// an older version of this provider left it, and what it has may be refused.
func (c Config) shutOut(ctx context.Context, cluster Cluster, before Status, findings []provision.Finding) bool {
	if c.Refused(before, innodbcluster.AskRouterSums(ctx, cluster.Hosts)) {
		return true
	}
	stands := before.Active && !slices.ContainsFunc(provision.Drift(findings), Silent)
	if stands && c.Routing == nil {
		return false
	}
	found := innodbcluster.Find(ctx, cluster.Cluster, cluster.Hosts)
	return c.Forgotten(found) || !stands && before.Account == "" && found.Primary != ""
}

// mend does what is to be done by the time that Router is installed: which one it
// is may be the version's to say. planned is for where the machine says nothing, and
// certain where the cluster said it.
func (c Config) mend(ctx context.Context, host remote.Host, cluster Cluster, planned []provision.Operation, certain bool) error {
	now, err := converge.Ask(ctx, host, c.StatusQuestion())
	if err != nil {
		return err
	}
	operations, err := provision.Operations(c.Diagnose(now))
	if len(operations) == 0 || certain {
		operations = planned
	}
	for _, operation := range operations {
		switch operation.(type) {
		case Bootstrap:
			err = c.bootstrap(ctx, host, cluster)
		case Settle:
			_, err = host.Run(ctx, remote.Command{Name: "writing the router's settings", Script: c.as(now.Version).settingsScript()})
		}
	}
	return err
}

// bootstrap makes the account, lets Router write its configuration, and takes
// back from the account what only this needed. The password goes to the machine
// on standard input and stays in Router's own keyring there.
func (c Config) bootstrap(ctx context.Context, host remote.Host, cluster Cluster) error {
	routing, err := innodbcluster.OpenRouting(ctx, cluster.Cluster, cluster.Hosts)
	if err != nil {
		return err
	}
	defer routing.Close()
	if err := routing.Lock(ctx, c.Account()); err != nil {
		return err
	}
	now, err := converge.Ask(ctx, host, c.StatusQuestion())
	if err != nil {
		return err
	}
	if c.outdated(now) == "" {
		if done, err := c.letIn(ctx, routing, now); done || err != nil {
			return err // another run has done it while we waited
		}
	}
	if err := leads(now.Version, routing.Newest); err != nil {
		return err
	}
	account, err := routing.Authorize(ctx, c.Account())
	if err != nil {
		return err
	}
	sum, err := routing.Sum(ctx, c.Account())
	if err != nil {
		return err
	}
	_, err = host.Run(ctx, remote.Command{
		Name: "bootstrapping the router", Long: true,
		Script: c.as(now.Version).bootstrapScript(routing.Primary, sum), Stdin: strings.NewReader(account.Password + "\n"),
	})
	return errors.Join(err, routing.Restrict(ctx, c.Account()))
}

// letIn says whether the cluster knows the router, and its account is as the machine has
// it noted.
func (c Config) letIn(ctx context.Context, routing *innodbcluster.Routing, now Status) (bool, error) {
	known, err := routing.Knows(ctx, c.Account(), c.Address, c.Name())
	if !known || err != nil {
		return false, err
	}
	return routing.Fits(ctx, c.Account(), now.Account)
}

// Remove takes a router's account and rows from its cluster, and then the router
// from its machine. The record on the machine goes last, since a run that was ended
// in between is known by it alone: the other way round the account would stay for
// good. A machine that is lost, and a cluster that is gone, need nothing.
func (c Config) Remove(ctx context.Context, host remote.Host, cluster Cluster) error {
	if err := c.retire(ctx, cluster); err != nil {
		return err
	}
	_, err := host.Run(ctx, remote.Command{Name: "removing the router's files", Script: "systemctl stop " + c.Unit() + " 2>/dev/null; rm -rf " + c.directory() + " " + c.settings()})
	if err == nil {
		err = converge.Remove(ctx, host, c.Owner())
	}
	if errors.Is(err, remote.ErrLost) {
		return nil
	}
	return err
}

// retire takes the account and the rows from the cluster, if there is one.
func (c Config) retire(ctx context.Context, cluster Cluster) error {
	routing, err := innodbcluster.OpenRouting(ctx, cluster.Cluster, cluster.Hosts)
	if errors.Is(err, innodbcluster.ErrNoCluster) {
		return nil
	}
	if err != nil {
		return err
	}
	defer routing.Close()
	return routing.Remove(ctx, c.Account(), c.Address, c.Name())
}
