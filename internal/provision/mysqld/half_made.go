// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// lastViews are the views of information_schema that mysqld makes last when it makes a
// datadir, after the first statements of whoever starts it. Where these end it, it gives
// up without some or all of them, and what it leaves starts like any other server. All
// versions since 8.0.21 have them.
var lastViews = []string{
	"ADMINISTRABLE_ROLE_AUTHORIZATIONS", "APPLICABLE_ROLES", "ENABLED_ROLES", "ROLE_COLUMN_GRANTS", "ROLE_ROUTINE_GRANTS", "ROLE_TABLE_GRANTS", "USER_ATTRIBUTES",
}

// viewsQuery asks for the lastViews that are there.
func viewsQuery() string {
	return "SELECT 'views', JSON_ARRAYAGG(table_name) FROM information_schema.tables WHERE table_schema = 'information_schema' AND table_name IN ('" + strings.Join(lastViews, "', '") + "')"
}

// lacks are the lastViews that are not there.
func lacks(there []string) []string {
	return slices.DeleteFunc(slices.Clone(lastViews), func(name string) bool { return slices.Contains(there, name) })
}

// Complete lets the server make what its first start left out: a restart with MySQL's own
// upgrade, which makes all views anew and leaves the data alone.
type Complete struct{ Server string }

func (o Complete) String() string { return "complete " + o.Server }

// Stage is its place in the order: that of a restart, which it is.
func (Complete) Stage() int { return 2 }

// halfMade finds a server whose datadir was not made to its end. Nothing shows of that
// until it is the primary: MySQL Router asks USER_ATTRIBUTES of every account.
func (c Config) halfMade(s Status) []provision.Finding {
	if len(s.Lacks) == 0 {
		return nil
	}
	return []provision.Finding{{
		Line: converge.Line{Subject: "datadir " + dataDirectory, Code: CodeHalfMade, Text: fmt.Sprintf(
			"not made to its end: information_schema lacks %s. Where this server is the primary, MySQL Router refuses everybody (Access denied)", strings.Join(s.Lacks, ", "))},
		Mend: Complete{c.Endpoint()},
	}}
}

// complete restarts the server with one line more in its settings, which goes afterwards
// whatever came of it. Killed before, the file is drift.
func (w *work) complete(ctx context.Context, status Status) error {
	err := w.restart(ctx, status, turn{
		purpose: "completing",
		done:    func(s Status) bool { return len(s.Lacks) == 0 },
		before: func(ctx context.Context) error {
			_, err := w.host.Run(ctx, remote.Command{Name: "asking for MySQL's whole upgrade", Script: `printf '[mysqld]\nupgrade = FORCE\n' >>` + remote.Quote(settingsFile)})
			return err
		},
	})
	_, back := converge.Converge(ctx, w.host, w.config.Manifest())
	return errors.Join(err, back)
}
