// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import model "github.com/atollhq/terraform-provider-atoll/internal/model/group"

// guardianRow reads what the server's guardian says of itself, in a session of
// its own as root.
const guardianRow = `SELECT 'guardian', JSON_QUOTE(MAX(CONVERT(v.variable_value USING utf8mb4))) FROM performance_schema.user_variables_by_thread v
 JOIN performance_schema.threads t USING (thread_id) WHERE v.variable_name = '` + model.RefusalVariable + `' AND t.processlist_user = 'root'`

// guardians says why the guardians have not brought the members back that do not
// take part, or nothing: each reason once.
func (d *diagnosing) guardians() string {
	said, text := map[string]bool{}, ""
	for _, key := range d.cluster.keys() {
		if why := d.seen[key].Guardian; why != "" && !said[why] {
			said[why] = true
			text += "; the guardian of " + key + " does nothing: " + why
		}
	}
	return text
}
