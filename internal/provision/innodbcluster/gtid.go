// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import model "github.com/atollhq/terraform-provider-atoll/internal/model/group"

// GTIDSet is a set of transactions.
type GTIDSet = model.GTIDSet

// ParseGTIDSet reads what @@gtid_executed shows.
func ParseGTIDSet(text string) (GTIDSet, error) { return model.ParseGTIDSet(text) }
