// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Converge brings the server to the declared state and gives what it says of
// itself then. What can be set at run time is; for the rest the server is
// restarted, never two of one group at once.
func (p *Plugin) Converge(ctx context.Context, host remote.Host, c Config) (Config, Status, error) {
	if err := c.forms(); err != nil {
		return c, Status{}, err
	}
	w := p.begin(host, c)
	defer w.place.End()
	c, err := c.chosen(ctx, host)
	if err != nil {
		return c, Status{}, err
	}
	// The settings depend on the version and the memory.
	facts, err := converge.FactsFor(ctx, host, Owner, []converge.Package{c.wantedPackage(), openssl()}, c.factsQuestion(),
		func(s Facts) error { return errors.Join(c.Check(s)...) })
	if err != nil {
		return c, Status{}, err
	}
	c = c.sizedFor(facts)
	c.Version = facts.Installed
	if facts.adopts() {
		if err := c.adoptable(ctx, host); err != nil {
			return c, Status{}, err
		}
	}
	if err := c.validate(ctx, host); err != nil {
		return c, Status{}, err
	}
	w.config = c
	if err := w.try(ctx); err != nil {
		return c, Status{}, err
	}
	manifest := c.Manifest()
	observation, err := converge.Converge(ctx, host, manifest)
	if err != nil {
		return c, Status{}, err
	}
	status, err := c.statusQuestion().Answer(observation)
	if err == nil {
		w.place.In(status.View.Name)
		w.place.At(status.UUID, w.host)
		status, err = w.mend(ctx, status)
	}
	return c, status, err
}

// mend brings the running variables to the file's values: by setting them, and
// by a restart for what is left then.
func (w *work) mend(ctx context.Context, status Status) (Status, error) {
	for round := 0; ; round++ {
		if !status.Answers {
			return status, fmt.Errorf("the server on %s was started and %s is %s: its error log says why; apply again when it runs", w.host.Target().Host, Unit, status.Unit)
		}
		findings := w.config.Diagnose(status)
		operations, err := provision.Operations(findings)
		if err != nil || len(operations) == 0 {
			return status, err
		}
		if round == 2 {
			return status, fmt.Errorf("%w: %s", converge.ErrStillDiffers, strings.Join(converge.Texts(provision.Drift(findings)), "; "))
		}
		for _, operation := range operations {
			if err := w.do(ctx, operation, status); err != nil {
				return status, err
			}
		}
		if status, err = w.config.ask(ctx, w.host); err != nil {
			return status, err
		}
		status.WereSet = true
	}
}

// do does one operation on the server, whose status was that.
func (w *work) do(ctx context.Context, operation provision.Operation, status Status) error {
	switch operation.(type) {
	case Certify:
		if err := w.certify(ctx); err != nil || !status.Answers {
			return err
		}
		return w.set(ctx, status)
	case Set:
		return w.set(ctx, status)
	case StartAtBoot:
		return w.startAtBoot(ctx)
	case Restart:
		return w.restart(ctx, status, turn{})
	case Upgrade:
		return w.upgrade(ctx, status)
	case Complete:
		return w.complete(ctx, status)
	}
	return fmt.Errorf("%s: a server cannot do that", operation)
}

// set sets at run time what can be.
func (w *work) set(ctx context.Context, status Status) error {
	statements := setStatements(w.config.differing(status), status)
	for _, setting := range w.config.postponed(status) {
		statements = append(statements, "RESET PERSIST IF EXISTS "+mysqlroot.Identifier(variableName(setting)))
	}
	if !w.config.OwnTLS() {
		// Only this lets the server load what its variables name.
		statements = append(statements, "ALTER INSTANCE RELOAD TLS")
	}
	_, err := w.host.Run(ctx, remote.Command{Name: "setting variables", Script: setScript(append(statements, w.config.takeBack(status)...), w.config.exact())})
	return w.config.blame(err)
}

// ask reads the status anew.
func (c Config) ask(ctx context.Context, host remote.Host) (Status, error) {
	return converge.Ask(ctx, host, c.statusQuestion())
}

// try sets at run time what a running server lets set, before anything is
// written: a value that it refuses now would keep it from starting later.
func (w *work) try(ctx context.Context) error {
	status, err := w.config.ask(ctx, w.host)
	if err == nil {
		err = errors.Join(w.config.keepsEndpoint(status), w.config.keepsCertificate(status))
	}
	findings := w.config.Diagnose(status)
	if err != nil || len(findings) == 0 {
		return err
	}
	// The settings name a certificate, which has to be there before the server starts
	// with them: that loads it, too.
	certify := Certify{w.config.Endpoint()}
	if slices.ContainsFunc(findings, func(f provision.Finding) bool { return f.Mend == certify }) {
		return w.do(ctx, certify, status)
	}
	if !status.Answers {
		return nil
	}
	return w.set(ctx, status)
}

// setScript runs every statement, whatever comes of the others. No error are what only a
// start can set (1238), or one of the group (3093), and what has no default (1230). One is
// a variable of exact that the server takes as another (1292): it would differ for ever.
func setScript(statements, exact []string) string {
	rounded := ""
	if len(exact) > 0 {
		rounded = `|Warning \(Code 1292\).* incorrect (` + strings.Join(exact, "|") + ") value"
	}
	return "said=$(timeout 30 " + mysqlroot.Client + " --force --show-warnings -e " + remote.Quote(strings.Join(statements, ";\n")) + ` 2>&1) || :
refused=$(printf '%s\n' "$said" | grep -E ` + remote.Quote("^(ERROR "+rounded+")") + ` | grep -Ev '^ERROR (1238|1230|3093) ')
[ -z "$refused" ] || { printf '%s\n' "$refused" >&2; exit 1; }`
}

// exact are the variables of the user's own settings, all but the pool, see same.
func (c Config) exact() []string {
	var names []string
	for name, value := range c.Own {
		if name = variableName(Setting{name, value}); name != poolName {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// settled asks until the server is not on its way up or down.
func (c Config) settled(ctx context.Context, host remote.Host) (Status, error) {
	for {
		status, err := c.ask(ctx, host)
		if err != nil || status.Answers || status.down() {
			return status, err
		}
		if err := remote.Pause(ctx, poll); err != nil {
			return status, fmt.Errorf("%w: %s is %s", err, Unit, status.Unit)
		}
	}
}

// setStatements take back what was persisted over the file, and set at run time
// what the server lets set.
func setStatements(differing []Setting, status Status) []string {
	var statements []string
	for _, setting := range differing {
		name := variableName(setting)
		if _, persisted := status.Persisted[name]; persisted {
			statements = append(statements, "RESET PERSIST IF EXISTS "+mysqlroot.Identifier(name))
		}
		statements = append(statements, "SET GLOBAL "+mysqlroot.Identifier(name)+" = "+literal(setting.Value))
	}
	return statements
}

// literal writes a value so that SET takes it: numbers bare, with the suffix
// that only files may have worked out.
func literal(value string) string {
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	if number, ok := parseBytes(value); ok {
		return strconv.FormatUint(number, 10)
	}
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		return value
	}
	if _, ok := truth(value); ok {
		return strings.ToUpper(value)
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(value) + "'"
}
